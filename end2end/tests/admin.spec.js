import { ADMIN_PASSWORD } from './server.js';
import { expect, test } from './fixtures.js';

/** Signs in as whoever runs the chat. */
const owner = async (visit, options = {}) => {
  const page = await visit({ path: '/admin', hydrated: false, ...options });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  return page;
};

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? '' : ', without JavaScript too';
  test(`a form of settings changes what its user has changed and nothing else${how}`, async ({ visit, server }) => {
    const page = await owner(visit, { javaScriptEnabled });
    await page.getByRole('link', { name: 'Settings of room 1' }).click();
    await server.administer('1/settings', { paused: true, blocked_words: ['bad', 'worse'] });
    await page.getByLabel('Slow mode').fill('7');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('Saved.')).toBeVisible();
    await expect(page.getByLabel('Pause the chat')).toBeChecked();
    await expect(page.getByLabel('Blocked words')).toHaveValue('bad\nworse');
    await expect(page.getByLabel('Slow mode')).toHaveValue('7');
    await page.getByLabel('Pause the chat').uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByLabel('Pause the chat')).not.toBeChecked();
  });
}
