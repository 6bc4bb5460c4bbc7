import { expect, live, messages, test } from './fixtures.js';

const LONG = Array(20).fill('a line').join('\n');
const height = (locator) => locator.evaluate((node) => node.getBoundingClientRect().height);
/** What an older version stored, which took any text. */
const put = (row, text) => row.locator('.text').evaluate((node, text) => (node.textContent = text), text);

for (const [name, view] of [
  ['at a desk', {}],
  ['on a phone', { viewport: { width: 390, height: 844 }, hasTouch: true }],
  ['without scripts', { javaScriptEnabled: false, hydrated: false }],
  ['in a small frame', { path: '/embed/1', viewport: { width: 320, height: 480 } }],
]) {
  test(`a long message shows more when its reader asks: ${name}`, async ({ visit, server }) => {
    const bob = await server.guest('Bob');
    await bob.say('short');
    await bob.say(LONG);
    const page = await visit(view);
    await expect(messages(page)).toHaveCount(2);
    await expect(messages(page).first().getByRole('checkbox')).toHaveCount(0);
    const row = messages(page).last();
    const more = row.getByRole('checkbox', { name: 'Show more' });
    const [log, cut] = [await height(page.locator('#log')), await height(row)];
    expect(cut).toBeLessThan(0.6 * log);
    await more.focus();
    await page.keyboard.press('Space');
    await expect(row.getByRole('checkbox', { name: 'Show less' })).toBeChecked();
    expect(await height(row)).toBeGreaterThan(cut);
    await row.getByText('Show less').click();
    expect(await height(row)).toBe(cut);
  });
}

test('an overlay shows a few lines of a message', async ({ visit, server }) => {
  const page = await visit({ path: '/overlay/1?fade=0', viewport: { width: 800, height: 600 } });
  const bob = await server.guest('Bob');
  await bob.say('short');
  await bob.say(LONG);
  await expect(messages(page)).toHaveCount(2);
  await put(messages(page).last(), 'words '.repeat(1_000));
  expect(await height(messages(page).last())).toBeLessThan(300);
  await expect(messages(page).first()).toBeInViewport({ ratio: 1 });
  await put(messages(page).last(), `${'\n'.repeat(499)}.`);
  expect(await height(messages(page).last())).toBeLessThan(60);
  await expect(messages(page).first()).toBeInViewport({ ratio: 1 });
});

test('a message without a place to break leaves the others of an overlay as they are', async ({ visit, server }) => {
  const page = await visit({ path: '/overlay/1?fade=0', viewport: { width: 500, height: 600 } });
  const bob = await server.guest('Bob');
  await bob.say('some words that take more than one line of an overlay, as most messages do, and a few more of them');
  await expect(messages(page)).toHaveCount(1);
  const box = () => messages(page).first().evaluate((node) => node.getBoundingClientRect()).then(({ x, width, height }) => ({ x, width, height }));
  const before = await box();
  for (const text of [`\u0915${'\u094d\u0915'.repeat(200)}`, `👨${'\u200d👨'.repeat(200)}`, 'W'.repeat(490)]) {
    await bob.say(text);
    await expect(messages(page).last()).toContainText(text);
    expect(await box()).toEqual(before);
    expect(await messages(page).last().evaluate((node) => node.getBoundingClientRect().right)).toBeLessThanOrEqual(500);
  }
});

test('marks stacked on a letter leave the rows around them alone', async ({ visit, server }) => {
  for (const [visits, path] of ['/rooms/1', '/overlay/1?fade=0'].entries()) {
    const page = await visit({ path, viewport: { width: 800, height: 600 } });
    const bob = await server.guest('Bob');
    for (const text of ['above it', 'one more', 'stacked', 'one below', 'below it']) await bob.say(text);
    await expect(messages(page)).toHaveCount(5 * (visits + 1));
    await expect(messages(page).last()).toBeInViewport({ ratio: 1 });
    const rows = [-5, -1].map((at) => messages(page).nth(at));
    const before = await Promise.all(rows.map((row) => row.screenshot()));
    await put(messages(page).nth(-3), `a${'\u0301\u0316\u0489'.repeat(30)}`);
    const after = await Promise.all(rows.map((row) => row.screenshot()));
    for (const [at, picture] of before.entries()) expect(after[at].equals(picture), `${path}, row ${at}`).toBe(true);
  }
});

test('marks stacked on a letter that is quoted or pinned leave what is around it alone, and words keep theirs', async ({ visit, server }) => {
  const bob = await server.guest('Bob');
  await bob.say('first');
  const [{ id }] = await server.log();
  await bob.say('above it');
  await bob.reply('an answer', id);
  await bob.say('below it');
  await server.administer('1/settings', { pinned_message: id });
  const page = await visit({ viewport: { width: 800, height: 600 } });
  await live(page);
  const around = [page.getByRole('heading', { level: 1 }), messages(page).nth(1), messages(page).nth(3)];
  const before = await Promise.all(around.map((part) => part.screenshot()));
  const parts = page.locator('.quoted bdi, .pinned .text, .pinned .name');
  expect(await parts.count()).toBe(4);
  await parts.evaluateAll((parts, text) => parts.forEach((part) => (part.textContent = text)), `a${'\u0301\u0316\u0489'.repeat(30)}`);
  const after = await Promise.all(around.map((part) => part.screenshot()));
  for (const [at, picture] of before.entries()) expect(after[at].equals(picture), `part ${at}`).toBe(true);

  // Letters with two and three marks look the same where nothing is cut off.
  const words = messages(page).nth(1).locator('.text');
  await put(messages(page).nth(1), 'กี่ นี้ ที่สุ์ र्क्षि क्षेत्रों مُحَمَّدٌ');
  const look = async () => (await words.screenshot()).toString('base64');
  const cut = await look();
  await page.evaluate(() => document.querySelectorAll('.said, .text').forEach((part) => (part.style.overflow = 'visible')));
  expect(await look()).toBe(cut);
});
