import { expect, live, messages, say, test as base, texts } from './fixtures.js';
import { Proxy } from './proxy.js';

const test = base.extend({
  /** A proxy with faults before the server. */
  faulty: async ({ server }, use) => {
    const proxy = await Proxy.before(server);
    await use(proxy);
    await proxy.close();
  },
});

test.use({ networkErrors: true, provoked: /502|MIME type/ });

const status = (page, text) => page.getByRole('status').filter({ hasText: text });

test('a stream that dies without an error is noticed, and a healthy one is left alone', async ({ visit, server, faulty }) => {
  test.setTimeout(120_000);
  const healthy = await visit();
  const page = await visit({ origin: faulty.url });
  await live(page);
  await live(healthy);
  const opened = [];
  healthy.on('request', (request) => request.url().includes('/subscribe/') && opened.push(request.url()));
  faulty.cut();
  await (await server.guest('Bob')).say('while you slept');
  await expect(messages(page)).toHaveCount(1, { timeout: 60_000 });
  await live(page);
  await (await server.guest('Cleo')).say('and now');
  await expect(messages(page)).toHaveCount(2);
  expect(await texts(page)).toEqual(['while you slept', 'and now']);
  expect(opened, 'the healthy page has opened no other stream').toEqual([]);
});

test('a reader who comes back to a dead stream does not wait for the watchdog', async ({ visit, server, faulty }) => {
  const page = await visit({ origin: faulty.url });
  await live(page);
  faulty.cut();
  await (await server.guest('Bob')).say('while you were in another tab');
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
  await expect(messages(page)).toHaveCount(1, { timeout: 8_000 });
  await expect.poll(() => faulty.streams).toBe(2);
  await live(page);
  // A look at a healthy stream opens no other.
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
  await (await server.guest('Cleo')).say('and now');
  await expect(messages(page)).toHaveCount(2);
  expect(faulty.streams).toBe(2);
});

test('what a person says appears although the stream is dead', async ({ visit, server, faulty }) => {
  const page = await visit({ origin: faulty.url });
  await live(page);
  faulty.cut();
  await say(page, 'can you hear me?', 'Ann');
  await expect(messages(page)).toHaveCount(1);
  await (await server.guest('Bob')).say('yes');
  await expect(messages(page)).toHaveCount(2);
  expect(await texts(page)).toEqual(['can you hear me?', 'yes']);
});

test('a stream that is held back is told, and the chat goes on without it', async ({ visit, server, faulty }) => {
  test.setTimeout(120_000);
  faulty.holdsStreams = true;
  const page = await visit({ origin: faulty.url });
  await expect(status(page, 'Delayed by a few seconds')).toBeVisible();
  const bob = await server.guest('Bob');
  await bob.say('one');
  await expect(messages(page)).toHaveCount(1);
  await say(page, 'two', 'Ann');
  await expect(messages(page)).toHaveCount(2);
  await bob.say('three');
  await expect(messages(page)).toHaveCount(3);
  faulty.holdsStreams = false;
  await expect(status(page, 'Live')).toBeVisible({ timeout: 60_000 });
  await bob.say('four');
  await expect(messages(page)).toHaveCount(4);
  expect(await texts(page)).toEqual(['one', 'two', 'three', 'four']);
});

const page502 = { status: 502, body: '<html><title>502</title><h1>Bad Gateway</h1></html>' };
const portal = { status: 200, body: '<html><title>Hotel</title><h1>Welcome to our network</h1></html>' };

for (const [what, answer] of [
  ['a proxy without its server', page502],
  ['a proxy that names no reason', { status: 429, body: '' }],
  ['a page of another program', portal],
  ['JSON of another program', { status: 200, headers: { 'content-type': 'application/json' }, body: '{"ok":true}' }],
]) {
  test(`a message survives the answer of ${what}`, async ({ visit, server, faulty }) => {
    const page = await visit({ origin: faulty.url });
    await live(page);
    let answered = 0;
    faulty.answer = ({ method }) => (method === 'POST' && answered++ < 2 ? answer : undefined);
    await say(page, 'not lost', 'Ann');
    await expect(messages(page)).toHaveCount(1);
    expect(answered).toBe(3);
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('');
    await expect(page.getByRole('alert')).toHaveCount(0);
    expect(await server.history()).toEqual(['not lost']);
  });
}

for (const [what, answer] of [
  ['a page', portal],
  ['a redirect', { status: 302, headers: { location: 'http://portal.test/sign-in' }, body: '' }],
]) {
  test(`a network that answers with ${what} is named, and the text stays`, async ({ visit, server, faulty }) => {
    const page = await visit({ origin: faulty.url });
    await live(page);
    faulty.answer = ({ method }) => (method === 'POST' ? answer : undefined);
    await say(page, 'kept', 'Ann');
    await expect(page.getByText('Your network answered in place of the chat.')).toBeVisible();
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('kept');
    faulty.answer = () => undefined;
    await page.getByLabel('Message', { exact: true }).press('Enter');
    await expect(messages(page)).toHaveCount(1);
    expect(await server.history()).toEqual(['kept']);
  });
}

test('a proxy that refuses streams with a page of its own is asked again', async ({ visit, server, faulty }) => {
  const page = await visit({ origin: faulty.url });
  await live(page);
  await server.stop();
  faulty.answer = ({ url }) => (url.startsWith('/subscribe/') ? { status: 404, body: '<h1>No backend</h1>' } : undefined);
  await expect(status(page, 'Reconnecting')).toBeVisible();
  await server.start();
  faulty.answer = () => undefined;
  await expect(status(page, 'Live')).toBeVisible();
});
