import { expect, messages, test, texts } from './fixtures.js';

const plain = { javaScriptEnabled: false, hydrated: false };

test('the form posts, and the page comes back with the message', async ({ visit }) => {
  const page = await visit(plain);
  await expect(page.getByText('No messages yet')).toBeVisible();
  await page.getByLabel('Username').fill('Ann & Bob');
  await page.getByLabel('Message', { exact: true }).fill('1 < 2 & "so on"');
  await page.getByRole('button', { name: 'Send the Message' }).click();
  await expect(messages(page)).toHaveCount(1);
  expect(await texts(page)).toEqual(['1 < 2 & "so on"']);
  await expect(page.getByLabel('Username')).toHaveValue('Ann & Bob');
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('');
  await page.reload();
  await expect(messages(page)).toHaveCount(1);
});

test.describe('a refused post', () => {
  test.use({ networkErrors: true }); // Chromium writes the 400 of the page itself.

  test('says so beside its field, and keeps what was typed', async ({ visit }) => {
    const page = await visit(plain);
    await page.getByLabel('Username').fill('Ann');
    await page.getByLabel('Message', { exact: true }).fill('x'.repeat(501));
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect(page.getByRole('alert').filter({ hasText: 'at most 500' })).toBeVisible();
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('x'.repeat(501));
    await expect(page.getByLabel('Username')).toHaveValue('Ann');
  });
});

test('older messages are a link away', async ({ visit, server }) => {
  await server.fill(60);
  const page = await visit(plain);
  await expect(messages(page)).toHaveCount(50);
  await page.getByRole('link', { name: /older/i }).click();
  await expect(messages(page)).toHaveCount(10);
  expect((await texts(page))[0]).toBe('message 1');
  await page.getByRole('link', { name: /newest/i }).click();
  await expect(messages(page)).toHaveCount(50);
});
