import { createHmac } from 'node:crypto';
import AxeBuilder from '@axe-core/playwright';
import { ADMIN_PASSWORD } from './server.js';
import { expect, live, messages, openOptions, say, test, texts } from './fixtures.js';

const nameError = (page) => page.getByRole('alert').filter({ hasText: /The name (is|must not contain)/ });

test.describe('a name', () => {
  test.use({ networkErrors: true }); // Chromium writes each 409 itself.

  test('is shared by guests, whom a colour and a mark tell apart', async ({ visit, server }) => {
    const [ann, other] = [await visit(), await visit()];
    await live(ann);
    await live(other);
    await say(ann, 'one', 'Ann');
    await expect(messages(other)).toHaveCount(1);
    await expect(other.locator('#list .mark')).toHaveCount(0);
    await say(other, 'two', ' ann ');
    await expect(messages(ann)).toHaveCount(2);
    await expect(nameError(other)).toBeHidden();
    const marks = (page) => page.locator('#list .mark').allInnerTexts();
    const shown = await marks(ann);
    expect(shown).toHaveLength(2);
    expect(shown[0]).toMatch(/^#[0-9a-z]{4,}$/);
    expect(shown[0]).not.toBe(shown[1]);
    await expect(ann.getByRole('img', { name: `${shown[1]}: one of several people with this name` })).toBeVisible();
    await expect(messages(ann).locator('.name')).toHaveText(['Ann', 'ann']);
    const hues = await ann.locator('#list .name').evaluateAll((names) => names.map((name) => /hue-\d+/.exec(name.className)[0]));
    expect(await violations(ann)).toEqual([]);
    // The server says the same, and so does every other page.
    await ann.reload();
    await live(ann);
    expect(await marks(ann)).toEqual(shown);
    for (const [path, options] of [
      ['/', { javaScriptEnabled: false, hydrated: false }],
      ['/embed/1', {}],
      ['/overlay/1', { hydrated: false }],
    ]) {
      const page = await visit({ path, ...options });
      await expect(messages(page)).toHaveCount(2);
      expect(await marks(page)).toEqual(shown);
      expect(await page.locator('#list .name').evaluateAll((names) => names.map((name) => /hue-\d+/.exec(name.className)[0]))).toEqual(hues);
      await page.close();
    }
    // A mention of a shared name is for all of that name.
    await (await server.guest('Bob')).say('hi @Ann');
    for (const page of [ann, other]) await expect(messages(page).last().locator('.mention.of-reader')).toHaveText('@Ann');
    // A mark goes with the last namesake.
    await server.delete(`messages/${await messages(ann).nth(1).getAttribute('id')}`);
    await expect(messages(ann)).toHaveCount(2);
    await expect(ann.locator('#list .mark')).toHaveCount(0);
  });

  test('is never taken from a guest whose stream was cut', async ({ visit, server }) => {
    const page = await visit();
    await live(page);
    await say(page, 'before', 'Ann');
    await expect(messages(page)).toHaveCount(1);
    await page.context().setOffline(true);
    await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeHidden();
    await (await server.guest('Ann')).say('meanwhile');
    await page.context().setOffline(false);
    await live(page);
    await say(page, 'after');
    await expect(messages(page)).toHaveCount(3);
    // Nor from a client that keeps its first token, as that of `guest` does, nor after a restart.
    const client = await server.guest('Ann');
    await server.stop();
    await server.start();
    await client.say('later');
    await live(page);
    await say(page, 'still here');
    await expect(messages(page)).toHaveCount(5);
    expect(await server.history()).toEqual(['before', 'meanwhile', 'after', 'later', 'still here']);
    expect(await texts(page)).toEqual(await server.history());
  });

  test('that is protected is refused beside its field, and the text is kept', async ({ visit, server }) => {
    const [robin, other] = [await owner(visit), await visit()];
    await live(other);
    await say(robin, 'hello', 'Robin');
    await expect(messages(other)).toHaveCount(1);
    for (const name of ['Robin', 'R.o.b.i.n', 'R\u043ebin', 'Admin', 'Ann \u2713']) {
      await say(other, 'me too', name);
      await expect(nameError(other)).toBeVisible();
      await expect(other.getByLabel('Username')).toHaveAttribute('aria-invalid', 'true');
      await expect(other.getByLabel('Message', { exact: true })).toHaveValue('me too');
      await other.getByLabel('Username').fill('');
      await expect(nameError(other)).toBeHidden();
    }
    await say(other, 'me too', 'Bob');
    await expect(messages(robin)).toHaveCount(2);
    // It is theirs after a restart.
    await server.stop();
    await server.start();
    await live(other);
    await say(other, 'again', 'Robin');
    await expect(nameError(other)).toBeVisible();
    await other.getByLabel('Username').fill('Bob');
    await other.getByLabel('Message', { exact: true }).press('Enter');
    await expect(messages(other)).toHaveCount(3);
  });

  test('is refused without JavaScript too', async ({ visit, server }) => {
    const page = await visit({ javaScriptEnabled: false, hydrated: false });
    await page.getByLabel('Username').fill('ADMIN');
    await page.getByLabel('Message', { exact: true }).fill('me too');
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect(nameError(page)).toBeVisible();
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('me too');
    await page.getByLabel('Username').fill('Bob');
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect(messages(page)).toHaveCount(1);
    expect(await server.history()).toEqual(['me too']);
  });

  test('is one person\u2019s where the room wants it so', async ({ visit, server }) => {
    const admin = await signIn(visit);
    await admin.goto(`${server.url}/admin/rooms/1`);
    await admin.getByLabel('Names are unique').check();
    await admin.locator('#who').getByRole('button', { name: 'Save' }).click();
    await expect(admin.getByLabel('Names are unique')).toBeChecked();
    const [ann, other] = [await visit(), await visit()];
    await live(ann);
    await live(other);
    await say(ann, 'one', 'Ann');
    await expect(messages(other)).toHaveCount(1);
    await say(other, 'two', 'ANN');
    await expect(nameError(other)).toBeVisible();
    // The same person, by the same name at the same address.
    await other.getByLabel('Username').fill('Ann');
    await other.getByLabel('Message', { exact: true }).press('Enter');
    await expect(messages(ann)).toHaveCount(2);
    await expect(ann.locator('#list .mark')).toHaveCount(2);
  });
});

const violations = async (page) => (await new AxeBuilder({ page }).analyze()).violations;

/** Signs in as whoever runs the chat. */
const signIn = async (visit, options = {}) => {
  const page = await visit({ path: '/admin', hydrated: false, ...options });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  return page;
};

/** The same, and goes to the room. */
const owner = async (visit) => {
  const page = await signIn(visit);
  await page.getByRole('link', { name: 'Live chat' }).click();
  await live(page);
  return page;
};

for (const colorScheme of ['light', 'dark']) {
  test(`who runs the chat has a badge that no name can imitate (${colorScheme})`, async ({ visit, server }) => {
    const reader = await visit({ colorScheme });
    await live(reader);
    const running = await owner(visit);
    await say(running, 'Welcome.', 'Robin');
    const role = running.getByRole('group', { name: 'Your role' });
    await expect(role).toHaveText(/^Owner/);
    await expect(role.getByRole('link', { name: 'Settings' })).toHaveAttribute('href', '/admin/rooms/1');
    await expect(reader.getByRole('group', { name: 'Your role' })).toHaveCount(0);
    for (const name of ['Ann owner', 'Bob\u2003OWNER', '0wner Eve', 'Eve \u{1f451}']) {
      const guest = await server.guest(name);
      await expect(guest.say('I run this')).rejects.toThrow('looks like a badge');
    }
    const guests = ['Ann owns', 'Bob\u2003of the owners', '\u{1f151}wner Eve', '<span class="tag role">owner</span>'];
    for (const name of guests) await (await server.guest(name)).say(`I am ${name}`);
    const check = async (page) => {
      await expect(messages(page)).toHaveCount(5);
      await expect(messages(page).first().locator('.by')).toHaveText('RobinOwner');
      await expect(page.locator('#list .role')).toHaveText(['Owner']);
      expect(await violations(page)).toEqual([]);
    };
    await check(reader);
    await reader.reload();
    await check(reader);
  });
}

const SITE_SECRET = 'the secret of a site, for tests alone';

/** A token as a site of ours signs it. */
const sign = (claims) => {
  const encode = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims })}`;
  return `${text}.${createHmac('sha256', SITE_SECRET).update(text).digest('base64url')}`;
};

/** A page of another site that brings somebody by a form. */
const entrance = (server, token) =>
  `data:text/html,${encodeURIComponent(`<form method=post action="${server.url}/rooms/1/enter"><input name=token value="${token}"><button>Chat</button></form>`)}`;

test('an owner and the guest of the same browser have names of their own', async ({ visit, server }) => {
  const page = await visit();
  const name = page.getByLabel('Username');
  await say(page, 'as a guest', 'Ann');
  await expect(messages(page)).toHaveCount(1);
  await page.goto(`${server.url}/admin`);
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
  const room = async () => {
    await page.goto(`${server.url}/rooms/1`);
    await live(page);
  };
  await room();
  await expect(name).toHaveValue('');
  await say(page, 'as the owner', 'Boss');
  await expect(messages(page)).toHaveCount(2);
  await room();
  await expect(name).toHaveValue('Boss');
  await page.goto(`${server.url}/admin`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByLabel('Password')).toBeVisible();
  await room();
  await expect(name).toHaveValue('Ann');
  await say(page, 'as a guest again');
  await expect(messages(page)).toHaveCount(3);
  await expect(messages(page).locator('.name')).toHaveText(['Ann', 'Boss', 'Ann']);
});

test.describe("a site's own users", () => {
  test.use({ settings: ['--site-secret', SITE_SECRET], networkErrors: true });

  test('come in by a form, under the name and with the picture that the site gives', async ({ visit, server }) => {
    const reader = await visit();
    await live(reader);
    // Asked for in the open: nobody's address goes along. It is a drawing that would run something, were it not a picture.
    const asked = [];
    const drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8" onload="top.ran=1"><script>top.ran=1</script><rect width="8" height="8"/></svg>';
    let release;
    const released = new Promise((resolve) => (release = resolve));
    await reader.context().route('https://site.example/**', async (route) => {
      asked.push(route.request().headers());
      await released;
      return route.fulfill({ contentType: 'image/svg+xml', body: drawing });
    });
    const page = await visit();
    await page.context().route('https://site.example/**', (route) => route.fulfill({ contentType: 'image/svg+xml', body: drawing }));
    await page.goto(entrance(server, sign({ sub: '42', name: 'Ann', picture: 'https://site.example/ann.svg' })));
    await page.getByRole('button', { name: 'Chat' }).click();
    // The operator has named no site: people are asked.
    await page.getByRole('button', { name: 'Enter as Ann' }).click();
    await expect(page).toHaveURL(`${server.url}/rooms/1`);
    await live(page);
    await expect(page.getByLabel('Username')).toHaveValue('Ann');
    await expect(page.getByLabel('Username')).not.toBeEditable();
    await say(page, 'hello');
    const image = messages(reader).locator('img');
    await expect(image).toHaveAttribute('src', 'https://site.example/ann.svg');
    // It comes late, and moves nothing.
    const place = () => messages(reader).evaluate((row) => row.getBoundingClientRect().toJSON());
    await expect.poll(() => asked.length).toBe(1);
    const before = await place();
    release();
    await expect.poll(() => image.evaluate((image) => image.complete && image.naturalWidth)).toBe(8);
    expect(await place()).toEqual(before);
    expect(asked[0].referer).toBeUndefined();
    expect(await reader.evaluate(() => window.ran)).toBeUndefined();
    expect(await violations(reader)).toEqual([]);
    await say(reader, 'me too', 'ann');
    await expect(nameError(reader)).toBeVisible();
  });

  test('read a long name whole before they enter under it', async ({ visit, server }) => {
    const page = await visit({ viewport: { width: 320, height: 640 } });
    await page.goto(entrance(server, sign({ sub: '42', name: 'W'.repeat(64) })));
    await page.getByRole('button', { name: 'Chat' }).click();
    const button = page.getByRole('button', { name: 'Enter as WWW' });
    await expect(button).toBeInViewport({ ratio: 1 });
    await expect(page.getByText('Another website wants you to write')).toBeInViewport({ ratio: 1 });
  });

  test('stay outside with a token that is not good, and are told why', async ({ visit, server }) => {
    const page = await visit();
    await page.goto(entrance(server, sign({ sub: '42', exp: 1 })));
    await page.getByRole('button', { name: 'Chat' }).click();
    await expect(page.getByRole('heading', { name: 'You could not be let in' })).toBeVisible();
    await expect(page.getByText("The site's token is refused: it has expired.")).toBeVisible();
  });

  test('have no picture that the message itself brings', async ({ visit, server }) => {
    const reader = await visit();
    await live(reader);
    const guest = await server.guest('Eve');
    const picture = 'https://evil.example/x.svg';
    await guest.send(JSON.stringify({ type: 'chat', username: 'Eve', message_text: 'hi', picture, role: 'owner', profile: { picture } }));
    await guest.send('{"type":"chat","username":"<img src=x onerror=alert(1)>","message_text":"hi"}');
    await expect(messages(reader)).toHaveCount(2);
    await expect(reader.locator('#list img, #list .role')).toHaveCount(0);
  });
});

test.describe('a moderator', () => {
  test.use({ networkErrors: true }); // Chromium writes each 401 and 410 itself.

  for (const [where, options] of [
    ['at a desk', {}],
    ['on a phone', { viewport: { width: 390, height: 700 }, colorScheme: 'dark' }],
  ]) {
    test(`is invited by a link, moderates, and is sent away, ${where}`, async ({ visit, server }) => {
      const admin = await signIn(visit, { ...options });
      expect(await violations(admin)).toEqual([]);
      await admin.getByRole('link', { name: 'People' }).click();
      await admin.getByLabel('Name').fill('Admin\u202e');
      await admin.getByRole('button', { name: 'Invite' }).click();
      await expect(admin.getByRole('alert')).toHaveText('The name contains invisible characters. Please remove them.');
      expect(await violations(admin)).toEqual([]);
      await admin.getByLabel('Name').fill('Robin');
      await admin.getByLabel('Room').selectOption('1: Live chat');
      await admin.getByRole('button', { name: 'Invite' }).click();
      const link = await admin.locator('.made code').innerText();
      expect(link).toContain(server.url);
      expect(await violations(admin)).toEqual([]);
      const width = () => admin.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(await width()).toBe(0);

      const page = await visit({ path: new URL(link).pathname, hydrated: false });
      expect(await violations(page)).toEqual([]);
      await page.getByRole('button', { name: 'Accept' }).click();
      await live(page);
      await expect(page.getByLabel('Username')).toHaveValue('Robin');
      const eve = await visit();
      await live(eve);
      await say(eve, 'buy this', 'Eve');
      const menu = await openOptions(page.getByRole('button', { name: 'Options for the message of Eve' }));
      await menu.getByRole('button', { name: 'Moderate' }).press('Enter');
      await page.getByRole('button', { name: 'Delete message' }).click();
      await expect(eve.getByText('Deleted by a moderator.')).toBeVisible();
      await say(page, 'No adverts, please.');
      await expect(messages(eve).last().locator('.role')).toHaveText('Moderator');

      await admin.goto(`${server.url}/admin/people`);
      await expect(admin.getByRole('row', { name: /Robin Live chat taken on/ })).toBeVisible();
      await admin.getByRole('button', { name: 'Revoke Robin' }).click();
      await expect(admin.getByRole('row', { name: /Robin Live chat revoked/ })).toBeVisible();
      await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeHidden();
      await page.reload();
      await live(page);
      await say(eve, 'sorry');
      await expect(messages(page).last()).toContainText('sorry');
      await openOptions(page.getByRole('button', { name: 'Options for the message of Eve' }).last());
      await expect(page.getByRole('button', { name: 'Reply' })).toBeVisible();
      await expect(page.getByRole('button', { name: 'Moderate' })).toHaveCount(0);
      await page.goto(link);
      await expect(page.getByText('This invitation has been used or taken back.')).toBeVisible();
    });
  }
});
