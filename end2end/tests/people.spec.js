import { createHmac } from 'node:crypto';
import AxeBuilder from '@axe-core/playwright';
import { ADMIN_PASSWORD } from './server.js';
import { expect, live, messages, openOptions, say, test, texts } from './fixtures.js';

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
    await say(await owner(visit), 'Welcome.', 'Robin');
    const guests = ['Ann owner', 'Bob\u2003OWNER', '\u{1f151}wner Eve', '<span class="tag role">owner</span>'];
    for (const name of guests) await (await server.guest(name)).say(`I am ${name}`);
    const check = async (page) => {
      await expect(messages(page)).toHaveCount(5);
      await expect(messages(page).first().locator('.by')).toHaveText('Robinowner');
      await expect(page.locator('#list .role')).toHaveText(['owner']);
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

test.describe("a site's own users", () => {
  test.use({ settings: ['--site-secret', SITE_SECRET], networkErrors: true });

  test('come in by a form, under the name and with the picture that the site gives', async ({ visit, server }) => {
    const reader = await visit();
    await live(reader);
    // Asked for in the open: nobody's address goes along. It is a drawing that would run something, were it not a picture.
    const asked = [];
    const drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8" onload="top.ran=1"><script>top.ran=1</script><rect width="8" height="8"/></svg>';
    await reader.context().route('https://site.example/**', (route) => {
      asked.push(route.request().headers());
      return route.fulfill({ contentType: 'image/svg+xml', body: drawing });
    });
    const page = await visit();
    await page.context().route('https://site.example/**', (route) => route.fulfill({ contentType: 'image/svg+xml', body: drawing }));
    await page.goto(entrance(server, sign({ sub: '42', name: 'Ann', picture: 'https://site.example/ann.svg' })));
    await page.getByRole('button', { name: 'Chat' }).click();
    await expect(page).toHaveURL(`${server.url}/rooms/1`);
    await live(page);
    await expect(page.getByLabel('Username')).toHaveValue('Ann');
    await expect(page.getByLabel('Username')).not.toBeEditable();
    await say(page, 'hello');
    const image = messages(reader).locator('img');
    await expect(image).toHaveAttribute('src', 'https://site.example/ann.svg');
    await expect.poll(() => image.evaluate((image) => image.complete && image.naturalWidth)).toBe(8);
    expect(asked[0].referer).toBeUndefined();
    expect(await reader.evaluate(() => window.ran)).toBeUndefined();
    expect(await violations(reader)).toEqual([]);
    await say(reader, 'me too', 'ann');
    await expect(nameError(reader)).toBeVisible();
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
      await expect(messages(eve).last().locator('.role')).toHaveText('moderator');

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
