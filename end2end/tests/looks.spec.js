import AxeBuilder from '@axe-core/playwright';
import { expect, live, messages, openOptions, say, test } from './fixtures.js';
import { ADMIN_KEY, ADMIN_PASSWORD } from './server.js';

const views = [
  { name: 'desktop light', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'desktop dark', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  { name: 'phone light', colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
  { name: 'phone dark', colorScheme: 'dark', viewport: { width: 390, height: 844 }, hasTouch: true },
  { name: 'smallest', colorScheme: 'light', viewport: { width: 320, height: 568 } },
  { name: '4K', colorScheme: 'dark', viewport: { width: 3840, height: 2160 } },
];

for (const { name, ...view } of views) {
  test(`${name}: everything is on the screen and accessible`, async ({ visit, server }) => {
    for (const username of ['Ann', 'Bob', 'Cleo', 'Dan', 'Eve', 'Fay', 'Gus', 'Hal', 'Ida', 'Jo']) {
      await (await server.guest(username)).say(`I am ${username}, see https://example.com/`);
    }
    const page = await visit(view);
    await live(page);
    await say(page, 'my own words', 'Ann');
    await expect(messages(page)).toHaveCount(11);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(view.viewport.width);
    // Where there is little room, the name stands on a button once there is one.
    const name = view.viewport.width < 600 ? page.getByTitle('Change your name') : page.getByLabel('Username');
    for (const part of [name, page.getByLabel('Message', { exact: true }), page.getByRole('log')]) {
      await expect(part).toBeInViewport();
    }
    await expect(page.getByRole('button', { name: 'Send the Message' })).toBeInViewport();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))).toEqual([]);
  });
}

test('letters of one and a half times the size fit on a phone', async ({ visit, server }) => {
  // To a style sheet in rem, 390 by 844 pixels with letters of 24 are what these are with letters of 16.
  await (await server.guest('Bob of the long family name')).say('fine, and you?');
  const page = await visit({ viewport: { width: 260, height: 563 } });
  await live(page);
  const width = async (locator) => (await locator.boundingBox()).width;
  expect(await width(page.getByLabel('Username'))).toBeGreaterThan(200);
  await say(page, 'my own words', 'Ann');
  await expect(messages(page)).toHaveCount(2);
  const field = page.getByLabel('Message', { exact: true });
  expect(await width(field)).toBeGreaterThan(150);
  expect(await width(messages(page).first().locator('.by'))).toBeGreaterThan(120);
  await field.fill('many words '.repeat(40));
  const boxes = await page.locator('.head > *:visible, .log, .name-chip, #message, .send').evaluateAll((parts) =>
    parts.map((part) => part.getBoundingClientRect().toJSON()),
  );
  for (const [n, box] of boxes.entries()) {
    expect([box.left >= 0, box.right <= 260, box.bottom <= 563], `${n}`).toEqual([true, true, true]);
    for (const other of boxes.slice(n + 1)) {
      const overlaps = box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom;
      expect(overlaps, JSON.stringify([box, other])).toBe(false);
    }
  }
  const menu = await openOptions(messages(page).first().getByRole('button', { name: /^Options/ }));
  await expect(menu.getByRole('button', { name: 'Other emoji' })).toBeInViewport({ ratio: 1 });
});

test('an error and an empty chat are accessible too', async ({ visit }) => {
  const page = await visit();
  await page.getByLabel('Username').fill('Ann');
  await page.getByLabel('Message', { exact: true }).fill('x'.repeat(501));
  await page.getByLabel('Message', { exact: true }).press('Enter');
  await expect(page.getByRole('alert').filter({ hasText: 'too long' })).toBeVisible();
  await expect(page.getByLabel('Message', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))).toEqual([]);
});

test('nothing moves when the page comes to life', async ({ visit, server }) => {
  await server.fill(60);
  const page = await visit({ hydrated: false });
  const shift = () =>
    page.evaluate(
      () =>
        new Promise((resolve) => {
          let sum = 0;
          const observer = new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) sum += entry.value;
          });
          observer.observe({ type: 'layout-shift', buffered: true });
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
        }),
    );
  await expect(page.locator('[data-hydrated="true"]')).toBeVisible();
  await live(page);
  expect(await shift()).toBeLessThan(0.01);
});

/** How many pixels of an element are of a strong colour, neither grey nor nearly so. */
async function colourful(locator) {
  const png = [...(await locator.screenshot())];
  return locator.evaluate(async (_, png) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(png)]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    canvas.drawImage(bitmap, 0, 0);
    const { data } = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      const pixel = data.slice(at, at + 3);
      if (Math.max(...pixel) - Math.min(...pixel) > 80) count += 1;
    }
    return count;
  }, png);
}

test('emoji are coloured, also those that are text by default, and letters and signs are not', async ({ visit, server }) => {
  const bob = await server.guest('Bob');
  const emoji = ['\u2764', '\u263a', '\u2600', '\u{1f389}', '\u{1f469}\u200d\u{1f680}', '\u{1f44d}\u{1f3fd}'];
  const plain = ['\u2764\ufe0e', '1 # * 2026', '\u2122 \u00a9 \u00ae', '\u2192 \u2713 \u2605', '木村 علي'];
  for (const text of [...emoji, ...plain]) await bob.say(text);
  const page = await visit({ colorScheme: 'light' });
  for (const text of emoji) expect(await colourful(page.getByRole('log').getByText(text, { exact: true })), text).toBeGreaterThan(20);
  for (const text of plain) expect(await colourful(page.getByRole('log').getByText(text, { exact: true })), text).toBe(0);
});

test('a page that is not there is a page', async ({ visit, server }) => {
  const page = await visit();
  const response = await page.request.get(`${server.url}/rooms/77`);
  expect(response.status()).toBe(404);
  expect(await response.text()).toContain('no such room');
});

test.describe('with errors that are meant', () => {
  // Chromium writes each 404 itself.
  test.use({ networkErrors: true });

  for (const view of [
    { name: 'dark, at a desk', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
    { name: 'light, on the smallest phone', colorScheme: 'light', viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true },
  ]) {
    test(`every page is accessible and fits: ${view.name}`, async ({ visit, server }) => {
      const ann = await server.guest('Ann');
      await ann.say('a first word');
      await ann.say('another one');
      const [{ id }] = await server.log();
      await server.delete(`messages/${id}?reason=be+kind`);
      await server.decide((await server.guest('Eve')).userId, 'ban', { reason: 'again and again and again' });
      await server.administer('1/settings', { hold_newcomers: true, description: 'What is said of a film' });
      const { link } = await server.administer('1/invites', { name: 'Robin of the long family name' });
      const response = await fetch(`${server.url}/v1/widget-keys`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'The site of the fans', allowed_origins: ['https://a-long-name.fans.example:8443', 'https://b.example'] }),
      });
      const { key } = (await response.json()).data;
      const page = await visit({ ...view, path: '/admin', hydrated: false });
      const check = async (path) => {
        // An overlay shows what is said, and no heading: it is a picture over a video.
        const rules = path.startsWith('/overlay/') ? ['page-has-heading-one'] : [];
        const { violations } = await new AxeBuilder({ page }).disableRules(rules).analyze();
        expect(violations, path).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow, path).toBeLessThanOrEqual(0);
      };
      await check('/admin, to sign in');
      for (const path of ['/', `/?before=${id}`, '/embed/1', '/embed/1?readonly=1', '/overlay/1', '/rooms/1/replay?at=0', '/rooms/77', link, `${link}x`]) {
        await page.goto(server.url + path);
        await check(path);
      }
      await page.goto(`${server.url}/admin`);
      await page.getByLabel('Password').fill(ADMIN_PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expect(page.getByRole('heading', { name: 'Rooms' })).toBeVisible();
      const rooms = ['', '/log', '/queue'].map((path) => `/admin/rooms/1${path}`);
      for (const path of ['/admin', ...rooms, '/admin/keys', `/admin/keys/${key}/revoke`, '/admin/people', '/admin/nothing']) {
        await page.goto(server.url + path);
        await check(path);
      }
    });
  }
});
