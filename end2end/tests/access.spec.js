import AxeBuilder from '@axe-core/playwright';
import { createHmac } from 'node:crypto';
import { ADMIN_KEY, ADMIN_PASSWORD } from './server.js';
import { expect, live, messages, say, test, texts } from './fixtures.js';

const SECRET = 'the secret of a site, for tests alone';

const violations = async (page) => (await new AxeBuilder({ page }).analyze()).violations;

const ended = (page) => page.getByRole('status').filter({ hasText: 'Your access has ended.' });

/** Whoever takes an invitation to moderate. */
async function moderator(visit, server) {
  const { link, id } = await server.administer('1/invites', { name: 'Robin' });
  const page = await visit({ path: link, hydrated: false });
  await page.locator('form button').click();
  await live(page);
  return { page, revoke: () => server.administer(`1/invites/${id}`, {}, 'DELETE') };
}

/** A token of a site for its user. */
function siteToken(sub) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, name: 'Sam', exp: Math.floor(Date.now() / 1_000) + 3_600 })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

test.describe('access that ends', () => {
  test.use({ networkErrors: true, settings: ['--site-secret', SECRET] });

  test('is told to a moderator at once, who may go on as a guest', async ({ visit, server }) => {
    const { page, revoke } = await moderator(visit, server);
    let asked = 0;
    page.on('request', (request) => (asked += request.url().includes('/subscribe/') ? 1 : 0));
    await revoke();
    await expect(ended(page)).toBeVisible();
    await expect(page.getByLabel('Message', { exact: true })).toBeHidden();
    expect(await violations(page)).toEqual([]);
    const soFar = asked;
    // A page that comes back, or back online, asks no more.
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await (await server.guest('Ann')).say('meanwhile');
    expect(asked).toBe(soFar);
    await page.getByRole('link', { name: 'Go on as a guest' }).click();
    await live(page);
    await expect(messages(page)).toHaveCount(1);
    await expect(page.getByLabel('Message', { exact: true })).toBeVisible();
    await say(page, 'as a guest', 'Robin the guest');
    await expect(messages(page)).toHaveCount(2);
  });

  test('is told to a site user too', async ({ visit, server }) => {
    const page = await visit();
    await page.evaluate(async (token) => {
      await fetch('/rooms/1/enter', { method: 'POST', body: new URLSearchParams({ token }) });
    }, siteToken('42'));
    await page.goto(`${server.url}/rooms/1`);
    await live(page);
    const revoked = await fetch(`${server.url}/v1/tokens/revoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ user: 'site:42' }),
    });
    expect(revoked.status).toBe(200);
    await expect(ended(page)).toBeVisible();
    await page.getByRole('link', { name: 'Go on as a guest' }).click();
    await live(page);
  });

  test('is told on the pages of those who moderate', async ({ visit, server }) => {
    const { page, revoke } = await moderator(visit, server);
    await page.goto(`${server.url}/admin/rooms/1/queue`);
    const alert = page.getByRole('alert').filter({ hasText: 'Your access has ended.' });
    await expect(alert).toBeHidden();
    await revoke();
    await expect(alert).toBeVisible({ timeout: 15_000 });
    expect(await violations(page)).toEqual([]);
    await alert.getByRole('link', { name: 'Reload the page' }).click();
    await expect(page.getByLabel('Password')).toBeVisible();
  });
});

test('a page waits for the start, and is told of the end and of what is deleted after it', async ({ visit, server }) => {
  await server.administer('create', { name: 'Talk' });
  const page = await visit({ path: '/rooms/2' });
  const told = (text) => page.getByRole('status').filter({ hasText: text });
  await expect(told('This chat has not started yet.')).toBeVisible();
  await expect(page.getByText('No messages.', { exact: true })).toBeVisible();
  await expect(told('Connected')).toBeVisible();
  await expect(page.locator('.viewers')).toHaveText(/^1 /);
  await server.administer('2/prepare');
  await server.administer('2/start');
  await live(page);
  await expect(page.getByText('No messages yet. Say hello!')).toBeVisible();
  const ann = await visit({ path: '/rooms/2' });
  await live(ann);
  await say(ann, 'first', 'Ann');
  await expect(messages(page)).toHaveCount(1);
  await say(ann, 'second');
  await expect(messages(page)).toHaveCount(2);
  await server.administer('2/end');
  await expect(told('This chat has ended.')).toBeVisible();
  const { data } = await (await fetch(`${server.url}/v1/streams/2/messages`)).json();
  await server.administer(`2/messages/${data[0].id}`, {}, 'DELETE');
  await expect.poll(() => texts(page)).toEqual(['second']);
  const late = await visit({ path: '/rooms/2' });
  await server.administer(`2/messages/${data[1].id}`, {}, 'DELETE');
  for (const reader of [page, late]) await expect(messages(reader)).toHaveCount(0);
  await server.administer('2/prepare');
  await expect(told('This chat has not started yet.')).toBeVisible();
  await server.administer('2/start');
  for (const reader of [page, late]) await live(reader);
});

test.describe('settings in conflict', () => {
  test.use({ networkErrors: true }); // Chromium writes the 409 itself.

  test('are shown, and not lost', async ({ visit, server }) => {
    const page = await visit({ path: '/admin', hydrated: false });
    await page.getByLabel('Password').fill(ADMIN_PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.goto(`${server.url}/admin/rooms/1`);
    await page.getByRole('switch', { name: 'Slow mode' }).check();
    await page.locator('#slow_mode_seconds').fill('5');
    await server.administer('1/settings', { slow_mode_seconds: 30, description: 'theirs' });
    const conflict = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.locator('#pace').getByRole('button', { name: 'Save' }).click();
    expect((await conflict).status()).toBe(409);
    await expect(page.getByRole('alert').filter({ hasText: 'Somebody else has changed these settings' })).toBeVisible();
    await expect(page.locator('#slow_mode_seconds-error')).toContainText('30');
    await expect(page.locator('#slow_mode_seconds')).toHaveValue('5');
    await expect(page.locator('#description')).toHaveValue('theirs');
    expect(await violations(page)).toEqual([]);
    await page.locator('#pace').getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('Saved.')).toBeVisible();
    await expect(page.locator('#slow_mode_seconds')).toHaveValue('5');
  });
});
