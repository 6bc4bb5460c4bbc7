import { expect, live, messages, test } from './fixtures.js';
import { ADMIN_PASSWORD } from './server.js';

// What a browser writes when a part of the page cannot be loaded.
test.use({ provoked: /Failed to fetch|ERR_FAILED|status of 404|HTTP status code is not ok|Incorrect response MIME type/ });

const FAILED = 'This part of the page could not be loaded. Please check your connection and try again, or reload the page.';

const options = (page) => page.getByRole('dialog', { name: 'Options for the message' });
const more = (page, name) => page.getByRole('button', { name: `Options for the message of ${name}` });

/** The files that hold parts of the page. */
const PARTS = /\/(split|chunk)_\w+\.wasm$/;

/** Ways in which a part does not arrive. */
const faults = {
  'the network fails': (route) => route.abort(),
  'the server has another version': (route) => route.fulfill({ status: 404, body: 'This file belongs to another version of the chat.' }),
  'something on the way answers': (route) => route.fulfill({ contentType: 'text/html', body: '<h1>Sign in to the Wi-Fi</h1>' }),
};

for (const [name, fault] of Object.entries(faults)) {
  test(`a menu that is not loaded is reported, and can be tried again: ${name}`, async ({ visit, server }) => {
    for (const guest of ['Ann', 'Bob']) await (await server.guest(guest)).say(`I am ${guest}`);
    const page = await visit();
    await live(page);
    await page.route(PARTS, fault);
    await more(page, 'Ann').click();
    const told = page.getByRole('alert').filter({ hasText: FAILED });
    await expect(told).toBeVisible();
    await expect(options(page)).toBeHidden();
    // The rest of the page goes on.
    await (await server.guest('Cy')).say('news');
    await expect(messages(page)).toHaveCount(3);
    await more(page, 'Ann').click();
    await expect(told).toBeVisible();
    await page.unrouteAll();
    await more(page, 'Ann').click();
    await expect(options(page)).toBeVisible();
    await expect(told).toBeHidden();
    await options(page).getByRole('button', { name: 'Reply' }).click();
    await expect(page.getByText('Replying to Ann: I am Ann')).toBeVisible();
  });
}

test('keys lead into the menu when it is loaded', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('hello');
  const page = await visit();
  await live(page);
  await page.route(PARTS, (route) => route.abort());
  await page.getByRole('log').focus();
  await page.keyboard.press('End');
  await expect(messages(page).first()).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert').filter({ hasText: FAILED })).toBeVisible();
  await page.unrouteAll();
  await page.keyboard.press('Enter');
  await expect(options(page).getByRole('button').first()).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(options(page)).toBeHidden();
  await expect(messages(page).first()).toBeFocused();
});

test('a menu that is asked for twice before it is there is of the row that was pressed last', async ({ visit, server }) => {
  for (const guest of ['Ann', 'Bob']) await (await server.guest(guest)).say(`I am ${guest}`);
  const page = await visit();
  await live(page);
  let arrive;
  const held = new Promise((resolve) => (arrive = resolve));
  await page.route(PARTS, async (route) => {
    await held;
    await route.continue();
  });
  await more(page, 'Ann').click();
  await more(page, 'Bob').click();
  await expect(options(page)).toBeHidden();
  arrive();
  await expect(options(page)).toHaveCount(1);
  await expect(options(page)).toBeVisible();
  await options(page).getByRole('button', { name: 'Reply' }).click();
  await expect(page.getByText('Replying to Bob: I am Bob')).toBeVisible();
});

test('what a moderator may do and the emoji are loaded apart, and can be tried again', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('hello');
  const page = await visit({ path: '/admin', hydrated: false });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Live chat' }).click();
  await live(page);
  await more(page, 'Ann').click();
  await expect(options(page)).toBeVisible();
  await page.route(PARTS, (route) => route.abort());
  await options(page).getByRole('button', { name: 'Moderate' }).click();
  await expect(page.getByRole('alert').filter({ hasText: FAILED })).toBeVisible();
  await more(page, 'Ann').click();
  await options(page).getByRole('button', { name: 'Another emoji' }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'The emoji could not be loaded.' }).first()).toBeVisible();
  await page.unrouteAll();
  await more(page, 'Ann').click();
  await options(page).getByRole('button', { name: 'Another emoji' }).click();
  await expect(page.locator('dialog.emoji-panel')).toBeVisible();
  await page.keyboard.press('Escape');
  await more(page, 'Ann').click();
  await options(page).getByRole('button', { name: 'Moderate' }).click();
  await expect(page.getByRole('dialog', { name: 'Ann' })).toBeVisible();
});
