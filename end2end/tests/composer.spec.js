import { expect, live, messages, say, test, texts } from './fixtures.js';
import { serve } from './site.js';

const field = (page) => page.locator('#message');
const username = (page) => page.locator('#username');
const options = (page) => page.getByRole('listbox', { name: 'People' }).getByRole('option');
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

test('whoever is named in full is chosen first, and names of all kinds are found', async ({ visit, server }) => {
  const names = ['Ann', 'Anna', 'Ann, B.', 'Jérémie F', '木村', 'Абс', "O'Neil", 'a@b', '👩‍🚀'];
  for (const name of names) await (await server.guest(name)).say(`I am ${name}`);
  const page = await visit();
  await live(page);
  await username(page).fill('Reader');
  await field(page).focus();
  const complete = async (typed, key) => {
    await field(page).fill('');
    await page.keyboard.insertText(typed);
    await expect(options(page).first()).toBeVisible();
    await page.keyboard.press(key);
    return field(page).inputValue();
  };
  expect(await complete('@Ann', 'Enter')).toBe('@Ann ');
  expect(await complete('@anna', 'Tab')).toBe('@Anna ');
  expect(await complete('@ann,', 'Enter')).toBe('@Ann, B. ');
  expect(await complete('@jeremie', 'Enter')).toBe('@Jérémie F ');
  expect(await complete('你好＠木', 'Enter')).toBe('你好@木村 ');
  expect(await complete('@аб', 'Tab')).toBe('@Абс ');
  expect(await complete('@o’n', 'Enter')).toBe("@O'Neil ");
  expect(await complete('@a@', 'Enter')).toBe('@a@b ');
  expect(await complete('@👩', 'Enter')).toBe('@👩‍🚀 ');
  expect(await server.history()).toHaveLength(names.length);
});

test('keys that belong to an input method neither send nor choose', async ({ visit, server }) => {
  await (await server.guest('Anna')).say('hello');
  const page = await visit();
  await live(page);
  await username(page).fill('Bob');
  await field(page).fill('@An');
  await expect(options(page)).toHaveText(['Anna']);
  const orders = ['safari', 'chrome', 'events'];
  for (const key of ['Enter', 'Escape', 'ArrowDown', 'ArrowUp', 'Tab']) {
    for (const order of orders) {
      const prevented = await field(page).evaluate(
        (field, { key, order }) => {
          const press = (options) => new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...options });
          const composition = (type) => field.dispatchEvent(new CompositionEvent(type, { bubbles: true, data: 'あ' }));
          const event = { safari: press({ keyCode: 229 }), chrome: press({ isComposing: true, keyCode: 13 }), events: press({ keyCode: 13 }) }[order];
          composition('compositionstart');
          if (order === 'safari') composition('compositionend');
          field.dispatchEvent(event);
          if (order !== 'safari') composition('compositionend');
          return event.defaultPrevented;
        },
        { key, order },
      );
      expect(prevented, `${key}, ${order}`).toBe(false);
      await expect(options(page), `${key}, ${order}`).toHaveText(['Anna']);
    }
  }
  expect(await server.history()).toEqual(['hello']);
  // A real composition.
  const devtools = await page.context().newCDPSession(page);
  await field(page).fill('');
  await devtools.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 });
  await page.keyboard.press('Enter');
  await devtools.send('Input.insertText', { text: '日本' });
  await expect(field(page)).toHaveValue(/日本/);
  expect(await server.history()).toEqual(['hello']);
  await field(page).fill('日本');
  await page.keyboard.press('Enter');
  await expect(messages(page)).toHaveCount(2);
  expect(await server.history()).toEqual(['hello', '日本']);
});

test('Shift+Enter begins a line, the field grows with it, and Enter sends', async ({ visit, server }) => {
  const page = await visit();
  await live(page);
  await username(page).fill('Ann');
  const height = async () => (await field(page).boundingBox()).height;
  await field(page).focus();
  const one = await height();
  await page.keyboard.type('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('two');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('three');
  await expect(field(page)).toHaveValue('one\ntwo\nthree');
  const three = await height();
  expect(three).toBeGreaterThan(one + 30);
  await field(page).fill('line\n'.repeat(40));
  expect(await height()).toBeLessThan(one + 7 * 24);
  await field(page).fill('one\ntwo\nthree');
  await page.keyboard.press('Enter');
  await expect(messages(page)).toHaveCount(1);
  expect(await server.history()).toEqual(['one\ntwo\nthree']);
  expect(await height()).toBeCloseTo(one, 0);
});

test('lines that are pasted stay apart, and a line end behind a link goes', async ({ visit, server }) => {
  const page = await visit({ permissions: ['clipboard-read', 'clipboard-write'] });
  await live(page);
  await username(page).fill('Ann');
  for (const text of ['one\ntwo\r\nhttps://a.example/x\nthree', 'https://a.example/y\n', 'a\tb']) {
    await page.evaluate((text) => navigator.clipboard.writeText(text), text);
    await field(page).fill('');
    await page.keyboard.press('Control+V');
    await page.keyboard.press('Enter');
    await expect(field(page)).toHaveValue('');
  }
  await expect(messages(page)).toHaveCount(3);
  expect(await server.history()).toEqual(['one\ntwo\nhttps://a.example/x\nthree', 'https://a.example/y', 'a\tb']);
  const links = await page.locator('#list .text a').evaluateAll((links) => links.map((link) => link.href));
  expect(links).toEqual(['https://a.example/x', 'https://a.example/y']);
});

test.describe('without JavaScript', () => {
  test('several lines are posted as they were written', async ({ visit, server }) => {
    const page = await visit({ javaScriptEnabled: false, hydrated: false });
    await username(page).fill('Ann');
    await field(page).fill('one\ntwo');
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect(messages(page)).toHaveCount(1);
    expect(await server.history()).toEqual(['one\ntwo']);
    // As many code points as the server takes, which are more UTF-16 code units.
    await field(page).fill('👨‍👩‍👧‍👦'.repeat(71));
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect(messages(page)).toHaveCount(2);
  });
});

test.describe('what was typed', () => {
  test('is there after a reload and on the way back, and gone when it was sent', async ({ visit }) => {
    const page = await visit();
    await live(page);
    const long = 'a long message '.repeat(14).trim();
    await username(page).fill('Ann');
    await field(page).fill(long);
    await page.reload();
    await live(page);
    await expect(field(page)).toHaveValue(long);
    const address = page.url();
    await page.goto('about:blank');
    await page.goBack();
    await expect(page).toHaveURL(address);
    await live(page);
    await expect(field(page)).toHaveValue(long);
    await username(page).fill('Ann');
    await field(page).press('Enter');
    await expect(messages(page)).toHaveCount(1);
    await page.reload();
    await live(page);
    await expect(field(page)).toHaveValue('');
  });

  test('is kept for each room', async ({ visit, server }) => {
    await server.administer('create', { name: 'Second' });
    const page = await visit({ path: '/rooms/1' });
    await field(page).fill('for the first');
    await page.goto(`${server.url}/rooms/2`);
    await expect(field(page)).toHaveValue('');
    await page.goto(`${server.url}/rooms/1`);
    await expect(field(page)).toHaveValue('for the first');
  });

  test('is sent once, though the page was reloaded before the answer came', async ({ visit, server }) => {
    const page = await visit();
    await live(page);
    let stored;
    const isStored = new Promise((resolve) => (stored = resolve));
    let sent = 0;
    await page.route('**/publish/1', async (route) => {
      if (sent++ > 0) return route.continue();
      await route.fetch();
      // The answer never comes.
      stored();
    });
    await say(page, 'once', 'Ann');
    await isStored;
    await page.reload();
    await live(page);
    await expect(field(page)).toHaveValue('once');
    await field(page).press('Enter');
    await expect(field(page)).toHaveValue('');
    expect(await server.history()).toEqual(['once']);
  });
});

test('without storage the page works, and the server knows the name', async ({ visit }) => {
  const prepare = () => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('denied', 'SecurityError');
        },
      });
    }
  };
  const page = await visit({ prepare });
  await live(page);
  await say(page, 'hello', 'Ann');
  await expect(messages(page)).toHaveCount(1);
  await page.reload();
  await live(page);
  await expect(username(page)).toHaveValue('Ann');
  await say(page, 'again');
  await expect(messages(page)).toHaveCount(2);
});

test('password managers leave the fields alone, and a name that is filled in counts as typed', async ({ visit, server }) => {
  const page = await visit();
  await live(page);
  for (const input of [username(page), field(page)]) {
    for (const [name, value] of [['data-1p-ignore', ''], ['data-bwignore', ''], ['data-lpignore', 'true'], ['data-form-type', 'other']]) {
      await expect(input).toHaveAttribute(name, value);
    }
  }
  await page.evaluate(() => {
    for (const [id, value] of [['username', 'Filled'], ['message', 'hunter2']]) {
      const input = document.getElementById(id);
      input.value = value;
      for (const type of ['input', 'change']) input.dispatchEvent(new Event(type, { bubbles: true }));
    }
  });
  expect(await server.history()).toEqual([]);
  await field(page).fill('hello');
  await field(page).press('Enter');
  await expect(messages(page)).toHaveCount(1);
  await expect(messages(page)).toContainText('Filled');
});

test('a frame without allow-forms sends by Enter and by the button', async ({ visit, server }) => {
  const frame = `<iframe title="Chat" sandbox="allow-same-origin allow-scripts allow-popups" src="${server.url}/embed/1" width="360" height="500"></iframe>`;
  const html = `<!doctype html><html lang="en"><head><title>Elsewhere</title><link rel="icon" href="data:,"></head><body>${frame}</body></html>`;
  const site = await serve({ '/': html });
  try {
    const page = (await visit({ origin: site.origin, hydrated: false })).frameLocator('iframe');
    await live(page);
    await page.locator('#username').fill('Ann');
    await page.locator('#message').fill('by Enter');
    await page.locator('#message').press('Enter');
    await expect(page.locator('#list .message')).toHaveCount(1);
    await page.locator('#message').fill('by the button');
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect(page.locator('#list .message')).toHaveCount(2);
    await page.locator('#message').fill('by Enter in the other field');
    await page.locator('#username').press('Enter');
    await expect(page.locator('#list .message')).toHaveCount(3);
  } finally {
    site.close();
  }
});

test.describe('on a phone', () => {
  test('the name stands back behind a chip once it is known, and can be changed', async ({ visit }) => {
    const page = await visit(phone);
    await live(page);
    const composer = page.locator('form.composer');
    const before = (await composer.boundingBox()).height;
    await say(page, 'hello', 'Ann');
    await expect(messages(page)).toHaveCount(1);
    const chip = page.locator('.name-chip');
    await expect(chip).toBeVisible();
    await expect(chip).toHaveText('Ann');
    expect((await composer.boundingBox()).height).toBeLessThan(before - 30);
    await chip.tap();
    await expect(username(page)).toBeFocused();
    expect((await username(page).boundingBox()).width).toBeGreaterThan(100);
    await username(page).fill('Bea');
    await field(page).fill('renamed');
    await field(page).press('Enter');
    await expect(messages(page).last()).toContainText('Bea');
    await expect(chip).toHaveText('Bea');
  });

  test('a keyboard that lies over the page does not cover the field', async ({ visit, server }) => {
    await server.fill(60);
    const prepare = () => {
      const viewport = new EventTarget();
      Object.assign(viewport, { offsetTop: 0, offsetLeft: 0, scale: 1, width: 390, height: 844 });
      Object.defineProperty(window, 'visualViewport', { value: viewport });
      window.keyboard = (height) => {
        viewport.height = window.innerHeight - height;
        viewport.dispatchEvent(new Event('resize'));
      };
    };
    const page = await visit({ ...phone, prepare });
    await live(page);
    const bottom = async () => {
      const { y, height } = await field(page).boundingBox();
      return y + height;
    };
    const last = messages(page).last();
    await expect(last).toBeInViewport();
    await field(page).focus();
    await page.evaluate(() => window.keyboard(300));
    await expect.poll(bottom).toBeLessThanOrEqual(544);
    await expect.poll(async () => (await last.boundingBox()).y).toBeLessThan(544);
    await page.evaluate(() => window.keyboard(0));
    await expect.poll(bottom).toBeGreaterThan(700);
    // Scrolled up, the place stays.
    await page.getByRole('log').evaluate((log) => log.scrollTo({ top: 300, behavior: 'instant' }));
    const top = () => page.getByRole('log').evaluate((log) => log.scrollTop);
    const place = await top();
    await page.evaluate(() => window.keyboard(300));
    await expect.poll(bottom).toBeLessThanOrEqual(544);
    expect(await top()).toBe(place);
  });

  test('on its side the conversation has most of the height', async ({ visit, server }) => {
    await server.fill(30);
    const page = await visit({ ...phone, viewport: { width: 740, height: 340 } });
    await live(page);
    const share = async () => (await page.getByRole('log').boundingBox()).height / 340;
    expect(await share()).toBeGreaterThan(0.6);
    await say(page, 'hello', 'Ann');
    await expect(page.locator('.name-chip')).toBeVisible();
    expect(await share()).toBeGreaterThan(0.6);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(740);
    expect(await texts(page)).toContain('hello');
  });
});
