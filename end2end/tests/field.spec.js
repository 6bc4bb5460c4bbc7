import AxeBuilder from '@axe-core/playwright';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, live, messages, say, test } from './fixtures.js';
import { serve } from './site.js';

const violations = async (page) => (await new AxeBuilder({ page }).analyze()).violations;
const field = (page) => page.getByRole('textbox', { name: 'Message', exact: true });
const people = (page) => page.getByRole('listbox', { name: 'People' });
const options = (page) => people(page).getByRole('option');
const emoji = (page) => page.getByRole('button', { name: 'Emoji', exact: true });
const picker = (page) => page.getByRole('dialog', { name: 'Emoji' });
const marked = (page) => page.getByRole('listitem').filter({ hasText: 'mentions you' });

/** Has the page believe that nobody, or somebody, looks at it: a headless browser shows all its tabs. */
const look = (page, looks) =>
  page.evaluate((looks) => {
    Object.defineProperty(document, 'hidden', { value: !looks, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, looks);

test.describe('keys', () => {
  test('arrow up in an empty field recalls what was sent, and what was typed stays', async ({ visit, server }) => {
    const page = await visit();
    await live(page);
    for (const [n, text] of ['one', 'two', 'three'].entries()) {
      await say(page, text, 'Ann');
      await expect(messages(page)).toHaveCount(n + 1);
    }
    const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    await field(page).focus();
    await press('ArrowUp');
    await expect(field(page)).toHaveValue('three');
    await press('ArrowUp', 'ArrowUp', 'ArrowUp');
    await expect(field(page)).toHaveValue('one');
    await press('ArrowDown');
    await expect(field(page)).toHaveValue('two');
    await press('ArrowDown', 'ArrowDown');
    await expect(field(page)).toHaveValue('');
    await page.keyboard.type('half a sen');
    await press('ArrowUp', 'ArrowDown');
    await expect(field(page)).toHaveValue('half a sen');
    // What was changed is what is being typed: and nothing that was sent changes with it.
    await field(page).fill('');
    await press('ArrowUp');
    await page.keyboard.type('!');
    await press('ArrowUp');
    await expect(field(page)).toHaveValue('three!');
    await press('Enter');
    await expect(messages(page)).toHaveCount(4);
    expect(await server.history()).toEqual(['one', 'two', 'three', 'three!']);
    await page.reload();
    await live(page);
    await field(page).focus();
    await press('ArrowUp', 'ArrowUp');
    await expect(field(page)).toHaveValue('three');
  });

  test('a slash leads to the field, but not from a field, a dialog or with another key', async ({ visit, server }) => {
    await (await server.guest('Bob')).say('hello');
    const page = await visit();
    await live(page);
    await page.getByRole('log').focus();
    for (const key of ['Control+/', 'Alt+/', 'Meta+/']) {
      await page.keyboard.press(key);
      await expect(field(page)).not.toBeFocused();
    }
    await page.keyboard.press('/');
    await expect(field(page)).toBeFocused();
    await expect(field(page)).toHaveValue('');
    await page.keyboard.type('1/2');
    await expect(field(page)).toHaveValue('1/2');
    await page.getByLabel('Username').focus();
    await page.keyboard.type('a/b');
    await expect(page.getByLabel('Username')).toHaveValue('a/b');
    await emoji(page).click();
    await expect(picker(page)).toBeVisible();
    await page.keyboard.type('/');
    await expect(picker(page)).toBeVisible();
    await expect(field(page)).toHaveValue('1/2');
  });

  test('Esc leaves the field', async ({ visit }) => {
    const page = await visit();
    await live(page);
    await field(page).fill('kept');
    await page.keyboard.press('Escape');
    await expect(field(page)).not.toBeFocused();
    await expect(field(page)).toHaveValue('kept');
    await page.keyboard.press('/');
    await expect(field(page)).toBeFocused();
  });
});

test.describe('names', () => {
  test('are offered to the keys', async ({ visit, server }) => {
    for (const name of ['Zoë', 'Zed', 'Anna', 'Ann Smith', 'zorro']) await (await server.guest(name)).say(`I am ${name}`);
    const page = await visit();
    await live(page);
    await say(page, 'hello', 'Zelda');
    await expect(messages(page)).toHaveCount(6);
    await page.keyboard.type('hi @');
    await expect(people(page)).toBeHidden();
    await page.keyboard.type('Z');
    await expect(options(page)).toHaveText(['zorro', 'Zed', 'Zoë']);
    await expect(field(page)).toHaveAttribute('aria-autocomplete', 'list');
    await expect(field(page)).toHaveAttribute('aria-controls', 'people');
    const active = async () => page.locator(`[id="${await field(page).getAttribute('aria-activedescendant')}"]`);
    await expect(await active()).toHaveText('zorro');
    await expect(await active()).toHaveAttribute('aria-selected', 'true');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('ArrowUp');
    await expect(await active()).toHaveText('Zoë');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await expect(await active()).toHaveText('Zed');
    await page.keyboard.type('o');
    await expect(options(page)).toHaveText(['zorro', 'Zoë']);
    await page.keyboard.type('e');
    await page.keyboard.press('Enter');
    await expect(field(page)).toHaveValue('hi @Zoë ');
    await expect(people(page)).toBeHidden();
    await page.keyboard.type('and @ann s');
    await expect(options(page)).toHaveText(['Ann Smith']);
    await page.keyboard.press('Tab');
    await expect(field(page)).toHaveValue('hi @Zoë and @Ann Smith ');
    await expect(field(page)).toBeFocused();
    await page.keyboard.type('@a');
    await page.keyboard.press('Escape');
    await expect(people(page)).toBeHidden();
    await expect(field(page)).toBeFocused();
    // In an address nobody is meant.
    await field(page).fill('');
    await page.keyboard.type('me@a');
    await expect(people(page)).toBeHidden();
    expect(await server.history()).toHaveLength(6);
  });

  test('are offered at the caret, and to a finger', async ({ visit, server }) => {
    await (await server.guest('Bob <b>')).say('hello');
    const page = await visit({ viewport: { width: 390, height: 844 }, hasTouch: true, colorScheme: 'dark' });
    await live(page);
    await field(page).fill('hi , welcome');
    await field(page).evaluate((field) => field.setSelectionRange(3, 3));
    await page.keyboard.type('@b');
    await expect(options(page)).toHaveText(['Bob <b>']);
    expect(await violations(page)).toEqual([]);
    await options(page).tap();
    await expect(field(page)).toHaveValue('hi @Bob <b> , welcome');
    await page.keyboard.type('x');
    await expect(field(page)).toHaveValue('hi @Bob <b> x, welcome');
  });

  test('stand out, most of all the reader\'s own', async ({ visit }) => {
    const ann = await visit();
    const bob = await visit();
    await live(ann);
    await live(bob);
    await say(ann, 'I am here', 'Ann');
    await say(bob, 'me too', 'Bob');
    await expect(messages(ann)).toHaveCount(2);
    await say(ann, 'hi @bob and @Cleo, not me@bob.example or https://x.example/@Bob');
    await expect(messages(bob)).toHaveCount(3);
    await expect(marked(bob)).toHaveCount(1);
    await expect(marked(bob)).toContainText('hi @bob');
    await expect(marked(ann)).toHaveCount(0);
    const mentions = (page) => page.locator('.mention');
    await expect(mentions(bob)).toHaveText(['@bob']);
    await expect(mentions(bob)).toHaveClass(/of-reader/);
    await expect(mentions(ann)).toHaveText(['@bob']);
    await expect(mentions(ann)).not.toHaveClass(/of-reader/);
    expect(await violations(bob)).toEqual([]);
    // Whoever speaks becomes known, in what was said before too.
    const cleo = await visit();
    await live(cleo);
    await expect(mentions(cleo)).toHaveText(['@bob']);
    await say(cleo, 'somebody called?', 'Cleo');
    await expect(mentions(ann)).toHaveText(['@bob', '@Cleo']);
    await expect(marked(cleo)).toHaveCount(1);
    await cleo.reload();
    await live(cleo);
    await expect(marked(cleo)).toHaveCount(1);
  });
});

test.describe('while nobody looks', () => {
  test.use({ networkErrors: true });

  test('the title counts what mentions the reader, over a disconnect too', async ({ visit, server }) => {
    const page = await visit();
    await live(page);
    await say(page, 'I am Ann', 'Ann');
    await expect(messages(page)).toHaveCount(1);
    const bob = await server.guest('Bob');
    await bob.say('@Ann, while she looks');
    await expect(messages(page)).toHaveCount(2);
    await expect(page).toHaveTitle('Live chat · live-chat');
    await look(page, false);
    await bob.say('@ann one');
    await bob.say('nobody');
    await bob.say('@Anna');
    await bob.say('two, @Ann');
    await expect(page).toHaveTitle('(2) Live chat · live-chat');
    await expect(messages(page)).toHaveCount(6);
    await expect(page).toHaveTitle('(2) Live chat · live-chat');
    await page.context().setOffline(true);
    await bob.say('@Ann three');
    await page.context().setOffline(false);
    await expect(page).toHaveTitle('(3) Live chat · live-chat');
    await server.delete(`messages/${await messages(page).filter({ hasText: 'one' }).getAttribute('id')}`);
    await expect(page).toHaveTitle('(2) Live chat · live-chat');
    await server.administer('1/settings', { name: 'Main stage' });
    await expect(page).toHaveTitle('(2) Main stage · live-chat');
    await look(page, true);
    await expect(page).toHaveTitle('Main stage · live-chat');
    await bob.say('@Ann, while she looks again');
    await expect(messages(page)).toHaveCount(7);
    await expect(page).toHaveTitle('Main stage · live-chat');
  });

  test('neither what the reader says elsewhere nor history counts', async ({ visit, server }) => {
    const bob = await server.guest('Bob');
    for (let n = 0; n < 60; n++) await bob.say(`@Ann ${n}`);
    const page = await visit();
    await live(page);
    await say(page, 'I am Ann', 'Ann');
    await expect(messages(page)).toHaveCount(51);
    const other = await page.context().newPage();
    await other.goto(server.url);
    await look(page, false);
    await page.getByRole('log').evaluate((log) => log.scrollTo(0, 0));
    await expect(messages(page)).toHaveCount(61);
    await say(other, '@Ann says Ann');
    await expect(messages(page)).toHaveCount(62);
    await expect(page).toHaveTitle('Live chat · live-chat');
  });
});

test.describe('emoji', () => {
  test('are those of the packages that are named', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const folder = await mkdtemp(join(tmpdir(), 'emoji-'));
    try {
      execFileSync(join(root, '.ci/emoji'), [folder]);
      const vendor = join(root, 'public/emoji/vendor');
      const files = await readdir(folder);
      expect((await readdir(vendor)).sort()).toEqual(files.sort());
      for (const file of files) expect((await readFile(join(vendor, file))).equals(await readFile(join(folder, file))), file).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('are fetched when they are asked for, searched, and written at the caret', async ({ visit }) => {
    const page = await visit();
    const fetched = [];
    page.on('request', (request) => request.url().includes('/emoji/') && fetched.push(request.url()));
    await page.reload();
    await live(page);
    expect(fetched).toEqual([]);
    await field(page).fill('hello you');
    await field(page).evaluate((field) => field.setSelectionRange(6, 6));
    await emoji(page).click();
    await expect(picker(page)).toBeVisible();
    expect(fetched.length).toBeGreaterThan(0);
    expect(new Set(fetched.map((url) => new URL(url).origin))).toEqual(new Set([new URL(page.url()).origin]));
    const search = picker(page).getByRole('combobox', { name: 'Search' });
    await expect(search).toBeFocused();
    expect(await violations(page)).toEqual([]);
    // Typed key by key, what is found for the first letters could still come after the arrow key, which would then begin anew.
    await page.keyboard.insertText('grinning cat');
    const found = picker(page).getByRole('option', { name: '😺' });
    await expect(found).toBeVisible();
    await page.keyboard.press('ArrowDown');
    await expect(found).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('Enter');
    await expect(picker(page)).toBeHidden();
    await expect(field(page)).toHaveValue('hello 😺you');
    await expect(field(page)).toBeFocused();
    await page.keyboard.type(' ');
    await expect(field(page)).toHaveValue('hello 😺 you');
    // The next time it is empty again, and knows what was chosen.
    await emoji(page).click();
    await expect(search).toHaveValue('');
    await expect(picker(page).getByRole('menuitem', { name: '😺' }).first()).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(picker(page)).toBeHidden();
    await expect(emoji(page)).toBeFocused();
    await expect(field(page)).toHaveValue('hello 😺 you');
  });

  for (const [name, options] of [
    ['at a desk', {}],
    ['on a phone', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'dark' }],
    ['on the smallest', { viewport: { width: 320, height: 568 } }],
    ['low and wide', { viewport: { width: 844, height: 390 } }],
  ]) {
    test(`stand over the field and on the screen ${name}`, async ({ visit }) => {
      const page = await visit(options);
      await live(page);
      await emoji(page).click();
      await expect(picker(page)).toBeVisible();
      await expect(picker(page).getByRole('menuitem').first()).toBeVisible();
      const [above, below] = [await picker(page).boundingBox(), await field(page).boundingBox()];
      expect(above.y).toBeGreaterThanOrEqual(0);
      expect(above.y + above.height).toBeLessThanOrEqual(below.y);
      // A phone's keyboard stays away until it is asked for.
      if (options.isMobile) await expect(picker(page).getByRole('combobox', { name: 'Search' })).not.toBeFocused();
      expect(above.x).toBeGreaterThanOrEqual(0);
      expect(above.x + above.width).toBeLessThanOrEqual(page.viewportSize().width);
      expect(await violations(page)).toEqual([]);
      await page.mouse.click(2, 2);
      await expect(picker(page)).toBeHidden();
    });
  }

  test('need no storage', async ({ visit }) => {
    const prepare = () => {
      for (const name of ['indexedDB', 'localStorage']) {
        Object.defineProperty(window, name, {
          get() {
            throw new DOMException('denied', 'SecurityError');
          },
        });
      }
    };
    const page = await visit({ prepare });
    await live(page);
    await emoji(page).click();
    await picker(page).getByRole('menuitem', { name: '😀' }).first().click();
    await expect(field(page)).toHaveValue('😀');
  });

  test('are there in another site\'s frame, and not where nobody writes', async ({ visit, server }) => {
    const frame = `<iframe title="Chat" src="${server.url}/embed/1?theme=dark" width="360" height="500"></iframe>`;
    const page = `<!doctype html><html lang="en"><head><title>Elsewhere</title><link rel="icon" href="data:,"></head><body>${frame}</body></html>`;
    const site = await serve({ '/': page });
    try {
      const embed = (await visit({ origin: site.origin, hydrated: false })).frameLocator('iframe');
      await live(embed);
      await emoji(embed).click();
      await picker(embed).getByRole('menuitem', { name: '😀' }).first().click();
      await expect(field(embed)).toHaveValue('😀');
    } finally {
      site.close();
    }
    const readOnly = await visit({ path: '/embed/1?readonly=1' });
    await live(readOnly);
    await expect(emoji(readOnly)).toHaveCount(0);
    const overlay = await visit({ path: '/overlay/1' });
    await expect(emoji(overlay)).toHaveCount(0);
    const plain = await visit({ javaScriptEnabled: false, hydrated: false });
    await expect(plain.getByRole('button', { name: 'Send the Message' })).toBeVisible();
    await expect(emoji(plain)).toHaveCount(0);
  });

  test.describe('without a connection', () => {
    test.use({ networkErrors: true });

    test('say so, and come when it is back', async ({ visit }) => {
      const page = await visit();
      await live(page);
      await page.context().setOffline(true);
      await emoji(page).click();
      await expect(page.getByRole('alert').filter({ hasText: 'The emoji could not be loaded' })).toBeVisible();
      await expect(picker(page)).toBeHidden();
      await page.context().setOffline(false);
      await emoji(page).click();
      await expect(picker(page)).toBeVisible();
      await expect(page.getByRole('alert').filter({ hasText: 'The emoji could not be loaded' })).toBeHidden();
    });
  });
});
