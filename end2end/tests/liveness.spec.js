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

const returns = {
  'comes back to the page': () => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })),
  'has a network again': () => window.dispatchEvent(new Event('online')),
  'goes from one network to another': () => {
    window.network.type = 'cellular';
    window.network.dispatchEvent(new Event('change'));
  },
};

/** A page whose timers stand still, as a hidden one's nearly do, on a telephone that tells its kind of network. */
const asleep = () => {
  window.setInterval = () => 0;
  window.network = Object.assign(new EventTarget(), { type: 'wifi' });
  Object.defineProperty(navigator, 'connection', { value: window.network });
};

test('a reader who comes back does not wait for a timer', async ({ visit, server, faulty }) => {
  const page = await visit({ origin: faulty.url, prepare: asleep });
  await live(page);
  const [bob, said] = [await server.guest('Bob'), []];
  for (const [how, comeBack] of Object.entries(returns)) {
    const { streams } = faulty;
    faulty.cut();
    await bob.say(`before a reader ${how}`);
    await page.evaluate(comeBack);
    said.push(`before a reader ${how}`);
    await expect.poll(() => texts(page)).toEqual(said);
    await expect.poll(() => faulty.streams, how).toBe(streams + 1);
    await live(page);
  }
  // The speed of a network says nothing, and a look at a healthy stream opens no other.
  const { streams } = faulty;
  await page.evaluate(() => window.network.dispatchEvent(new Event('change')));
  await page.evaluate(returns['comes back to the page']);
  await bob.say('and now');
  await expect(messages(page)).toHaveCount(said.length + 1);
  expect(faulty.streams).toBe(streams);
  // Nor does a reader wait where the server was away.
  await server.stop();
  await expect(status(page, 'Reconnecting')).toBeVisible();
  await server.start();
  await page.evaluate(returns['comes back to the page']);
  await live(page);
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
  await expect(page.getByText(/watching/)).toHaveCount(0);
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

test('a stream whose events come one late loses and doubles nothing', async ({ visit, server, faulty }) => {
  faulty.lagsByOne = true;
  const page = await visit({ origin: faulty.url });
  const bob = await server.guest('Bob');
  await bob.say('one');
  // What the reader says does not wait, and brings along what the stream still holds.
  await say(page, 'two', 'Ann');
  await expect.poll(() => texts(page)).toEqual(['one', 'two']);
  await bob.say('three');
  await bob.say('four');
  await expect(page.getByText('three', { exact: true })).toBeVisible();
  await say(page, 'five');
  await expect.poll(() => texts(page)).toEqual(['one', 'two', 'three', 'four', 'five']);
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
