import { ADMIN_PASSWORD, WIDGET_KEY } from './server.js';
import { expect, live, messages, say, test, texts } from './fixtures.js';

/** Signs in as whoever runs the chat. */
const owner = async (visit, options = {}) => {
  const page = await visit({ path: '/admin', hydrated: false, ...options });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  return page;
};

const row = (page, name) => page.getByRole('row', { name });
const waiting = (page) => page.getByRole('list', { name: 'Waiting messages' }).getByRole('listitem');

test('the list of rooms follows what happens, and nobody loses what they type', async ({ visit, server }) => {
  await server.administer('1/settings', { hold_newcomers: true });
  const page = await owner(visit);
  await page.getByLabel('Name').fill('A new ro');
  await live(await visit());
  await (await server.guest('Ann')).say('hello');
  await server.administer('create', { name: 'Stage' });
  await expect(row(page, 'Live chat').getByRole('link', { name: '1 to review in room 1' })).toBeVisible();
  await expect(row(page, 'Live chat').getByRole('cell').nth(2)).toHaveText('1');
  await expect(row(page, 'Stage')).toBeVisible();
  await expect(page.getByLabel('Name')).toHaveValue('A new ro');
  await expect(page.getByLabel('Name')).toBeFocused();
});

test.describe('the figures of a page', () => {
  test.use({ networkErrors: true });

  /** Lets time pass in the page until something is so. (What is fetched comes in the time of this machine.) */
  const until = (page, check) =>
    expect(async () => {
      await page.clock.runFor(5_000);
      await check();
    }).toPass({ intervals: [0] });

  /** Has a page believe that its reader looks, or looks away. */
  const look = (page, looks) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, !looks);

  test('are there without JavaScript', async ({ visit, server }) => {
    await server.administer('create', { name: 'Stage' });
    await live(await visit({ path: '/rooms/1' }));
    const page = await visit({ path: '/', javaScriptEnabled: false, hydrated: false });
    await expect(page.getByRole('listitem').filter({ hasText: 'Live chat' })).toContainText('1 watching');
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('follow the server in the lobby, also when it was away', async ({ visit, server }) => {
    await server.administer('create', { name: 'Stage' });
    const page = await visit({ path: '/', hydrated: false });
    const live = page.getByRole('region', { name: 'Live' }).getByRole('listitem');
    await expect(live).toHaveCount(1);
    let asked = 0;
    await page.route(server.url + '/', (route) => ((asked += 1) % 2 ? route.abort() : route.fulfill({ status: 503, body: '<p>away</p>' })));
    for (const step of ['prepare', 'start']) await server.administer(`2/${step}`);
    await expect.poll(() => asked, { timeout: 30_000 }).toBeGreaterThan(1);
    await expect(live).toHaveCount(1);
    await expect(page.getByRole('alert')).toHaveCount(0);
    await page.unrouteAll();
    await expect(live).toHaveCount(2);
  });

  test('rest while nobody looks, and are up to date at once when somebody does', async ({ visit, server }) => {
    const page = await owner(visit);
    await expect(row(page, 'Live chat')).toBeVisible();
    await page.clock.install();
    await page.reload();
    await expect(page.locator('leptos-island')).toHaveCount(1);
    let asked = 0;
    page.on('request', () => (asked += 1));
    await server.administer('create', { name: 'Stage' });
    await until(page, () => expect(row(page, 'Stage')).toBeVisible({ timeout: 100 }));
    await look(page, false);
    await server.administer('create', { name: 'Second stage' });
    // What was on its way.
    await page.waitForLoadState('networkidle');
    asked = 0;
    await page.clock.runFor(60_000);
    expect(asked).toBe(0);
    await look(page, true);
    await expect(row(page, 'Second stage')).toBeVisible();
  });

  test('end for somebody who has signed out elsewhere', async ({ visit }) => {
    const page = await owner(visit);
    await expect(row(page, 'Live chat')).toBeVisible();
    const other = await page.context().newPage();
    await other.goto(new URL('/admin', page.url()).href);
    await page.clock.install();
    await page.reload();
    await other.getByRole('button', { name: 'Sign out' }).click();
    const alert = page.getByRole('alert');
    await until(page, () => expect(alert).toHaveText('Your access has ended. Reload the page', { timeout: 100 }));
    await expect(row(page, 'Live chat')).toBeVisible();
    let asked = 0;
    page.on('request', () => (asked += 1));
    await page.clock.runFor(30_000);
    expect(asked).toBe(0);
    await page.getByRole('link', { name: 'Reload the page' }).click();
    await expect(page.getByLabel('Password')).toBeVisible();
  });
});

test('a long name of a room stays on its page', async ({ visit, server }) => {
  await server.administer('create', { name: 'W'.repeat(128) });
  const page = await owner(visit);
  await expect(row(page, 'Live chat')).toBeVisible();
  for (const path of ['', '/rooms/2', '/rooms/2/queue', '/rooms/2/log']) {
    await page.goto(`${server.url}/admin${path}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), path).toBeLessThanOrEqual(0);
  }
});

test('the code for a site is copied by a button, where a script runs', async ({ visit, server }) => {
  const code = async (page) => {
    await page.goto(`${server.url}/admin/keys`);
    const key = page.getByRole('listitem').filter({ hasText: WIDGET_KEY });
    await key.getByText('Code for your site').click();
    await expect(key.locator('pre')).toBeVisible();
    return key;
  };
  const page = await owner(visit, { permissions: ['clipboard-read', 'clipboard-write'] });
  const key = await code(page);
  await key.getByRole('button', { name: 'Copy the page', exact: true }).click();
  await expect(key.getByRole('button', { name: 'Copied', exact: true })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await key.locator('pre code').textContent());

  const bare = await code(await owner(visit, { javaScriptEnabled: false }));
  await expect(bare.getByRole('button')).toHaveCount(0);
});

test('the queue follows what happens, but for what somebody is about to answer', async ({ visit, server }) => {
  await server.administer('1/settings', { hold_newcomers: true });
  const guests = [];
  for (const text of ['one', 'two', 'three']) {
    const guest = await server.guest(text);
    await guest.say(text);
    guests.push(guest);
  }
  const page = await owner(visit);
  await page.getByRole('link', { name: '3 to review' }).click();
  const reason = waiting(page).filter({ hasText: 'two' }).getByLabel('Reason, told to its author');
  await reason.fill('Be ki');
  for (const { userId } of guests.slice(0, 2)) await server.delete(`users/${userId}/messages`);
  await (await server.guest('four')).say('four');
  await expect(page.getByText('2 messages wait.')).toBeVisible();
  await expect(waiting(page)).toHaveText([/two/, /three/, /four/]);
  await expect(reason).toHaveValue('Be ki');
  await expect(reason).toBeFocused();
  await reason.fill('');
  await page.getByRole('link', { name: 'Rooms' }).focus();
  await expect(waiting(page)).toHaveText([/three/, /four/]);
});

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? '' : ', without JavaScript too';
  test(`a form of settings changes what its user has changed and nothing else${how}`, async ({ visit, server }) => {
    const page = await owner(visit, { javaScriptEnabled });
    await page.getByRole('link', { name: 'Settings of room 1' }).click();
    await server.administer('1/settings', { paused: true, blocked_words: ['bad', 'worse'] });
    const save = (group) => page.getByRole('group', { name: group }).getByRole('button', { name: 'Save' }).click();
    await page.getByRole('switch', { name: 'Slow mode' }).check();
    await page.getByRole('spinbutton', { name: 'Slow mode' }).fill('7');
    await expect(page.getByText('Not saved yet')).toHaveCount(javaScriptEnabled ? 1 : 0);
    await save('Pace');
    await expect(page.getByText('Saved.')).toBeVisible();
    await expect(page.getByLabel('Pause the chat')).toBeChecked();
    await expect(page.getByLabel('Blocked words')).toHaveValue('bad\nworse');
    await expect(page.getByRole('spinbutton', { name: 'Slow mode' })).toHaveValue('7');
    await page.getByLabel('Pause the chat').uncheck();
    await save('Who can write');
    await expect(page.getByLabel('Pause the chat')).not.toBeChecked();
  });
}

for (const cookieEnabled of [true, false]) {
  const how = cookieEnabled ? 'the cookie speaks for them' : 'without cookies a ticket is good once';
  test(`no token of an owner stands in an address: ${how}`, async ({ visit }) => {
    const page = await owner(visit);
    await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
    const streams = [];
    page.on('request', (request) => request.url().includes('/subscribe/') && streams.push(new URL(request.url())));
    if (!cookieEnabled) await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'cookieEnabled', { get: () => false }));
    await page.goto(new URL('/rooms/1', page.url()).href);
    await live(page);
    if (!cookieEnabled) await page.context().clearCookies();
    for (const event of ['offline', 'online']) await page.evaluate((name) => dispatchEvent(new Event(name)), event);
    await expect.poll(() => streams.length).toBeGreaterThan(1);
    await live(page);
    const keys = streams.map((url) => [...url.searchParams.keys()].sort());
    for (const sent of keys) expect(sent).toEqual(cookieEnabled ? ['last_event_id', 'wait'] : ['last_event_id', 'ticket', 'wait']);
    const tickets = streams.map((url) => url.searchParams.get('ticket'));
    if (!cookieEnabled) expect(new Set(tickets).size).toBe(tickets.length);
  });
}

test.describe('a rule that is lifted', () => {
  test.use({ provoked: /status of 403/ });

  test('keeps nobody waiting', async ({ visit, server }) => {
    await server.administer('1/settings', { slow_mode_seconds: 10, shield: true });
    const page = await visit();
    await live(page);
    await say(page, 'hello', 'Ann');
    const refusal = page.getByRole('alert').filter({ hasText: 'Newcomers cannot write here yet.' });
    await expect(refusal).toBeVisible();
    await server.administer('1/settings', { shield: false });
    await expect(refusal).toBeHidden();
    await page.getByLabel('Message', { exact: true }).press('Enter');
    await expect(messages(page)).toHaveCount(1);
  });
});

test('what is edited in two groups is saved by either button, and a switch that is off asks for no number', async ({ visit, server }) => {
  const page = await owner(visit);
  await page.getByRole('link', { name: 'Settings of room 1' }).click();
  const slow = page.getByRole('switch', { name: 'Slow mode' });
  // Scripts run by now.
  await expect(page.getByRole('button', { name: 'Copy' }).first()).toBeVisible();
  await page.getByLabel('Description').fill('tonight');
  await slow.check();
  await page.getByRole('spinbutton', { name: 'Slow mode' }).fill('');
  await slow.uncheck();
  await page.getByRole('switch', { name: 'Limit the length' }).check();
  await expect(page.getByText('Not saved yet')).toHaveCount(3);
  await page.getByRole('group', { name: 'Filters' }).getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('group', { name: 'Filters' }).getByText('Saved.')).toBeVisible();
  await expect(page.getByLabel('Description')).toHaveValue('tonight');
  await expect(page.getByRole('spinbutton', { name: 'Limit the length' })).toHaveValue('200');
  await expect(slow).not.toBeChecked();
});

test('what a room forgets at its end is gone from open pages too', async ({ visit, server }) => {
  await server.administer('1/settings', { ephemeral: true });
  const ann = await server.guest('Ann');
  const page = await visit();
  const overlay = await visit({ path: '/overlay/1?fade=0' });
  await live(page);
  await ann.say('between us');
  for (const each of [page, overlay]) await expect(messages(each)).toHaveCount(1);
  await server.administer('1/end');
  for (const each of [page, overlay]) await expect(messages(each)).toHaveCount(0);
  await server.administer('1/prepare');
  await server.administer('1/start');
  await (await server.guest('Bob')).say('a new start');
  for (const each of [page, overlay]) await expect.poll(() => texts(each)).toEqual(['a new start']);
});
