import AxeBuilder from '@axe-core/playwright';
import { expect, live, messages, say, test } from './fixtures.js';
import { ADMIN_PASSWORD, WIDGET_KEY } from './server.js';

const violations = async (page) => (await new AxeBuilder({ page }).analyze()).violations;

/** Signs in, and goes to the keys. */
const keys = async (visit, options) => {
  const page = await visit({ path: '/admin', hydrated: false, ...options });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Widget keys' }).click();
  return page;
};

test.use({ networkErrors: true }); // Chromium writes each refusal itself.

for (const [where, options] of [
  ['at a desk', {}],
  ['on a phone without JavaScript', { viewport: { width: 390, height: 844 }, colorScheme: 'dark', javaScriptEnabled: false }],
]) {
  test(`keys are made and revoked ${where}`, async ({ visit }) => {
    const accessible = async (page) => options.javaScriptEnabled === false || expect(await violations(page)).toEqual([]);
    const open = await visit();
    await live(open);
    const page = await keys(visit, options);
    const list = page.getByRole('list', { name: 'Widget keys' });
    await expect(list.getByRole('listitem')).toHaveCount(1);
    await accessible(page);

    await page.getByLabel('Name').fill('Fan site');
    await page.getByLabel('Room').selectOption('1: Live chat');
    await page.getByLabel('Allowed origins').fill('https://fans.example/\nhttp://localhost:8080');
    await page.getByRole('button', { name: 'Make the key' }).click();
    await expect(page.getByRole('alert')).toHaveText('"https://fans.example/" is not an origin such as https://example.com (lower case, no path), nor *.');
    await expect(page.getByLabel('Allowed origins')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Name')).toHaveValue('Fan site');
    await expect(page.getByLabel('Room')).toHaveValue('1');
    await accessible(page);
    await page.getByLabel('Allowed origins').fill('https://fans.example\nhttp://localhost:8080');
    await page.getByRole('button', { name: 'Make the key' }).click();
    await expect(list.getByRole('listitem')).toHaveCount(2);
    await expect(list.getByRole('listitem').first()).toContainText('https://fans.example http://localhost:8080');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(page.viewportSize().width);

    await page.getByRole('link', { name: 'Revoke Configured' }).click();
    await expect(page.getByRole('heading')).toHaveText('Revoke the key Configured?');
    await accessible(page);
    await page.getByRole('link', { name: 'Keep it' }).click();
    await say(open, 'still good', 'Ann');
    await expect(messages(open)).toHaveCount(1);
    await page.getByRole('link', { name: 'Revoke Configured' }).click();
    await page.getByRole('button', { name: 'Revoke' }).click();
    await expect(list.getByRole('listitem').filter({ hasText: WIDGET_KEY })).toContainText('Revoked');
    await accessible(page);

    // The page that is open has it still, until it is loaded again.
    await say(open, 'and now');
    await expect(open.getByRole('alert').filter({ hasText: 'was revoked. Please reload the page.' })).toBeVisible();
    await expect(open.getByLabel('Message', { exact: true })).toHaveValue('and now');
    await open.reload();
    await live(open);
    await say(open, 'and now');
    await expect(messages(open)).toHaveCount(2);

    await page.getByRole('link', { name: 'Revoke Fan site' }).click();
    await expect(page.getByText('No other key opens Live chat')).toBeVisible();
    await page.getByRole('button', { name: 'Revoke' }).click();
    await expect(page.getByText('There is no key that is good')).toBeVisible();
    await accessible(page);
  });
}
