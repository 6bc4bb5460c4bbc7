import AxeBuilder from '@axe-core/playwright';
import { ADMIN_PASSWORD } from './server.js';
import { expect, live, messages, say, test, texts } from './fixtures.js';

const plain = { javaScriptEnabled: false, hydrated: false };
const phone = { viewport: { width: 390, height: 844 } };
const WAITS = 'Waits for a moderator. Only you see it.';

const violations = async (page) => (await new AxeBuilder({ page }).analyze()).violations;
const hold = (server, settings = {}) => server.administer('1/settings', { hold_newcomers: true, ...settings });
const waiting = (page) => page.getByRole('list', { name: 'Waiting messages' }).getByRole('listitem');
const button = (page, text, name) => waiting(page).filter({ hasText: text }).getByRole('button', { name });

/** Signs in as whoever runs the chat. */
const owner = async (visit, options = {}) => {
  const page = await visit({ path: '/admin', hydrated: false, ...options });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  return page;
};

/** Takes an invitation to moderate room 1. */
const moderator = async (visit, server, options = {}) => {
  const { link } = await server.administer('1/invites', { name: 'Robin' });
  const page = await visit({ path: link, hydrated: false, ...options });
  await page.getByRole('button').click();
  return page;
};

test('a first message waits, is approved in the queue, and stands in the chat', async ({ visit, server }) => {
  await hold(server);
  const [ann, bob] = [await visit(), await visit()];
  await live(ann);
  await live(bob);
  await say(ann, 'hello all', 'Ann');
  await expect(messages(ann)).toHaveCount(1);
  await expect(messages(ann)).toContainText(WAITS);
  await expect(ann.getByLabel('Message', { exact: true })).toHaveValue('');
  expect(await violations(ann)).toEqual([]);
  await ann.reload();
  await live(ann);
  await expect(messages(ann)).toContainText(WAITS);
  await expect(messages(bob)).toHaveCount(0);

  const page = await owner(visit);
  await page.getByRole('link', { name: 'Live chat' }).click();
  await live(page);
  await expect(messages(page)).toHaveCount(0);
  await page.getByRole('link', { name: '1 to review' }).click();
  await expect(waiting(page)).toHaveCount(1);
  await expect(waiting(page)).toContainText('hello all');
  expect(await violations(page)).toEqual([]);
  await button(page, 'hello all', 'Approve').click();
  await expect(page.getByText('Approved: it stands in the chat now.')).toBeVisible();
  await expect(page.getByText('No message waits.')).toBeVisible();
  expect(await violations(page)).toEqual([]);

  for (const reader of [ann, bob]) {
    await expect(messages(reader)).toHaveCount(1);
    await expect(messages(reader)).toContainText('hello all');
    await expect(reader.getByText(WAITS)).toHaveCount(0);
  }
  await say(ann, 'and again');
  await expect(messages(bob)).toHaveCount(2);
  await ann.reload();
  expect(await texts(ann)).toEqual(['hello all', 'and again']);
  await page.getByRole('link', { name: 'Live chat' }).click();
  await page.getByRole('link', { name: 'Activity log' }).click();
  await expect(page.getByRole('row', { name: /Message approved/ })).toContainText('Ann: hello all');
});

test('who is declined is told why, and an invited moderator learns at once that something waits', async ({ visit, server }) => {
  await hold(server);
  const page = await moderator(visit, server);
  await live(page);
  const link = page.getByRole('link', { name: /to review/ });
  await expect(link).toHaveCount(0);
  const eve = await visit();
  await live(eve);
  for (const [n, text] of ['one', 'two', 'three'].entries()) await say(eve, text, n ? undefined : 'Eve');
  await expect(messages(eve)).toHaveCount(3);
  await expect(link).toHaveText('3 to review');
  expect(await violations(page)).toEqual([]);
  await link.click();
  await expect(waiting(page)).toHaveCount(3);
  // Enter in the field declines, and the next one has the focus.
  await waiting(page).filter({ hasText: 'two' }).getByLabel('Reason, told to its author').fill('Be kind.');
  await page.keyboard.press('Enter');
  await expect(waiting(page)).toHaveCount(2);
  await expect(waiting(page).first()).toBeFocused();
  const declined = messages(eve).filter({ hasText: 'two' });
  await expect(declined).toContainText('Not approved by a moderator. Only you see it. Reason: Be kind.');
  expect(await violations(eve)).toEqual([]);
  await button(page, 'one', 'Ban its author').click();
  await expect(page.getByText('No message waits.')).toBeVisible();
  await expect(eve.getByText('A moderator has banned you from writing here.')).toBeVisible();
  await expect(eve.getByText('Not approved by a moderator.')).toHaveCount(3);
  expect(await server.history()).toEqual([]);
  await page.getByRole('link', { name: 'Live chat' }).click();
  await live(page);
  await expect(page.getByRole('link', { name: /to review/ })).toHaveCount(0);
});

test('it works without JavaScript', async ({ visit, server }) => {
  await hold(server);
  const ann = await visit(plain);
  await ann.getByLabel('Username').fill('Ann');
  await ann.getByLabel('Message', { exact: true }).fill('hello');
  await ann.getByRole('button', { name: 'Send the Message' }).click();
  await expect(messages(ann)).toContainText(WAITS);
  const bob = await visit(plain);
  await expect(messages(bob)).toHaveCount(0);
  const page = await moderator(visit, server, { javaScriptEnabled: false });
  await page.getByRole('link', { name: '1 to review' }).click();
  await button(page, 'hello', 'Approve').click();
  await expect(page.getByText('Approved: it stands in the chat now.')).toBeVisible();
  for (const reader of [ann, bob]) {
    await reader.goto(server.url);
    await expect(messages(reader)).toHaveCount(1);
    await expect(reader.getByText(WAITS)).toHaveCount(0);
  }
});

test('the queue shows what was said and nothing else, on a phone too', async ({ visit, server }) => {
  await hold(server);
  await (await server.guest('<b>Ann</b>')).say('<script>alert(1)</script> ' + 'x'.repeat(400));
  await (await server.guest('Noa')).say('שלום לכולם');
  await (await server.guest('Bot')).send('{"custom":[1.50]}');
  for (const colorScheme of ['light', 'dark']) {
    const page = await owner(visit, { ...phone, colorScheme });
    await page.getByRole('link', { name: '3 to review in room 1' }).click();
    await expect(waiting(page)).toHaveCount(3);
    await expect(waiting(page).nth(0)).toContainText('<b>Ann</b>');
    await expect(waiting(page).nth(2)).toContainText('{"custom":[1.50]}');
    expect(await violations(page)).toEqual([]);
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
  }
});

test.describe('beside another moderator', () => {
  test.use({ networkErrors: true }); // Chromium writes the 409 and the 303 of a page itself.

  test('nobody undoes a decision, and no guest finds the queue', async ({ visit, server }) => {
    await hold(server);
    await (await server.guest('Ann')).say('hello');
    const [one, two] = [await owner(visit), await moderator(visit, server)];
    await one.goto(`${server.url}/admin/rooms/1/queue`);
    await two.goto(`${server.url}/admin/rooms/1/queue`);
    await button(one, 'hello', 'Approve').click();
    await expect(one.getByText('No message waits.')).toBeVisible();
    await button(two, 'hello', 'Decline').click();
    await expect(two.getByRole('alert')).toHaveText('This message was approved already.');
    expect(await server.history()).toEqual(['hello']);
    const guest = await visit({ path: '/admin/rooms/1/queue', hydrated: false });
    await expect(guest.getByRole('button', { name: 'Sign in' })).toBeVisible();
  });
});
