// The steps of Apex's "Web Socket - Javascript Code" in Chromium, by a page of another origin whose script is written for this test:
// it connects, authenticates by the session of its cookie, shows errors, and sends actions. Only the address is ours.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, test } from '@playwright/test';
import { ADMIN_KEY, Server } from '../server.js';

const SESSION = 'c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2';

/** A page of the operator's site. What is sent and what is alerted is noted for the test. */
const page = (url) => `<!doctype html><title>Site</title><script>
  const cookie = (name) => document.cookie.split('; ').find((pair) => pair.startsWith(name + '='))?.slice(name.length + 1);
  window.received = [];
  window.alerts = [];
  const socket = new WebSocket('${url}');
  const act = (...actions) => socket.send(JSON.stringify(actions));
  window.act = act;
  window.token = () => cookie('armor_sid_user');
  socket.onopen = () => {
    act({ action: 'authenticate', token: String(token()) });
    document.title = 'Connected';
  };
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(data);
    if (answer.status && answer.status == 'error') return void alerts.push(answer.message);
    received.push(answer);
  };
  socket.onclose = () => (document.title = 'Closed');
</script>`;

/** A web server on a port of its own, and so of another origin. */
async function serve(answer) {
  const site = createServer(answer);
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  return { url: `http://127.0.0.1:${site.address().port}`, close: () => site.close() };
}

let sessions;
let server;
let site;
/** What the operator's server was asked for. */
const asked = [];
test.beforeAll(async () => {
  sessions = await serve((request, response) => {
    asked.push(request.headers.authorization);
    const isBob = request.headers.authorization === `Bearer ${SESSION}`;
    response.writeHead(isBob ? 200 : 401, { 'content-type': 'application/json' });
    response.end(isBob ? JSON.stringify({ uuid: 'u:255', username: 'bob' }) : '{}');
  });
  server = await Server.start(['--apex-addr', '127.0.0.1:0', '--apex-auth-url', `${sessions.url}/session`]);
  site = await serve((request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    const cookies = {
      '/visitor': [],
      '/bob': [`armor_sid_user=${SESSION}; Path=/`],
      // As Armor sets it where scripts may not read it.
      '/hidden': [`armor_sid_user=${SESSION}; Path=/; HttpOnly; SameSite=Strict`],
      '/expired': ['armor_sid_user=0000; Path=/'],
    };
    response.setHeader('set-cookie', cookies[pathname] ?? []);
    response.setHeader('content-type', 'text/html').end(page(server.apex));
  });
});
test.afterAll(async () => {
  await server.dispose();
  sessions.close();
  site.close();
});

/** Opens the operator's page in a browser of its own. */
async function open(browser, path) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(site.url + path);
  await expect(page).toHaveTitle('Connected');
  const act = (...actions) => page.evaluate((actions) => act(...actions), actions);
  const read = (name) => page.evaluate((name) => window[name], name);
  return {
    act,
    token: () => page.evaluate(() => token()),
    lines: async () => (await read('received')).flatMap(({ data }) => data.map(({ channel_name, message }) => [channel_name, message])),
    received: () => read('received'),
    alerts: () => read('alerts'),
    close: () => page.context().close(),
  };
}

const join = { action: 'join_channel', channel_name: 'example', visibility: 'public' };
const line = (name, text) => expect.stringMatching(new RegExp(`^\\[\\d\\d:\\d\\d\\] &lt;${name}&gt;: ${text}$`));

test('the steps of the document, by visitors and by somebody with a session', async ({ browser }) => {
  const visitor = await open(browser, '/visitor');
  // The frame of "Sending JSON Messages": two actions, of which the first has nothing to show.
  await visitor.act({ action: 'authenticate', token: '' }, join);
  const bob = await open(browser, '/bob');
  expect(await bob.token()).toBe(SESSION);
  await bob.act({ action: 'authenticate', token: await bob.token() }, join);
  await bob.act({ action: 'message_channel', channel_name: 'example', message: 'hello' });
  for (const one of [visitor, bob]) {
    await expect.poll(one.lines).toEqual([['example', line('bob', 'hello')]]);
    expect(await one.alerts()).toEqual([]);
  }
  const [message] = await visitor.received();
  expect(message).toEqual({
    status: 'ok',
    version: '1.0',
    message: '',
    data: [{ action: 'new_message', channel_name: 'example', message: line('bob', 'hello') }],
  });
  await visitor.act({ action: 'message_channel', channel_name: 'example', message: 'hi' });
  for (const one of [visitor, bob]) await expect.poll(async () => (await one.lines()).length).toBe(2);
  expect((await bob.lines())[1]).toEqual(['example', line('Guest \\w{8}', 'hi')]);
  await visitor.close();
  await bob.close();
});

test('a session that scripts cannot read counts as well, and one that is over is told', async ({ browser }) => {
  const hidden = await open(browser, '/hidden');
  expect(await hidden.token()).toBe(undefined);
  await hidden.act(join, { action: 'message_channel', channel_name: 'example', message: 'it is me' });
  await expect.poll(hidden.lines).toEqual([['example', line('bob', 'it is me')]]);
  const expired = await open(browser, '/expired');
  await expect.poll(expired.alerts).toEqual(['Invalid auth token']);
  await expired.act(join, { action: 'message_channel', channel_name: 'example', message: 'a guest' });
  await expect.poll(expired.lines).toEqual([['example', line('Guest \\w{8}', 'a guest')]]);
  await hidden.close();
  await expired.close();
});

test('a wrong admin key is told to nobody', async ({ browser }) => {
  const visitor = await open(browser, '/visitor');
  await visitor.act({ action: 'authenticate', token: 'admin:wrong' });
  await expect.poll(visitor.alerts).toEqual(['Invalid auth token']);
  await visitor.act({ action: 'authenticate', token: 'unknown-session' });
  await expect.poll(visitor.alerts).toEqual(['Invalid auth token', 'Invalid auth token']);
  expect(asked).toContain('Bearer unknown-session');
  expect(asked.join()).not.toContain('admin:');
  await visitor.close();
});

test('one error of a frame does not stop the rest', async ({ browser }) => {
  const visitor = await open(browser, '/visitor');
  await visitor.act(
    { action: 'dance' },
    { action: 'leave_channel', channel_name: 'nowhere' },
    { action: 'join_channel', channel_name: 'A room of ours', visibility: 'protected' },
    { action: 'message_channel', channel_name: 'A room of ours', message: '' },
    { action: 'message_channel', channel_name: 'A room of ours', message: 'done' },
  );
  await expect.poll(visitor.lines).toEqual([['A room of ours', line('Guest \\w{8}', 'done')]]);
  expect(await visitor.alerts()).toEqual([
    "Invalid command, unable to process.  Check the 'action' variable is correct.",
    'Channel does not exist, nowhere',
    'Can not send a blank message',
  ]);
  const other = await open(browser, '/visitor');
  await other.act(
    { action: 'join_channel', channel_name: 'A room of ours' },
    { action: 'message_channel', channel_name: 'A room of ours', message: 'me too' },
  );
  await expect.poll(other.alerts).toEqual(['Unable to send to channel.  Permission denied.']);
  const operator = await open(browser, '/visitor');
  await operator.act(
    { action: 'authenticate', token: `admin:${ADMIN_KEY}` },
    { action: 'message_channel', channel_name: 'A room of ours', message: 'hear, hear' },
  );
  await expect.poll(other.lines).toEqual([['A room of ours', line('Admin', 'hear, hear')]]);
  for (const one of [visitor, other, operator]) await one.close();
});

test('two people who share no channel write to each other', async ({ browser }) => {
  const bob = await open(browser, '/bob');
  const desk = { action: 'join_channel', channel_name: 'desk', visibility: 'private' };
  await bob.act(desk, { action: 'message_channel', channel_name: 'desk', message: 'here' });
  await expect.poll(bob.lines).toEqual([['desk', line('bob', 'here')]]);
  const operator = await open(browser, '/visitor');
  await operator.act({ action: 'authenticate', token: `admin:${ADMIN_KEY}` });
  await operator.act({ action: 'message_user', uuid: 'u:255', message: 'psst' });
  for (const one of [bob, operator]) {
    await expect.poll(async () => (await one.lines()).at(-1)).toEqual(['pm:admin+u:255', line('Admin', 'psst')]);
  }
  await bob.act({ action: 'message_user', uuid: 'u:1', message: 'anybody?' });
  await expect.poll(bob.alerts).toEqual(['The user is not connected with uuid: u:1']);
  await bob.close();
  await operator.close();
});
