// What users write may begin to run the other way, and never say where that ends. Nothing beside it may turn with it.
import { expect, live, openOptions, test } from './fixtures.js';
import { ADMIN_PASSWORD } from './server.js';

const NAME = 'שלי';
const TEXT = 'over\u2069 there\u2067 and\u202d out';
const REASON = 'rude\u202b';
// No room's name may have such a character: its letters alone run the other way.
const ROOM = 'סרט night';
const ABOUT = 'all of it\u202b';

/** What somebody has written, as a text of its own. */
const WRITTEN = [TEXT, `now ${TEXT}`, REASON, ROOM, ABOUT, 'שתיים'];

/**
 * The texts and labels of a page that leave open which way they run, and are no whole text of somebody, alone in an element that keeps
 * it apart.
 */
const loose = (page) =>
  page.evaluate((written) => {
    const isBalanced = (text) => {
      const ends = [];
      for (const c of text) {
        if ('\u202a\u202b\u202d\u202e'.includes(c)) ends.push('\u202c');
        else if ('\u2066\u2067\u2068'.includes(c)) ends.push('\u2069');
        else if ('\u202c\u2069'.includes(c) && ends.pop() !== c) return false;
      }
      return ends.length === 0;
    };
    const keepsApart = (element) => {
      const { unicodeBidi, display } = getComputedStyle(element);
      return /isolate|plaintext/.test(unicodeBidi) || !display.startsWith('inline');
    };
    const all = [];
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
      if (isBalanced(node.data) || node.parentElement.closest('script, style, textarea, option')) continue;
      let element = node.parentElement;
      while (!keepsApart(element)) element = element.parentElement;
      // The audit log has settings as JSON.
      const isWhole = written.includes(node.data.trim()) || node.data.startsWith('{');
      if (!isWhole || element.textContent.trim() !== node.data.trim()) all.push(element.outerHTML.slice(0, 300));
    }
    const labels = [...document.querySelectorAll('body [title], body [aria-label], body [alt]')].flatMap((element) =>
      ['title', 'aria-label', 'alt'].map((name) => element.getAttribute(name) ?? ''),
    );
    return [...all, ...[document.title, ...labels].filter((text) => !isBalanced(text))];
  }, WRITTEN);

test('what runs the other way turns nothing beside it, on any page', async ({ visit, server }) => {
  const [eve, mo] = [await server.guest(NAME), await server.guest('Mo')];
  await eve.say(TEXT);
  const [{ id }] = await server.log();
  await mo.reply('what?', id);
  await eve.reply(TEXT, (await server.log())[1].id);
  await server.administer('1/settings', { name: ROOM, description: ABOUT, pinned_message: id });
  await server.administer('create', { name: 'שתיים' });
  await server.administer('1/invites', { name: 'Robin\u2068' }).catch(() => {});
  const page = await visit({ path: '/admin', hydrated: false });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText('Sign out')).toBeVisible();

  await page.goto(`${server.url}/rooms/1`);
  await live(page);
  expect(await page.getByRole('log').innerText()).toContain(TEXT);
  await page.locator('#message').pressSequentially('@ש');
  await expect(page.locator('#people')).toBeVisible();
  await eve.say(`now ${TEXT}`);
  await expect(page.getByRole('log').getByText('now over')).toBeVisible();
  expect(await loose(page)).toEqual([]);
  const menu = await openOptions(page.locator('#list .more').first());
  await menu.getByRole('button', { name: 'Moderate' }).click();
  await expect(page.getByRole('dialog').getByText('over')).toBeVisible();
  expect(await loose(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await (await openOptions(page.locator('#list .more').first())).getByRole('button', { name: 'Reply' }).click();
  await expect(page.getByRole('button', { name: /^Replying/ })).toContainText('over');
  expect(await loose(page)).toEqual([]);

  await server.decide(eve.userId, 'timeout', { seconds: 600, reason: REASON });
  await server.delete(`messages/${id}?reason=${encodeURIComponent(REASON)}`);
  await server.administer('1/settings', { hold_newcomers: true, blocked_words: ['spam\u202e'] });
  await (await server.guest(NAME)).say(TEXT);
  const rooms = ['', '/log', '/queue'].map((path) => `/admin/rooms/1${path}`);
  for (const path of ['/', '/embed/1', '/overlay/1', '/rooms/1/replay?at=9', '/admin', ...rooms, '/admin/keys', '/admin/people']) {
    await page.goto(server.url + path);
    expect(await loose(page), path).toEqual([]);
  }
});
