import { expect, messages, test, texts } from './fixtures.js';

const overlay = (visit, query = '', options = {}) => visit({ path: `/overlay/1${query}`, viewport: { width: 800, height: 600 }, ...options });
const style = (locator, name) => locator.evaluate((node, name) => getComputedStyle(node)[name], name);

test('what is said shows at the bottom, and nothing else does', async ({ visit, server }) => {
  const page = await overlay(visit, '?fade=0');
  const bob = await server.guest('Bob');
  for (let n = 1; n <= 30; n++) await bob.say(`message ${n}`);
  await expect(messages(page)).toHaveCount(30);
  await expect(messages(page).last()).toBeInViewport({ ratio: 1 });
  await expect(messages(page).first()).not.toBeInViewport();
  const { bottom } = await messages(page).last().evaluate((node) => node.getBoundingClientRect());
  expect(bottom).toBeGreaterThan(540);
  // Each has its name, no matter who spoke before.
  await expect(messages(page).last().locator('.name')).toBeVisible();
  for (const role of ['textbox', 'button', 'link', 'heading', 'status']) await expect(page.getByRole(role)).toHaveCount(0);
  const size = await page.evaluate(() => {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
    return [scrollWidth - clientWidth, scrollHeight - clientHeight];
  });
  expect(size).toEqual([0, 0]);
});

for (const colorScheme of ['light', 'dark']) {
  test(`there is nothing behind it, ${colorScheme}`, async ({ visit, server }) => {
    const page = await overlay(visit, '?fade=0', { colorScheme });
    await (await server.guest('Bob')).say('hello');
    await expect(messages(page)).toHaveCount(1);
    for (const part of ['html', 'body', '.chat', '.log', '.said']) {
      expect(await style(page.locator(part), 'backgroundColor'), part).toBe('rgba(0, 0, 0, 0)');
    }
    expect(await style(page.locator('html'), 'colorScheme')).toBe('light');
  });
}

test('a message fades, after as long as is said, and not before its time', async ({ visit, server }) => {
  const page = await overlay(visit, '?fade=45');
  await (await server.guest('Bob')).say('hello');
  const one = messages(page);
  await expect(one).toBeVisible();
  const timing = await one.evaluate((node) => node.getAnimations()[0].effect.getComputedTiming());
  expect([timing.delay, timing.duration, timing.fill]).toEqual([45_000, 1_000, 'both']);
  // At its end it is gone.
  await one.evaluate((node) => node.getAnimations()[0].finish());
  await expect(one).toBeHidden();

  const soon = await overlay(visit, '?fade=1');
  await (await server.guest('Bob')).say('soon gone');
  await expect(messages(soon).last()).toHaveText(/soon gone/);
  await expect(messages(soon).last()).toBeHidden();
  expect(await style(messages(await overlay(visit, '?fade=0')).last(), 'animationName')).toBe('none');
});

test('who wants no motion sees none', async ({ visit, server }) => {
  const page = await overlay(visit, '', { reducedMotion: 'reduce' });
  await (await server.guest('Bob')).say('hello');
  await expect(messages(page)).toBeVisible();
  const timing = await messages(page).evaluate((node) => node.getAnimations()[0].effect.getComputedTiming());
  expect([timing.delay, timing.duration]).toEqual([30_000, 10]);
});

test('what is deleted is gone at once, and what has faded stays so', async ({ visit, server }) => {
  const page = await overlay(visit);
  const bob = await server.guest('Bob');
  for (const text of ['one', 'two', 'three']) await bob.say(text);
  await expect(messages(page)).toHaveCount(3);
  await messages(page).nth(1).evaluate((node) => node.getAnimations()[0].finish());
  await expect(messages(page).nth(1)).toBeHidden();
  await server.delete(`messages/${await messages(page).first().getAttribute('id')}`);
  await expect(messages(page)).toHaveCount(2);
  await expect(messages(page).first()).toBeHidden();
  await expect(messages(page).last()).toBeVisible();
});

test.describe('after a restart', () => {
  test.use({ networkErrors: true });

  test('it goes on with what it has missed', async ({ visit, server }) => {
    const page = await overlay(visit, '?fade=0');
    await (await server.guest('Bob')).say('before');
    await expect(messages(page)).toHaveCount(1);
    await server.stop();
    await server.start();
    await (await server.guest('Bob')).say('after');
    await expect.poll(() => texts(page)).toEqual(['before', 'after']);
  });
});

test('where no frame is painted, what is over goes all the same, and the newest is shown', async ({ visit, server }) => {
  // As in a source that is not on screen: the page is not hidden, and has no frames.
  const page = await overlay(visit, '?fade=1', { prepare: () => (window.requestAnimationFrame = () => 0) });
  const bob = await server.guest('Bob');
  await bob.say('the oldest');
  await expect(messages(page)).toHaveCount(1);
  await expect(messages(page)).toHaveCount(0);
  await bob.say('the newest');
  await expect.poll(() => texts(page)).toEqual(['the newest']);
});

test('the custom CSS of OBS changes it', async ({ visit, server }) => {
  const page = await overlay(visit);
  await (await server.guest('Bob')).say('hello');
  await expect(messages(page)).toBeVisible();
  const place = () => messages(page).evaluate((node) => node.getBoundingClientRect().toJSON());
  const before = await place();
  await page.addStyleTag({ content: 'body { background-color: rgba(0, 0, 0, 0); margin: 0px auto; overflow: hidden; }' });
  expect(await place(), "OBS's own style leaves it where it was").toEqual(before);
  // As OBS does it: an element at the end of the head.
  await page.evaluate(() => {
    const css = document.createElement('style');
    css.innerHTML = `body { background-color: rgba(0, 0, 0, 0); margin: 0px auto; overflow: hidden; }
      :root { --overlay-size: 3rem; --overlay-color: rgb(255, 255, 0); --overlay-background: rgb(0, 0, 0); --fade-after: 5s }`;
    document.head.append(css);
  });
  expect(await style(page.locator('.text'), 'fontSize')).toBe('48px');
  expect(await style(page.locator('.text'), 'color')).toBe('rgb(255, 255, 0)');
  expect(await style(page.locator('.said'), 'backgroundColor')).toBe('rgb(0, 0, 0)');
  await expect.poll(() => style(messages(page), 'animationDelay')).toBe('5s');
});
