import { expect, live, messages, say, test as base, texts } from './fixtures.js';
import { Proxy } from './proxy.js';

const test = base.extend({
  /** A proxy that counts streams. */
  counting: async ({ server }, use) => {
    const proxy = await Proxy.before(server);
    await use(proxy);
    await proxy.close();
  },
});

test.use({ networkErrors: true });

/** Opens another tab of the same browser. */
const tab = async (page, url) => {
  const other = await page.context().newPage();
  await other.goto(url, { timeout: 15_000 });
  await live(other);
  return other;
};

test('nine tabs of a browser are live and can send, with one stream', async ({ visit, counting }) => {
  test.setTimeout(120_000);
  const first = await visit({ origin: counting.url });
  await live(first);
  const tabs = [first];
  while (tabs.length < 9) tabs.push(await tab(first, counting.url));
  await expect.poll(() => counting.openStreams).toBe(1);
  const said = [];
  for (const [n, page] of tabs.entries()) {
    await say(page, `from tab ${n}`, 'Ann');
    said.push(`from tab ${n}`);
    await expect(messages(first)).toHaveCount(n + 1);
  }
  for (const page of tabs) await expect.poll(() => texts(page)).toEqual(said);
});

test('another tab takes over when the leader goes, and nothing is lost or doubled', async ({ visit, server, counting }) => {
  test.setTimeout(120_000);
  const leader = await visit({ origin: counting.url });
  await live(leader);
  const others = [await tab(leader, counting.url), await tab(leader, counting.url), await tab(leader, counting.url)];
  const bob = await server.guest('Bob');
  const said = [];
  const talk = async (text) => {
    said.push(text);
    await bob.say(text);
  };
  await talk('before');
  for (const page of others) await expect(messages(page)).toHaveCount(1);
  await leader.close();
  await talk('while nobody leads');
  for (const page of others) await expect.poll(() => texts(page)).toEqual(said);
  await expect.poll(() => counting.openStreams).toBe(1);
  await others[0].goto('about:blank');
  await talk('one has gone elsewhere');
  await others[0].goBack();
  await talk('and is back');
  for (const page of others) await expect.poll(() => texts(page)).toEqual(said);
  for (const page of others) await live(page);
});

test('seven frames of a page are live over one stream, and each can send', async ({ visit, counting }) => {
  test.setTimeout(120_000);
  const page = await visit({ origin: counting.url });
  await live(page);
  const host = await page.context().newPage();
  // A page of the same site.
  await host.route('**/seven-frames', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html>' + '<iframe src="/embed/1"></iframe>'.repeat(7) }),
  );
  await host.goto(`${counting.url}/seven-frames`);
  const frames = host.frames().slice(1);
  expect(frames).toHaveLength(7);
  for (const frame of frames) await live(frame);
  for (const [n, frame] of frames.entries()) await say(frame, `from frame ${n}`, 'Ann');
  for (const frame of frames) await expect(messages(frame)).toHaveCount(7);
  await expect(messages(page)).toHaveCount(7);
  await expect.poll(() => counting.openStreams).toBeLessThanOrEqual(2);
});

test('tabs that follow are told what has no place in the log', async ({ visit, counting }) => {
  const leader = await visit({ origin: counting.url });
  await live(leader);
  const follower = await tab(leader, counting.url);
  await say(follower, 'first a message', 'Ann');
  await expect(messages(leader)).toHaveCount(1);
  const bob = await visit();
  for (const page of [leader, follower]) await expect(page.getByText('2 watching')).toBeVisible();
  await bob.close();
  for (const page of [leader, follower]) await expect(page.getByText('1 watching')).toBeVisible();
});
