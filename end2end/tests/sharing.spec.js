import { expect, live, messages, say, test as base, texts } from './fixtures.js';
import { Proxy } from './proxy.js';
import { serve } from './site.js';

const test = base.extend({
  /** A proxy that counts streams. */
  counting: async ({ server }, use) => {
    const proxy = await Proxy.before(server);
    await use(proxy);
    await proxy.close();
  },
});

test.use({ networkErrors: true });

/** The two ways in which a browser elects its leader: by a lock, and by messages where a page came over plain HTTP and has no locks. */
const ELECTIONS = [
  { name: 'by a lock', host: '127.0.0.1', hasLocks: true },
  { name: 'by messages', host: 'chat.test', hasLocks: false },
];

/** Keeps the streams of a page where a test finds them. */
const keepSources = () => {
  window.sources = [];
  window.EventSource = class extends EventSource {
    constructor(...parameters) {
      super(...parameters);
      window.sources.push(this);
    }
  };
};

/** A browser without channels between tabs, of which a test says whether it is hidden. */
const withoutChannels = () => {
  delete window.BroadcastChannel;
  let isHidden = false;
  Object.defineProperty(document, 'hidden', { get: () => isHidden });
  Object.defineProperty(document, 'visibilityState', { get: () => (isHidden ? 'hidden' : 'visible') });
  window.setHidden = (hidden) => {
    isHidden = hidden;
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  };
};

/** The tabs that hold a stream. */
const leaders = async (tabs) => {
  const isOpen = (page) => page.evaluate(() => window.sources.some((source) => source.readyState !== EventSource.CLOSED));
  const open = await Promise.all(tabs.map(isOpen));
  return tabs.filter((_, n) => open[n]);
};

/** How a leader can go without a word. */
const ENDS = {
  'is closed': (page) => page.close(),
  'is killed': async (page) => {
    const crashed = page.waitForEvent('crash');
    const browser = await page.context().newCDPSession(page);
    // Nobody is left to answer.
    browser.send('Page.crash').catch(() => {});
    await crashed;
  },
  // Nothing of it runs, and its stream stays open.
  'is frozen': async (page) => {
    const frozen = page.waitForEvent('console', (message) => message.text() === 'frozen');
    page.evaluate((until) => {
      console.log('frozen');
      while (Date.now() < until);
    }, Date.now() + FROZEN_MS);
    await frozen;
  },
};

/** For how long a frozen page stays so. */
const FROZEN_MS = 8_000;

/** Opens another tab of the same browser. */
const tab = async (page, url) => {
  const other = await page.context().newPage();
  await other.addInitScript(keepSources);
  await other.goto(url, { timeout: 15_000 });
  await live(other);
  return other;
};

for (const { name, host, hasLocks } of ELECTIONS) {
  test(`twenty tabs of a browser are live and can send, with one stream, ${name}`, async ({ visit, counting }) => {
    test.setTimeout(180_000);
    const url = counting.url.replace('127.0.0.1', host);
    const first = await visit({ origin: url });
    await live(first);
    expect(await first.evaluate(() => 'locks' in navigator)).toBe(hasLocks);
    const tabs = [first];
    while (tabs.length < 20) tabs.push(await tab(first, url));
    await expect.poll(() => counting.openStreams).toBe(1);
    if (hasLocks) expect(await first.evaluate(async () => (await navigator.locks.query()).pending.length)).toBe(19);
    const said = [];
    for (const [n, page] of [...tabs.entries()].filter(([n]) => n % 4 === 3)) {
      await say(page, `from tab ${n}`, 'Ann');
      said.push(`from tab ${n}`);
      await expect(messages(first)).toHaveCount(said.length);
    }
    for (const page of tabs) await expect.poll(() => texts(page)).toEqual(said);
  });

  test(`a leader that goes without a word is replaced, and nothing is lost or doubled, ${name}`, async ({ visit, server, counting }) => {
    test.setTimeout(120_000);
    const url = counting.url.replace('127.0.0.1', host);
    const tabs = [await visit({ origin: url, prepare: keepSources })];
    await live(tabs[0]);
    while (tabs.length < 4) tabs.push(await tab(tabs[0], url));
    const bob = await server.guest('Bob');
    const said = [];
    let frozen;
    for (const [end, go] of Object.entries(ENDS)) {
      await expect.poll(async () => (await leaders(tabs)).length, `one leads before one ${end}`).toBe(1);
      const [leader] = await leaders(tabs);
      tabs.splice(tabs.indexOf(leader), 1);
      // A browser pings the leader from the tab that is seen.
      await tabs[0].bringToFront();
      await go(leader);
      await bob.say(`after one ${end}`);
      said.push(`after one ${end}`);
      for (const page of tabs) await expect.poll(() => texts(page), `after one ${end}`).toEqual(said);
      if (end === 'is frozen') frozen = leader;
    }
    await expect.poll(async () => (await leaders(tabs)).length).toBe(1);
    // One that goes on leads no more, and shows what it has missed.
    await expect.poll(() => texts(frozen)).toEqual(said);
    await expect.poll(() => counting.openStreams).toBe(1);
  });
}

test('tabs of many rooms have three streams, and the others are not far behind', async ({ visit, server, counting }) => {
  test.setTimeout(120_000);
  const rooms = [1, 2, 3, 4, 5];
  for (const room of rooms.slice(1)) {
    await server.administer('create', { name: `Room ${room}` });
    await server.administer(`${room}/prepare`);
    await server.administer(`${room}/start`);
  }
  const first = await visit({ origin: counting.url, path: '/rooms/1' });
  await live(first);
  const pages = [first];
  for (const room of rooms.slice(1)) {
    const page = await first.context().newPage();
    await page.goto(`${counting.url}/rooms/${room}`);
    await expect(page.getByRole('status').filter({ hasText: pages.length < 3 ? 'Live' : 'Delayed' })).toBeVisible();
    pages.push(page);
  }
  expect(counting.openStreams).toBe(3);
  // Each can send and shows what is sent.
  for (const [n, page] of pages.entries()) {
    await say(page, `to room ${n}`, 'Ann');
    await expect.poll(() => texts(page)).toEqual([`to room ${n}`]);
  }
  // A tab that goes leaves its stream to another one.
  await pages[1].close();
  await expect
    .poll(async () => {
      const states = [pages[3], pages[4]].map((page) => page.getByRole('status').filter({ hasText: 'Live' }).count());
      return (await Promise.all(states)).reduce((sum, count) => sum + count);
    })
    .toBe(1);
  expect(counting.openStreams).toBe(3);
});

test('without a channel between tabs each has a stream of its own, and one that is hidden has none', async ({ visit, server, counting }) => {
  const page = await visit({ origin: counting.url, prepare: withoutChannels });
  await live(page);
  const other = await page.context().newPage();
  await other.addInitScript(withoutChannels);
  await other.goto(counting.url);
  await live(other);
  expect(counting.openStreams).toBe(2);
  await other.evaluate(() => window.setHidden(true));
  await expect.poll(() => counting.openStreams).toBe(1);
  await (await server.guest('Bob')).say('while it was hidden');
  await expect(messages(page)).toHaveCount(1);
  await other.evaluate(() => window.setHidden(false));
  await expect.poll(() => texts(other)).toEqual(['while it was hidden']);
  await live(other);
  expect(counting.openStreams).toBe(2);
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

for (const { name, host } of ELECTIONS) {
  test(`seven embeds of another site and the page share a stream, ${name}`, async ({ visit, counting }) => {
    test.setTimeout(120_000);
    const url = counting.url.replace('127.0.0.1', host);
    const page = await visit({ origin: url });
    await live(page);
    const site = await serve({ '/': '<!doctype html>' + `<iframe src="${url}/embed/1"></iframe>`.repeat(7) });
    const other = await page.context().newPage();
    await other.goto(site.origin);
    const frames = other.frames().slice(1);
    expect(frames).toHaveLength(7);
    for (const frame of frames) await live(frame);
    for (const [n, frame] of frames.entries()) await say(frame, `from frame ${n}`, 'Ann');
    for (const frame of [...frames, page]) await expect(messages(frame)).toHaveCount(7);
    // A browser that keeps sites apart has one for the page and one for the embeds.
    await expect.poll(() => counting.openStreams).toBeLessThanOrEqual(2);
    await other.close();
    site.close();
  });
}

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
