// inLive's widget API: each step of its tutorial, in order, by clients on other origins; its npm SDK, unmodified; and one person in
// several places. What differs is in docs/clients/inlive.md.

import { fileURLToPath } from 'node:url';
import { expect, live, messages, say, test as base } from '../fixtures.js';
import { ADMIN_KEY, ADMIN_PASSWORD, WIDGET_KEY } from '../server.js';
import { serve } from '../site.js';
import { emptySite, Front, listen } from '../wire.js';

const SDK = fileURLToPath(import.meta.resolve('@inlivedev/inlive-js-sdk/dist/inlive-js-sdk.js'));

/** The tutorial's page: a list, and a form with two fields. */
const PAGE = `
  <ul id="list" aria-label="Chat"></ul>
  <form id="form">
    <label>Username <input id="username" required></label>
    <label>Message <input id="message" required></label>
    <button>Send the Message</button>
  </form>`;

/** What its script comes to at the last step. `SERVER`, `ROOM` and `KEY` are all that its reader changes. */
const CLIENT = `
  const [server, room, widgetKey] = [SERVER, ROOM, KEY];
  const list = document.querySelector('#list');
  const source = new EventSource(server + '/subscribe/' + room);
  let token = '';
  const ask = async (body) => {
    const response = await fetch(server + '/publish/' + room + '?token=' + token, {
      method: 'post',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (answer.code !== 200) alert(answer.message);
    return answer.code === 200;
  };
  const line = ({ username, message_text }) => {
    if (!username || !message_text) return;
    const item = document.createElement('li');
    item.append(Object.assign(document.createElement('strong'), { textContent: username }), ': ' + message_text);
    list.append(item);
  };
  source.addEventListener('message', (event) => {
    const { type, message } = JSON.parse(event.data);
    if (type === 'init') {
      token = message.token;
      ask({ type: 'request', widget_key: widgetKey });
    } else if (Array.isArray(message)) {
      message.filter((item) => item.message && item.message.type === 'chat').forEach((item) => line(item.message));
    } else if (message) {
      line(message);
    }
  });
  document.querySelector('#form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const [username, text] = [document.querySelector('#username'), document.querySelector('#message')];
    const message = { username: username.value, type: 'chat', message_text: text.value };
    if (await ask({ message, widget_key: widgetKey, type: 'broadcast' })) text.value = '';
  });`;

const html = (body) => `<!doctype html><html lang="en"><head><title>A site</title><link rel="icon" href="data:,"></head><body>${body}</body></html>`;

const tutorial = (server, room = 1, key = WIDGET_KEY) => {
  const values = { SERVER: JSON.stringify(server), ROOM: room, KEY: JSON.stringify(key) };
  return html(`${PAGE}<script>${CLIENT.replace('[SERVER, ROOM, KEY]', `[${Object.values(values).join(', ')}]`)}</script>`);
};

const test = base.extend({
  // What Chromium writes of a stream that is cut, and of a refusal.
  networkErrors: true,

  /** Opens a page of another site, as one more person unless there is a `context`. */
  elsewhere: async ({ visit }, use) => {
    const sites = [];
    await use(async (page, { context } = {}) => {
      const site = await serve({ '/': page });
      sites.push(site);
      if (!context) return visit({ origin: site.origin, hydrated: false });
      const tab = await context.newPage();
      await tab.goto(site.origin);
      return tab;
    });
    for (const site of sites) site.close();
  },

  /** Something before the server that cuts streams. */
  front: async ({ server }, use) => {
    const front = await Front.start(server);
    await use(front);
    front.stop();
  },
});

const shown = (page) => page.locator('#list li');

const send = async (page, text, username) => {
  if (username) await page.locator('#username').fill(username);
  await page.locator('#message').fill(text);
  await page.locator('#form button').click();
};

/** Keeps what a page alerts. */
const alerts = (page) => {
  const told = [];
  page.on('dialog', (dialog) => {
    told.push(dialog.message());
    dialog.dismiss();
  });
  return told;
};

test('an owner makes a widget, and its code works on another site as it is', async ({ visit, server, elsewhere }) => {
  const admin = await visit({ path: '/admin', hydrated: false });
  await admin.getByLabel('Password').fill(ADMIN_PASSWORD);
  await admin.getByRole('button', { name: 'Sign in' }).click();
  await admin.getByRole('link', { name: 'Widget keys' }).click();
  await admin.getByLabel('Name').fill('My site');
  await admin.getByLabel('Room').selectOption('1: Live chat');
  await admin.getByRole('button', { name: 'Make the key' }).click();
  const row = admin.getByRole('listitem').filter({ hasText: 'My site' });
  // It is there at once; those of the other keys are a click away.
  const code = row.getByLabel('A page with a chat of its own');
  await expect(code).toBeVisible();
  const key = await row.locator('code').first().innerText();
  await expect(row.locator('dd')).toHaveText([
    '1',
    `${server.url}/subscribe/1`,
    `${server.url}/publish/1?token=`,
    `<script src="${server.url}/embed.js" data-room="1" async></script>`,
  ]);
  const other = admin.getByRole('listitem').filter({ hasText: WIDGET_KEY });
  await other.getByText('Code for your site').click();
  await expect(other.getByLabel('A page with a chat of its own')).toContainText(WIDGET_KEY);
  // One click selects all that is to be copied.
  await code.locator('code').click();
  const pasted = await admin.evaluate(() => getSelection().toString());
  expect(pasted).toContain(`const widgetKey = "${key}";`);

  const [ann, bob] = [await elsewhere(html(pasted)), await elsewhere(html(pasted))];
  const told = [alerts(ann), alerts(bob)];
  await send(ann, 'hello', 'Ann');
  await expect(shown(bob)).toHaveText(['Ann: hello']);
  await expect(ann.locator('#message')).toHaveValue('');
  await send(bob, 'hi', 'Bob');
  await expect(shown(ann)).toHaveText(['Ann: hello', 'Bob: hi']);
  await bob.reload();
  await expect(shown(bob)).toHaveText(['Ann: hello', 'Bob: hi']);
  // The key is what is shown: without it nobody writes.
  await row.getByRole('link', { name: 'Revoke My site' }).click();
  await admin.getByRole('button', { name: 'Revoke' }).click();
  await send(ann, 'too late');
  await expect.poll(() => told.flat()).toEqual([expect.stringContaining('widget key')]);
});

test('the tutorial, step by step', async ({ server, elsewhere }) => {
  // A stream is made first, by the stream API.
  const api = async (path, body = {}) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    return (await fetch(`${server.url}/v1/streams/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
  };
  const made = await api('create', { name: 'My stream' });
  expect([made.code, typeof made.data.id]).toEqual([200, 'number']);
  const { id } = made.data;
  for (const step of ['prepare', 'start']) expect((await api(`${id}/${step}`)).code).toBe(200);

  // Subscribe, from another origin: the first event has a token.
  const page = await elsewhere(html(PAGE));
  const source = await listen(page, `${server.url}/subscribe/${id}`);
  await expect.poll(async () => (await source.heard()).events.length).toBe(1);
  const [{ type, message, stream_id: stream, author_id: author }] = await source.envelopes();
  expect({ type, stream, author }).toEqual({ type: 'init', stream: String(id), author: '0' });
  expect(message.token).toMatch(/^[\w.-]+$/);

  // Send a message with it, which comes back as it was sent. The configured widget key opens every room.
  const publish = (body, token = message.token) =>
    page.evaluate(
      async ([url, body]) => {
        const headers = { 'Content-Type': 'application/json' };
        const response = await fetch(url, { method: 'post', headers, body: JSON.stringify(body) });
        return { status: response.status, ...(await response.json()) };
      },
      [`${server.url}/publish/${id}?token=${token}`, { widget_key: WIDGET_KEY, ...body }],
    );
  const said = { username: 'Ann', type: 'chat', message_text: 'first' };
  expect((await publish({ type: 'broadcast', message: said })).code).toBe(200);
  await expect.poll(async () => (await source.envelopes()).at(-1)).toMatchObject({ type: 'broadcast', message: said });

  // What is refused says so in the body, which the page can read.
  const refused = [
    [{ type: 'broadcast', message: said, widget_key: 'another' }, undefined, 403],
    [{ type: 'broadcast', message: said }, 'no-token', 401],
    [{ type: 'broadcast' }, undefined, 400],
  ];
  for (const [body, token, code] of refused) {
    const answer = await publish(body, token);
    expect([answer.status, answer.code, typeof answer.message]).toEqual([code, code, 'string']);
  }

  // Get all messages, as a page that is opened now: they come over the stream, in a list of envelopes.
  await source.close();
  const opened = await listen(page, `${server.url}/subscribe/${id}`);
  await expect.poll(async () => (await opened.heard()).events.length).toBe(1);
  const [{ message: init }] = await opened.envelopes();
  expect((await publish({ type: 'request' }, init.token)).code).toBe(200);
  await expect.poll(async () => (await opened.envelopes()).at(-1).type).toBe('request');
  const answer = (await opened.envelopes()).at(-1);
  expect(answer.message.map((item) => item.message)).toEqual([said]);
  expect([answer.has_more, answer.before]).toEqual([false, answer.message[0].id]);
  await opened.close();

  // The whole page: two tabs with the same name, a reload.
  const first = await elsewhere(tutorial(server.url, id));
  const told = alerts(first);
  const second = await elsewhere(tutorial(server.url, id), { context: first.context() });
  told.push(...alerts(second));
  await expect(shown(first)).toHaveText(['Ann: first']);
  await send(first, 'from one tab', 'Ann');
  await send(second, 'from the other', 'Ann');
  const all = ['Ann: first', 'Ann: from one tab', 'Ann: from the other'];
  for (const tab of [first, second]) await expect(shown(tab)).toHaveText(all);
  await first.reload();
  await expect(shown(first)).toHaveText(all);
  await send(first, 'x'.repeat(501), 'Ann');
  await expect.poll(() => told).toEqual([expect.stringContaining('too long')]);

  // A stream that has ended is over.
  expect((await api(`${id}/end`)).code).toBe(200);
  const late = await listen(page, `${server.url}/subscribe/${id}`);
  await expect.poll(async () => (await late.heard()).state).toBe(2);
});

test('a plain page that is cut off goes on under its name, and shows nothing twice', async ({ front, server, elsewhere }) => {
  const page = await elsewhere(tutorial(front.url));
  const told = alerts(page);
  await send(page, 'one', 'Ann');
  await expect(shown(page)).toHaveText(['Ann: one']);
  for (const n of [1, 2, 3]) {
    front.cut();
    await (await server.guest('Ann')).say(`missed ${n}`);
    await expect.poll(() => front.subscriptions.length).toBe(n + 1);
    await expect(shown(page)).toHaveCount(2 * n);
    await send(page, `again ${n}`);
    await expect(shown(page)).toHaveCount(2 * n + 1);
  }
  const lines = [1, 2, 3].flatMap((n) => [`Ann: missed ${n}`, `Ann: again ${n}`]);
  await expect(shown(page)).toHaveText(['Ann: one', ...lines]);
  expect(told).toEqual([]);
});

test('one person in four places under one name is never told that it is taken', async ({ visit, server, elsewhere }) => {
  const embed = html(`<script src="${server.url}/embed.js" data-room="1" async></script>`);
  const ours = await visit();
  await live(ours);
  const [inSite, inOther] = [await elsewhere(embed, { context: ours.context() }), await elsewhere(embed, { context: ours.context() })];
  const frames = [inSite, inOther].map((page) => page.frameLocator('iframe'));
  for (const frame of frames) await live(frame);
  const phone = await visit({ viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true });
  await live(phone);
  const plain = await elsewhere(tutorial(server.url), { context: ours.context() });
  const told = alerts(plain);
  const places = [ours, ...frames, phone];
  let count = 0;
  for (const round of [1, 2]) {
    for (const place of places) {
      await say(place, `round ${round}`, 'Ann');
      count += 1;
      for (const other of places) await expect(messages(other)).toHaveCount(count);
    }
    await send(plain, `round ${round}`, 'Ann');
    count += 1;
    for (const other of places) await expect(messages(other)).toHaveCount(count);
    await expect(shown(plain)).toHaveCount(count);
  }
  for (const place of places) await expect(place.getByRole('alert').filter({ hasText: 'taken' })).toHaveCount(0);
  expect(told).toEqual([]);
});

test.describe('the SDK of npm', () => {
  /** A page that uses the SDK as its readme says. */
  const sdk = (server) => html(`<script type="module">
    import { InliveWidget, InliveEvent } from '/sdk.js';
    const widget = InliveWidget({ channelOrigin: '${server}', streamId: 1, widgetKey: '${WIDGET_KEY}' });
    window.heard = [];
    InliveEvent.subscribe('widget:receive-broadcast-message', ({ detail }) => heard.push(detail.message.messageText));
    InliveEvent.subscribe('widget:receive-broadcast-history', ({ detail }) => (window.history_ = detail.message));
    const { initialSubscription } = await widget.connectToChannel();
    widget.register({
      widgets: [{
        name: 'chat',
        description: 'a chat',
        widget: (Element) => {
          customElements.define('my-chat', class extends Element {});
          window.chat = document.body.appendChild(document.createElement('my-chat'));
        },
      }],
    });
    window.init = initialSubscription;
  </script>`);

  const open = async (elsewhere, url) => {
    const context = (await elsewhere(html(''))).context();
    await context.route('**/sdk.js', (route) => route.fulfill({ path: SDK, contentType: 'text/javascript' }));
    const page = await elsewhere(sdk(url), { context });
    await page.waitForFunction(() => window.init);
    return page;
  };
  const say = (page, text) =>
    page.evaluate((text) => window.chat.sendBroadcast({ type: 'chat', username: 'Ann', messageText: text }), text);
  const heard = (page) => page.evaluate(() => window.heard);
  const viewers = (page) => page.evaluate(() => window.chat.viewerCount);

  test('goes on sending and asking after its stream was cut, and misses nothing', async ({ front, server, elsewhere }) => {
    const page = await open(elsewhere, front.url);
    expect((await say(page, 'one')).code).toBe(200);
    await expect.poll(() => heard(page)).toEqual(['one']);
    front.cut();
    await (await server.guest('Ann')).say('missed');
    await expect.poll(() => front.subscriptions.length).toBe(2);
    await expect.poll(() => heard(page)).toHaveLength(2);
    for (const n of [1, 2, 3]) expect((await say(page, `after ${n}`)).code).toBe(200);
    await expect.poll(() => heard(page)).toHaveLength(5);
    // It asks by its first token, and is answered where it is now.
    expect((await page.evaluate(() => window.chat.getBroadcastHistory())).code).toBe(200);
    await page.waitForFunction(() => window.history_);
    const user = await page.evaluate(() => window.chat.userId);
    const own = (await (await fetch(`${server.url}/v1/streams/1/messages`)).json()).data.filter((item) => item.author_id === user);
    expect(own).toHaveLength(4);
    // After a restart too.
    await server.stop();
    await server.start();
    await expect.poll(() => front.subscriptions.length).toBeGreaterThan(2);
    expect((await say(page, 'last')).code).toBe(200);
    await expect.poll(async () => (await heard(page)).at(-1)).toBe('last');
  });

  test('counts the viewers rightly by adding up', async ({ visit, server, elsewhere }) => {
    const page = await open(elsewhere, server.url);
    expect(await viewers(page)).toBe(1);
    const ours = await visit();
    await live(ours);
    await expect.poll(() => viewers(page)).toBe(2);
    // Three tabs of one person.
    const tabs = [await ours.context().newPage(), await ours.context().newPage()];
    for (const tab of tabs) {
      await tab.goto(server.url);
      await live(tab);
    }
    const site = await emptySite();
    const other = await visit({ origin: site.url, hydrated: false });
    const sources = [];
    for (let n = 0; n < 5; n++) sources.push(await listen(other, `${server.url}/subscribe/1`));
    await expect.poll(() => viewers(page)).toBe(7);
    await expect(ours.locator('.viewers')).toHaveText(/^7 /);
    for (const source of sources) await source.close();
    for (const tab of tabs) await tab.close();
    await expect.poll(() => viewers(page)).toBe(2);
    await ours.close();
    await expect.poll(() => viewers(page)).toBe(1);
    site.stop();
  });
});
