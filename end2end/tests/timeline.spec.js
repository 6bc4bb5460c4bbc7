import { atBottom, expect, live, messages, say, test, texts } from './fixtures.js';

const scrollTo = (page, top) => page.getByRole('log').evaluate((log, top) => log.scrollTo({ top, behavior: 'instant' }), top);

test('follows when at the bottom, stays put when scrolled up', async ({ visit, server }) => {
  await server.fill(50);
  const page = await visit();
  await live(page);
  await expect.poll(() => atBottom(page)).toBe(true);
  const guest = await server.guest('Bob');
  await guest.say('followed');
  await expect(messages(page).last()).toContainText('followed');
  await expect.poll(() => atBottom(page)).toBe(true);

  await scrollTo(page, 300);
  const before = await page.getByRole('log').evaluate((log) => log.scrollTop);
  for (const text of ['first', 'second', 'third']) await guest.say(text);
  const jump = page.getByRole('button', { name: '3 new messages' });
  await expect(jump).toBeVisible();
  expect(await page.getByRole('log').evaluate((log) => log.scrollTop)).toBe(before);
  await jump.click();
  await expect.poll(() => atBottom(page)).toBe(true);
  await expect(jump).toBeHidden();
});

test('a button loads older messages above, and the place is kept', async ({ visit, server }) => {
  await server.fill(120);
  const page = await visit();
  await expect(messages(page)).toHaveCount(50);
  const anchor = page.getByText('message 75', { exact: true });
  const older = page.getByRole('button', { name: /older/i });
  const place = async () => Math.round((await anchor.boundingBox()).y);
  await older.evaluate((button) => button.focus({ preventScroll: true }));
  const before = await place();
  await page.keyboard.press('Space');
  await expect(messages(page)).toHaveCount(100);
  // Pressed as the list is at its end, so the end stays.
  await expect.poll(() => atBottom(page)).toBe(true);
  expect(Math.abs((await place()) - before)).toBeLessThanOrEqual(2);
  await page.keyboard.press('Enter');
  await expect(messages(page)).toHaveCount(120);
  await expect(older).toBeHidden();
  expect(await texts(page)).toEqual(Array.from({ length: 120 }, (_, n) => `message ${n + 1}`));
});

test('long words wrap, and days are set apart', async ({ visit, server }) => {
  await (await server.guest('W'.repeat(64))).say('w'.repeat(500));
  await (await server.guest('👩‍👩‍👧‍👦 مرحبا')).say('שלום עולם 👋🏽');
  const page = await visit({ viewport: { width: 320, height: 640 } });
  await expect(page.getByRole('log')).toContainText('שלום');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  expect(await page.getByRole('log').evaluate((log) => log.scrollWidth <= log.clientWidth)).toBe(true);
  await expect(page.locator('#list .day:visible')).toHaveCount(1);
});

test('people keep their colour', async ({ visit, server }) => {
  const ann = await server.guest('Ann');
  await ann.say('one');
  await ann.say('three');
  const page = await visit();
  await say(page, 'two', 'Bob');
  const hue = (text) =>
    messages(page)
      .filter({ hasText: text })
      .evaluate((item) => /hue-\d+/.exec(item.outerHTML)[0]);
  expect(await hue('one')).toBe(await hue('three'));
  await say(page, 'four', 'Bobby');
  await expect(messages(page)).toHaveCount(4);
  expect(await hue('four')).toBe(await hue('two'));
});
