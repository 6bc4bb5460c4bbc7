import AxeBuilder from '@axe-core/playwright';
import { ADMIN_PASSWORD } from './server.js';
import { expect, live, messages, say, test, texts } from './fixtures.js';

const nameError = (page) => page.getByRole('alert').filter({ hasText: /The name is/ });

test.describe('a name', () => {
  test.use({ networkErrors: true }); // Chromium writes each 409 itself.

  test('that another has is refused beside its field, and the text is kept', async ({ visit, server }) => {
    const [ann, other] = [await visit(), await visit()];
    await live(ann);
    await live(other);
    await say(ann, 'hello', 'Ann');
    await expect(messages(other)).toHaveCount(1);
    for (const name of ['Ann', 'ann', '\u0410nn', 'Admin']) {
      await say(other, 'me too', name);
      await expect(nameError(other)).toBeVisible();
      await expect(other.getByLabel('Username')).toHaveAttribute('aria-invalid', 'true');
      await expect(other.getByLabel('Message', { exact: true })).toHaveValue('me too');
      await other.getByLabel('Username').fill('');
      await expect(nameError(other)).toBeHidden();
    }
    await say(other, 'me too', 'Bob');
    await expect(messages(ann)).toHaveCount(2);
    // It is theirs after a reload and a restart.
    await server.stop();
    await server.start();
    await ann.reload();
    await live(ann);
    await say(ann, 'again');
    await expect(messages(ann)).toHaveCount(3);
    expect(await texts(ann)).toEqual(['hello', 'me too', 'again']);
  });

  test('that another has is refused without JavaScript too', async ({ visit, server }) => {
    const guest = await visit();
    await live(guest);
    await say(guest, 'hello', 'Ann');
    await expect(messages(guest)).toHaveCount(1);
    const page = await visit({ javaScriptEnabled: false, hydrated: false });
    await page.getByLabel('Username').fill('ANN');
    await page.getByLabel('Message', { exact: true }).fill('me too');
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect(nameError(page)).toBeVisible();
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('me too');
    await page.getByLabel('Username').fill('Bob');
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect(messages(page)).toHaveCount(2);
    expect(await server.history()).toEqual(['hello', 'me too']);
  });
});

/** Signs in as whoever runs the chat, and goes to its room. */
const owner = async (visit) => {
  const page = await visit({ path: '/admin', hydrated: false });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Live chat' }).click();
  await live(page);
  return page;
};

for (const colorScheme of ['light', 'dark']) {
  test(`who runs the chat has a badge that no name can imitate (${colorScheme})`, async ({ visit, server }) => {
    const reader = await visit({ colorScheme });
    await live(reader);
    await say(await owner(visit), 'Welcome.', 'Robin');
    const guests = ['Ann owner', 'Bob\u2003OWNER', '\u{1f151}wner Eve', '<span class="tag role">owner</span>'];
    for (const name of guests) await (await server.guest(name)).say(`I am ${name}`);
    const check = async (page) => {
      await expect(messages(page)).toHaveCount(5);
      await expect(messages(page).first().locator('.by')).toHaveText('Robinowner');
      await expect(page.locator('#list .role')).toHaveText(['owner']);
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    };
    await check(reader);
    await reader.reload();
    await check(reader);
  });
}
