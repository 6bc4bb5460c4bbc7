import AxeBuilder from '@axe-core/playwright';
import { expect, live, messages, say, test } from './fixtures.js';

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
    for (const part of [page.getByLabel('Username'), page.getByLabel('Message', { exact: true }), page.getByRole('log')]) {
      await expect(part).toBeInViewport();
    }
    await expect(page.getByRole('button', { name: 'Send the Message' })).toBeInViewport();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))).toEqual([]);
  });
}

test('an error and an empty chat are accessible too', async ({ visit }) => {
  const page = await visit();
  await page.getByLabel('Username').fill('Ann');
  await page.getByLabel('Message', { exact: true }).fill('x'.repeat(501));
  await page.getByLabel('Message', { exact: true }).press('Enter');
  await expect(page.getByRole('alert').filter({ hasText: /./ }).first()).toBeVisible();
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

test('a page that is not there is a page', async ({ visit, server }) => {
  const page = await visit();
  const response = await page.request.get(`${server.url}/rooms/77`);
  expect(response.status()).toBe(404);
  expect(await response.text()).toContain('no such room');
});
