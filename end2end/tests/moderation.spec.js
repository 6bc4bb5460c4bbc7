import AxeBuilder from '@axe-core/playwright';
import { SendMessageRequest } from 'amazon-ivs-chat-messaging';
import { ADMIN_PASSWORD } from './server.js';
import { atBottom, expect, live, messages, openOptions, say, test, texts } from './fixtures.js';
import { SETTINGS, join } from './ivs.js';

const idOf = async (page, text) => messages(page).filter({ hasText: text }).getAttribute('id');

test('a deleted message vanishes from every screen, and its author sees what became of it', async ({ visit, server }) => {
  const [author, reader] = [await visit(), await visit()];
  await live(author);
  await live(reader);
  await say(author, 'a rude word', 'Ann');
  await say(author, 'hello');
  await expect(messages(reader)).toHaveCount(2);
  await server.delete(`messages/${await idOf(reader, 'rude')}?reason=be+kind`);
  await expect(messages(reader)).toHaveCount(1);
  expect(await texts(reader)).toEqual(['hello']);
  // The next one of the group takes over the name.
  await expect(messages(reader).first()).toContainText('Ann');
  await expect(messages(reader).first().locator('.name')).toBeVisible();

  const own = messages(author).filter({ hasText: 'rude' });
  await expect(own).toContainText('Deleted by a moderator. Only you still see it. Reason: be kind');
  await expect(messages(author)).toHaveCount(2);
  await author.reload();
  await live(author);
  expect(await texts(author)).toEqual(['hello']);
});

test('everything of a spammer vanishes at once, and nobody loses their place', async ({ visit, server }) => {
  const [spammer, ann] = [await server.guest('Spam'), await server.guest('Ann')];
  for (let n = 1; n <= 48; n++) await (n % 4 === 1 ? spammer : ann).say(`message ${n}`);
  const page = await visit();
  await live(page);
  await page.getByRole('log').evaluate((log) => log.scrollTo({ top: 400, behavior: 'instant' }));
  // What goes stands above, in and below what is seen.
  const place = () =>
    page.getByRole('log').evaluate((log) => {
      const edge = log.getBoundingClientRect().top;
      const rows = [...log.querySelectorAll('.message')].filter((row) => row.querySelector('.name').textContent === 'Ann');
      return rows.map((row) => ({ id: row.id, ...row.getBoundingClientRect().toJSON() })).filter(({ top }) => top >= edge);
    });
  const [{ id, bottom }] = await place();
  for (const later of ['49', '50']) await spammer.say(`message ${later}`);
  await expect(page.getByRole('button', { name: '2 new messages' })).toBeVisible();
  await server.delete(`users/${spammer.userId}/messages`);
  await expect(messages(page)).toHaveCount(36);
  await expect(page.getByRole('button', { name: /new message/ })).toBeHidden();
  const after = (await place()).find((row) => row.id === id);
  expect(Math.abs(after.bottom - bottom)).toBeLessThanOrEqual(1);
  await page.reload();
  await expect.poll(() => atBottom(page)).toBe(true);
  await expect(messages(page)).toHaveCount(36);
});

test.describe('the network goes away', () => {
  test.use({ networkErrors: true });

  test('who was away is told of a deletion too', async ({ visit, server }) => {
    const guest = await server.guest('Ann');
    await guest.say('one');
    await guest.say('two');
    const page = await visit();
    await live(page);
    await page.context().setOffline(true);
    await expect(page.getByRole('status').filter({ hasText: 'Offline' })).toBeVisible();
    await server.delete(`messages/${await idOf(page, 'two')}`);
    await guest.say('three');
    await page.context().setOffline(false);
    await expect(messages(page).last()).toContainText('three');
    expect(await texts(page)).toEqual(['one', 'three']);
  });
});

test('the last message goes, and the page is empty again', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('one');
  const page = await visit();
  await live(page);
  await server.delete(`messages/${await idOf(page, 'one')}`);
  await expect(messages(page)).toHaveCount(0);
  await expect(page.getByText('No messages yet. Say hello!')).toBeVisible();
});

/** Opens the dialog of moderators for a message of that person. */
const moderate = async (place, name) => {
  const menu = await openOptions(place.getByRole('button', { name: `Options for the message of ${name}` }).first());
  await menu.getByRole('button', { name: 'Moderate' }).press('Enter');
};

/** The user id of whoever said that. */
const authorOf = async (server, text) => {
  const { data } = await (await fetch(`${server.url}/v1/streams/1/messages`)).json();
  return data.find(({ message }) => message.message_text === text).author_id;
};

test.describe('who may not speak', () => {
  test.use({ networkErrors: true }); // Chromium writes each 403 itself.

  test('is told so and why, keeps their text, and goes on when it is lifted', async ({ visit, server }) => {
    const page = await visit();
    await live(page);
    await say(page, 'hello', 'Ann');
    await expect(messages(page)).toHaveCount(1);
    const user = await authorOf(server, 'hello');
    const notice = page.getByText('A moderator has banned you from writing here. Reason: no adverts');
    await page.locator('#message').fill('buy this');
    await server.decide(user, 'ban', { reason: 'no adverts' });
    await expect(notice).toBeVisible();
    await expect(page.locator('#form')).toBeHidden();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.reload();
    await live(page);
    await expect(notice).toBeVisible();
    await expect(page.locator('#form')).toBeHidden();
    await server.decide(user, 'lift');
    await expect(notice).toBeHidden();
    await expect(page.getByRole('status').filter({ hasText: 'You can write here again.' })).toBeVisible();
    await expect(page.locator('#message')).toHaveValue('buy this');
    await expect(page.getByRole('alert')).toHaveCount(0);
    await say(page, 'sorry');
    await expect(messages(page)).toHaveCount(2);
  });

  test('because of their address is told so until they can write again', async ({ visit, server }) => {
    const troll = await visit();
    await say(troll, 'buy this', 'Troll');
    await expect(messages(troll)).toHaveCount(1);
    const user = await authorOf(server, 'buy this');
    await server.decide(user, 'ban', { address: true });
    const page = await visit();
    const notice = page.getByText('A moderator has banned you from writing here.');
    await expect(notice).toHaveCount(1);
    await server.decide(user, 'lift');
    await page.getByRole('link', { name: 'Reload the page' }).click();
    await say(page, 'hello', 'Ann');
    await expect(messages(page)).toHaveCount(2);
    await expect(notice).toHaveCount(0);
  });

  test('for a while is told when that is over', async ({ visit, server }) => {
    const [page, other] = [await visit(), await visit()];
    await live(page);
    await say(page, 'hello', 'Ann');
    await expect(messages(page)).toHaveCount(1);
    await server.decide(await authorOf(server, 'hello'), 'timeout', { seconds: 3 });
    const notice = page.getByText(/A moderator has timed you out\. You can write again in \d seconds?\./);
    await expect(notice).toBeVisible();
    await expect(other.getByText(/timed you out/)).toBeHidden();
    await expect(notice).toBeHidden();
    await say(page, 'calm');
    await expect(messages(page)).toHaveCount(2);
  });

  for (const minutes of [-10, 10]) {
    test(`for a while is told how long, with a clock that is off by ${minutes} minutes`, async ({ visit, server }) => {
      const prepare = `{
        const Real = Date;
        const off = ${minutes * 60_000};
        globalThis.Date = class extends Real {
          constructor(...args) { super(...(args.length ? args : [Real.now() + off])); }
          static now() { return Real.now() + off; }
        };
      }`;
      const page = await visit({ prepare: { content: prepare } });
      await live(page);
      await say(page, 'hello', 'Ann');
      await expect(messages(page)).toHaveCount(1);
      const user = await authorOf(server, 'hello');
      await server.decide(user, 'timeout', { seconds: 300 });
      const left = page.getByText(/You can write again in [45] minutes\./);
      await expect(left).toBeVisible();
      await say(page, 'not yet');
      await expect(page.getByRole('alert').filter({ hasText: /You can write again in [45] minutes\./ })).toBeVisible();
      await page.reload();
      await live(page);
      await expect(left).toBeVisible();
      await server.decide(user, 'timeout', { seconds: 4 });
      await expect(page.getByText(/You can write again in \d seconds?\./)).toBeVisible();
      await expect(page.getByRole('status').filter({ hasText: 'You can write here again.' })).toBeVisible();
      await say(page, 'now');
      await expect(messages(page)).toHaveCount(2);
    });
  }
});

/** Signs in as whoever runs the chat, and goes to its room. */
const moderator = async (visit, options = {}, hydrated = true) => {
  const page = await visit({ path: '/admin', hydrated: false, ...options });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Live chat' }).click();
  if (hydrated) {
    await live(page);
  }
  return page;
};

const violations = async (page) => (await new AxeBuilder({ page }).analyze()).violations;

test.describe('a wrong password', () => {
  test.use({ networkErrors: true }); // Chromium writes the 403 of the page itself.

  test('is said, and a sign-out is one', async ({ visit }) => {
    const page = await visit({ path: '/admin', hydrated: false });
    expect(await violations(page)).toEqual([]);
    await page.getByLabel('Password').fill('something else');
    await page.getByLabel('Password').press('Enter');
    await expect(page.getByRole('alert')).toHaveText('Wrong password.');
    expect(await violations(page)).toEqual([]);
    await page.getByLabel('Password').fill(ADMIN_PASSWORD);
    await page.getByLabel('Password').press('Enter');
    await expect(page.getByRole('heading', { name: 'Rooms' })).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await expect(page.getByLabel('Password')).toBeVisible();
  });
});

for (const [where, options] of [
  ['at a desk', {}],
  ['on a phone', { viewport: { width: 390, height: 700 }, colorScheme: 'dark' }],
]) {
  test(`a moderator ${where} deletes, times out and lifts, by keyboard too`, async ({ visit, server }) => {
    const [eve, bob] = [await visit(), await visit()];
    await live(eve);
    await live(bob);
    await say(eve, 'buy this', 'Eve');
    await say(eve, 'and that');
    await expect(messages(bob)).toHaveCount(2);
    const page = await moderator(visit, options);
    await openOptions(bob.getByRole('button', { name: 'Options for the message of Eve' }).first());
    await expect(bob.getByRole('button', { name: 'Reply' })).toBeVisible();
    await expect(bob.getByRole('button', { name: 'Moderate' })).toHaveCount(0);

    // By keyboard: the button beside the message, then through the dialog.
    const dialog = page.getByRole('dialog', { name: 'Moderate Eve' });
    const beside = (text) => messages(page).filter({ hasText: text }).getByRole('button', { name: 'Options for the message of Eve' });
    const press = (menu) => menu.getByRole('button', { name: 'Moderate' });
    await press(await openOptions(beside('buy this'))).press('Enter');
    await expect(dialog).toBeVisible();
    await expect(dialog).toContainText('buy this');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    await expect(beside('buy this')).toBeFocused();
    await press(await openOptions(beside('buy this'))).press('Enter');
    await expect(dialog).toContainText(/Other people at this address: \d/);
    await page.keyboard.press('Tab');
    await page.keyboard.type('an advert');
    await page.keyboard.press('Tab');
    await expect(dialog.getByRole('checkbox', { name: 'Time out or ban the address too' })).toBeFocused();
    await page.keyboard.press('Tab');
    await expect(dialog.getByRole('button', { name: 'Pin to the top' })).toBeFocused();
    await page.keyboard.press('Tab');
    await expect(dialog.getByRole('button', { name: 'Delete message' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(dialog).toBeHidden();
    await expect(messages(bob)).toHaveCount(1);
    await expect(messages(page)).toHaveCount(1);
    await expect(page.getByRole('log')).toBeFocused();

    const act = async (name, reason = '') => {
      await messages(page).first().hover();
      await beside('and that').click();
      await press(page).click();
      await expect(dialog.getByLabel(/Reason/)).toHaveValue('');
      await dialog.getByLabel(/Reason/).fill(reason);
      await dialog.getByRole('button', { name, exact: true }).click();
      await expect(dialog).toBeHidden();
    };
    await act('Time out 10 min', 'adverts');
    await expect(eve.getByText(/timed you out\. You can write again in 10 minutes\. Reason: adverts/)).toBeVisible();
    await expect(bob.getByText(/timed you out/)).toBeHidden();
    await act('Ban');
    await expect(eve.getByText('A moderator has banned you from writing here.')).toBeVisible();
    await act('Lift the time-out or ban');
    await expect(eve.getByText(/A moderator has/).filter({ visible: true })).toHaveCount(0);
    await act('Delete all their messages');
    await expect(messages(bob)).toHaveCount(0);
  });
}

for (const [where, options] of [
  ['at a desk', {}],
  ['on a phone', { viewport: { width: 390, height: 700 }, colorScheme: 'dark' }],
  ['without JavaScript', { javaScriptEnabled: false }],
]) {
  test.describe('the pages of the owner', () => {
    test.use({ networkErrors: true }); // Chromium writes the 400 of a form that is refused.

    test(`make a room and set it up ${where}`, async ({ visit, server }) => {
      const page = await visit({ path: '/admin', hydrated: false, ...options });
      const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
      const check = async () => {
        if (options.javaScriptEnabled === false) return;
        expect(await violations(page)).toEqual([]);
        expect(await fits()).toBe(true);
      };
      await page.getByLabel('Password').fill(ADMIN_PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await check();
      await page.getByLabel('Name').fill('Second stage');
      await page.getByRole('button', { name: 'Create room' }).click();
      await expect(page.getByRole('heading', { name: 'Second stage' })).toBeVisible();
      await page.getByRole('button', { name: 'Prepare' }).click();
      await page.getByRole('button', { name: 'Start' }).click();
      await expect(page.getByRole('link', { name: 'End the room' })).toBeVisible();
      const save = (group) => page.getByRole('group', { name: group }).getByRole('button', { name: 'Save' }).click();
      await page.getByRole('switch', { name: 'Slow mode' }).check();
      await page.getByRole('spinbutton', { name: 'Slow mode' }).fill('99999');
      await page.getByRole('switch', { name: 'Block repeated messages' }).check();
      await page.getByRole('spinbutton', { name: 'Block repeated messages' }).fill('45');
      await save('Pace');
      await expect(page.getByRole('alert').filter({ hasText: '0 to 21600 seconds' })).toBeVisible();
      await expect(page.getByRole('spinbutton', { name: 'Block repeated messages' })).toHaveValue('45');
      await check();
      await page.getByRole('spinbutton', { name: 'Slow mode' }).fill('5');
      await save('Pace');
      await expect(page.getByText('Saved.')).toBeVisible();
      await page.getByLabel('Pause the chat').check();
      await save('Who can write');
      await expect(page.getByRole('spinbutton', { name: 'Slow mode' })).toHaveValue('5');
      await server.administer('2/users/eve/ban', { reason: 'adverts' });
      await page.reload();
      await check();
      await expect(page.getByLabel('Pause the chat')).toBeChecked();
      await page.getByRole('button', { name: 'Lift for eve' }).click();
      await expect(page.getByText('Nobody is banned or timed out.')).toBeVisible();
      await page.getByRole('link', { name: 'Activity log' }).click();
      await check();
      await expect(page.getByRole('row')).toHaveCount(7);
      await expect(page.getByRole('row').nth(1)).toContainText('eve may write again');
    });
  });
}

test.describe('those who may not write any more try to', () => {
  test.use({ provoked: /status of 403/ });

  test('a raid of twenty is brought under control by one moderator', async ({ visit, server }) => {
    test.slow();
    const viewers = await Promise.all([visit(), visit(), visit()]);
    const page = await moderator(visit);
    const ann = await server.guest('Ann');
    const raiders = [];
    for (let n = 0; n < 20; n++) raiders.push(await visit());
    await ann.say('before the raid');
    for (let round = 1; round <= 3; round++) {
      await Promise.all(raiders.map((raider, n) => say(raider, `RAID ${round}`, `Raider ${n}`)));
      await expect(messages(page)).toHaveCount(1 + 20 * round);
    }
    for (let n = 0; n < raiders.length; n++) {
      for (const act of ['Ban', 'Delete all their messages']) {
        const menu = await openOptions(page.getByRole('button', { name: `Options for the message of Raider ${n}`, exact: true }).last());
        await menu.getByRole('button', { name: 'Moderate' }).press('Enter');
        const dialog = page.getByRole('dialog');
        // By now it is clear that all come from one address.
        if (act === 'Ban' && n === raiders.length - 1) await dialog.getByRole('checkbox', { name: 'Time out or ban the address too' }).check();
        await dialog.getByRole('button', { name: act, exact: true }).click();
        await expect(dialog).toBeHidden();
      }
      await expect(messages(page)).toHaveCount(61 - 3 * (n + 1));
    }
    for (const viewer of [...viewers, page]) await expect.poll(() => texts(viewer)).toEqual(['before the raid']);
    for (const raider of raiders) {
      await expect(raider.getByRole('status').filter({ hasText: 'A moderator has banned you from writing here.' })).toBeVisible();
      await expect(raider.locator('#form')).toBeHidden();
    }
    // A new name does not help, from the same address; whoever may lift a ban is not under it.
    await expect((await server.guest('Raider 20')).say('again')).rejects.toThrow('banned');
    await say(page, 'All quiet.', 'Moderator');
    await expect(messages(viewers[0]).last()).toContainText('All quiet.');
  });
});

test('slow mode counts down, and is over when it is switched off', async ({ visit, server }) => {
  const page = await visit();
  await live(page);
  await server.administer('1/settings', { name: 'Main stage', slow_mode_seconds: 3 });
  await expect(page.getByRole('heading', { name: 'Main stage' })).toBeVisible();
  await expect(page.getByText('Slow mode: 3 s')).toBeVisible();
  await say(page, 'one', 'Ann');
  await expect(page.getByText(/Write again in \d s/)).toBeVisible();
  await say(page, 'two');
  await expect(page.getByRole('alert').filter({ hasText: 'Slow mode is on.' })).toBeVisible();
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('two');
  await expect(page.getByText('Slow mode: 3 s')).toBeVisible();
  await page.getByLabel('Message', { exact: true }).press('Enter');
  await expect(messages(page)).toHaveCount(2);
  await server.administer('1/settings', { slow_mode_seconds: 0 });
  await expect(page.getByText(/Slow mode:|Write again/)).toHaveCount(0);
  await say(page, 'three');
  await expect(messages(page)).toHaveCount(3);
  expect(await texts(page)).toEqual(['one', 'two', 'three']);
});

test('a room is paused and goes on, and what is typed stays', async ({ visit, server }) => {
  const page = await visit();
  const owner = await moderator(visit);
  await live(page);
  await page.getByLabel('Message', { exact: true }).fill('half a thou');
  await server.administer('1/settings', { paused: true });
  await expect(page.getByText('A moderator has paused this chat.')).toBeVisible();
  await expect(page.getByLabel('Message', { exact: true })).toBeHidden();
  await expect(owner.getByText('Paused for all but moderators')).toBeVisible();
  await say(owner, 'Back in a minute.', 'Moderator');
  await expect(messages(page)).toHaveCount(1);
  const late = await visit();
  await expect(late.getByText('A moderator has paused this chat.')).toBeVisible();
  await server.administer('1/settings', { paused: false });
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('half a thou');
  await expect(late.getByLabel('Message', { exact: true })).toBeVisible();
  await server.administer('1/settings', { speakers: 'moderators' });
  await expect(page.getByText('Only moderators write here.')).toBeVisible();
  await expect(owner.getByLabel('Message', { exact: true })).toBeVisible();
});

test('an announcement stands out for everybody, with JavaScript and without', async ({ visit, server }) => {
  const [page, owner] = [await visit(), await moderator(visit)];
  await expect(page.getByLabel('Announce it')).toHaveCount(0);
  await owner.getByLabel('Announce it').check();
  await say(owner, 'We start in five minutes.', 'Robin');
  await expect(messages(page).filter({ hasText: 'Announcement' })).toHaveText(/We start in five minutes\./);
  await expect(owner.getByLabel('Announce it')).not.toBeChecked();
  await say(owner, 'And hello.');
  await expect(messages(page)).toHaveCount(2);
  await expect(page.getByText('Announcement', { exact: true })).toHaveCount(1);
  await page.reload();
  await live(page);
  await expect(messages(page).first().getByText('Announcement', { exact: true })).toBeVisible();
  expect(await violations(page)).toEqual([]);
  const plain = await moderator(visit, { javaScriptEnabled: false }, false);
  await plain.getByLabel('Username').fill('Sam');
  await plain.getByLabel('Message', { exact: true }).fill('A break now.');
  await plain.getByLabel('Announce it').check();
  await plain.getByRole('button', { name: 'Send the Message' }).click();
  await expect(messages(page).last()).toContainText('Announcement');
  expect(await texts(page)).toEqual(['We start in five minutes.', 'And hello.', 'A break now.']);
});

test('a pinned message stands above the chat until it is unpinned or deleted', async ({ visit }) => {
  const [page, owner] = [await visit(), await moderator(visit)];
  const pinned = page.getByRole('complementary', { name: 'Pinned message' });
  await expect(pinned).toHaveCount(0);
  await say(owner, 'The rules: https://example.com/rules', 'Robin');
  await say(page, 'hello', 'Ann');
  await moderate(owner, 'Robin');
  const dialog = owner.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: /Ban|Time out|Delete all/ })).toHaveCount(0);
  await dialog.getByRole('button', { name: 'Pin to the top' }).click();
  await expect(pinned).toContainText('The rules');
  await expect(pinned.getByRole('link')).toHaveAttribute('href', 'https://example.com/rules');
  expect(await violations(page)).toEqual([]);
  expect(await violations(owner)).toEqual([]);
  await page.reload();
  await live(page);
  await expect(pinned).toContainText('The rules');
  await expect(messages(page)).toHaveCount(2);

  await moderate(owner.getByRole('complementary'), 'Robin');
  await dialog.getByRole('button', { name: 'Unpin' }).click();
  await expect(pinned).toHaveCount(0);

  await moderate(owner, 'Ann');
  await dialog.getByRole('button', { name: 'Pin to the top' }).click();
  await expect(pinned).toContainText('hello');
  await moderate(owner.getByRole('complementary'), 'Ann');
  await dialog.getByRole('button', { name: 'Delete message' }).click();
  await expect(pinned).toHaveCount(0);
  await expect(owner.getByRole('complementary')).toHaveCount(0);
});

test.describe('what a room does not want', () => {
  test.use({ networkErrors: true });

  test('is refused where it stands, and kept', async ({ visit, server }) => {
    const page = await visit();
    await live(page);
    await server.administer('1/settings', { blocked_words: ['damn'], links: 'moderators', message_chars: 30 });
    const message = page.getByLabel('Message', { exact: true });
    const alert = (text) => page.getByRole('alert').filter({ hasText: text });
    await say(page, 'd\u00e0mn it', 'Ann');
    await expect(alert('The message has a word in it')).toBeVisible();
    await expect(message).toHaveValue('d\u00e0mn it');
    await say(page, 'look at example.com');
    await expect(alert('Links are not allowed here, and “example.com” is one.')).toBeVisible();
    await message.fill('x'.repeat(31));
    await expect(page.locator('.counter')).toHaveText('31 / 30');
    await say(page, 'fine', 'D\u0430mn');
    await expect(alert('The name has a word in it')).toBeVisible();
    await expect(page.getByLabel('Username')).toHaveAttribute('aria-invalid', 'true');
    expect(await server.history()).toEqual([]);
  });
});

test.describe('a user of an app, whose id holds everything that an id may', () => {
  test.use({ settings: SETTINGS });

  test('is banned in the chat, and may write again by the page of the room', async ({ visit, server }) => {
    const eve = await join(server, 'Eve Ö/ü 💬:%2F+#?"\'<b>\r\n.', ['SEND_MESSAGE'], { attributes: { username: 'Eve' } });
    await eve.heard.next('connect');
    await eve.room.sendMessage(new SendMessageRequest('buy this'));
    const page = await moderator(visit);
    await moderate(page.getByRole('log'), 'Eve');
    const dialog = page.getByRole('dialog', { name: 'Moderate Eve' });
    await dialog.getByRole('button', { name: 'Ban', exact: true }).click();
    await expect(dialog).toBeHidden();
    expect(await eve.heard.next('disconnect')).toBe('serverDisconnect');
    eve.room.connect();
    await expect.poll(() => eve.heard.of('connect').length, 'may come back to read').toBe(2);
    const refused = await eve.room.sendMessage(new SendMessageRequest('and this')).catch(({ errorCode }) => errorCode);
    expect(refused).toBe(403);

    await page.goto(`${server.url}/admin/rooms/1`);
    await page.getByRole('button', { name: /^Lift for / }).click();
    await expect(page).toHaveURL(/saved=/);
    expect((await eve.room.sendMessage(new SendMessageRequest('sorry'))).content).toBe('sorry');
    eve.room.disconnect();
  });
});
