// WebSocket protocols before their real clients: npm's `ws` as the published pages of the relay, of Apex and of Interactive Sync use
// it, and a client as Apex's PHP one is.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from '@playwright/test';
import WebSocket from 'ws';
import { ADMIN_KEY, Server, WIDGET_KEY } from './server.js';

/** A client that notes what happens to it, as the clients of the published page print it. */
function client(url) {
  const socket = new WebSocket(url);
  const seen = [];
  socket.on('open', () => seen.push('opened'));
  socket.on('message', (data, isBinary) => seen.push(isBinary ? data : data.toString()));
  socket.on('close', (code) => seen.push(`closed ${code}`));
  return { socket, seen, opened: once(socket, 'open'), closed: once(socket, 'close') };
}

/** Waits until `what` is true, looking each time that the socket says something. */
async function until(socket, what) {
  while (!what()) await once(socket, 'message');
}

/** Waits until all is done that was sent. */
async function answered(socket) {
  const pong = once(socket, 'pong');
  socket.ping();
  await pong;
}

let server;
test.beforeAll(async () => {
  const ports = ['relay', 'apex', 'interactive-sync'].flatMap((protocol) => [`--${protocol}-addr`, '127.0.0.1:0']);
  server = await Server.start(ports);
});
test.afterAll(() => server.dispose());

const at = (path) => server.url.replace('http:', 'ws:') + path;

test('the echo comes back before the close that follows at once is answered', async () => {
  const { socket, seen, closed } = client(at('/ws/echo'));
  socket.on('open', () => {
    socket.send('hello');
    socket.close();
  });
  await closed;
  expect(seen).toEqual(['opened', 'Request served by live-chat', 'hello', 'closed 1005']);
});

test('the echo keeps bytes and their kind, in order', async () => {
  const { socket, seen, opened } = client(at('/ws/echo?greeting=off'));
  await opened;
  const sent = ['text', Buffer.from([0, 255]), '', Buffer.alloc(0), 'ünï', Buffer.alloc(30_000, 7)];
  sent.forEach((data) => socket.send(data));
  await until(socket, () => seen.length === 1 + sent.length);
  expect(seen.slice(1)).toEqual(sent);
  const closed = once(socket, 'close');
  socket.close(4321, 'bye');
  const [code, reason] = await closed;
  expect([code, reason.toString()]).toEqual([4321, 'bye']);
});

for (const place of ['at its path', 'on a port of its own']) {
  test(`a broadcast reaches all, its sender too, ${place}`, async () => {
    const url = place === 'at its path' ? at('/ws/broadcast') : server.relay;
    const first = client(url);
    await first.opened;
    const greet = async (who, text) => {
      const before = first.seen.length;
      who.socket.send(text);
      await until(first.socket, () => first.seen.length > before);
    };
    await greet(first, 'first');
    const second = client(url);
    await second.opened;
    await greet(second, Buffer.from([1, 2, 3]));
    await until(second.socket, () => second.seen.length === 2);
    expect(first.seen).toEqual(['opened', 'first', Buffer.from([1, 2, 3])]);
    expect(second.seen).toEqual(['opened', Buffer.from([1, 2, 3])]);
    [first, second].forEach(({ socket }) => socket.close());
    await Promise.all([first.closed, second.closed]);
  });
}

test('rooms are apart', async () => {
  const { id } = await server.administer('create', { name: 'Two' });
  await server.administer(`${id}/prepare`);
  await server.administer(`${id}/start`);
  const [one, two] = [client(at('/ws/broadcast')), client(at(`/ws/broadcast?room=${id}`))];
  await Promise.all([one.opened, two.opened]);
  one.socket.send('to one');
  two.socket.send('to two');
  await Promise.all([one, two].map(({ socket, seen }) => until(socket, () => seen.length === 2)));
  expect([one.seen[1], two.seen[1]]).toEqual(['to one', 'to two']);
  const unknown = new WebSocket(at('/ws/broadcast?room=99'));
  const [error] = await once(unknown, 'error');
  expect(error.message).toBe('Unexpected server response: 404');
});

/** The published page's script, with `ws` for the browser's WebSocket. */
function apexPage(url, token) {
  const page = client(url);
  const alerts = [];
  page.socket.on('open', () => page.socket.send(JSON.stringify([{ action: 'authenticate', token }])));
  page.socket.on('message', (data) => {
    const answer = JSON.parse(data);
    if (answer.status === 'error') alerts.push(answer.message);
  });
  return { ...page, alerts, act: (action) => page.socket.send(JSON.stringify([action])) };
}

/** As `WsClient` of the original: one frame behind the handshake, then gone, with nothing read but some of the head. */
async function phpClient(url, actions) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const key = createHash('md5').update(String(process.pid)).digest('base64');
  socket.write(
    `GET / HTTP/1.1\r\nhost: ${hostname}:${port}\r\nuser-agent: websocket-client-php\r\nconnection: Upgrade\r\n` +
      `upgrade: websocket\r\nsec-websocket-key: ${key}\r\nsec-websocket-version: 13\r\n\r\n`,
  );
  const [head] = await once(socket, 'data');
  expect(head.toString()).toMatch(/^HTTP\/1\.1 101 /);
  const payload = Buffer.from(JSON.stringify([{ action: 'authenticate', token: `admin:${ADMIN_KEY}` }, ...actions]));
  const length = Buffer.alloc(payload.length > 65_535 ? 10 : 4);
  length[0] = 0x81;
  if (payload.length > 65_535) {
    length[1] = 0xff;
    length.writeBigUInt64BE(BigInt(payload.length), 2);
  } else {
    length[1] = 0xfe;
    length.writeUInt16BE(payload.length, 2);
  }
  const mask = Buffer.from([1, 2, 3, 4]);
  payload.forEach((byte, at) => (payload[at] = byte ^ mask[at % 4]));
  socket.on('error', () => {});
  socket.end(Buffer.concat([length, mask, payload]));
}

test('Apex: what a script sends before it is gone reaches a page that says nothing wrong', async () => {
  const page = apexPage(server.apex, '');
  await page.opened;
  page.act({ action: 'join_channel', channel_name: 'live-chat' });
  await answered(page.socket);
  const message = { action: 'message_channel', channel_name: 'live-chat', message: `from PHP ${'x'.repeat(200)}` };
  for (const [sent, padding] of ['', 'x'.repeat(70_000)].entries()) {
    await phpClient(server.apex, [{ ...message, padding }]);
    await until(page.socket, () => page.seen.length === 2 + sent);
    const [said] = JSON.parse(page.seen[1 + sent]).data;
    const line = expect.stringMatching(/^\[\d\d:\d\d\] &lt;Admin&gt;: from PHP x{200}$/);
    expect(said).toEqual({ action: 'new_message', channel_name: 'live-chat', message: line });
  }
  expect(page.alerts).toEqual([]);
  page.act({ action: 'join_channel', channel_name: 'nowhere', join_or_create: 0 });
  await until(page.socket, () => page.alerts.length === 1);
  expect(page.alerts).toEqual(['Channel does not exist, nowhere']);
});

/** A game as the published tutorial has it: it shows its interface as soon as it is connected, and looks at what comes back. */
function game(url) {
  const game = client(url);
  const pressed = [];
  game.socket.on('message', (json) => {
    const { context, status, data } = JSON.parse(json);
    if (context === 'connection' && status === 'ok') {
      const components = [{ type: 'button', name: 'jump', label: 'Jump!' }];
      const data = { id: '1', video_overlay: { left: { components }, mouse: [{ type: 'mousedown' }] } };
      game.socket.send(JSON.stringify({ context: 'user_interface', data }));
    }
    if (context === 'emit') pressed.push(`${data.payload.username ?? 'Anonymous'}: ${data.type} ${data.payload.id ?? ''}`);
  });
  return { ...game, pressed };
}

test('Interactive Sync: a game shows its buttons, and hears of those who press them', async () => {
  const query = `?client_id=${WIDGET_KEY}&access_token=${await server.gameToken()}`;
  const { socket, seen, pressed, closed } = game(`${server.interactiveSync}/${query}`);
  await until(socket, () => seen.length === 3);
  const text = (at) => JSON.parse(seen[at]).message;
  expect([text(1), text(2)]).toEqual([
    'You are well connected with the channel',
    'Message was well received and transfered to Twitch API.',
  ]);
  const robin = await server.guest('Robin');
  const http = server.interactiveSync.replace('ws:', 'http:');
  const headers = { authorization: `Bearer ${robin.token}`, 'content-type': 'application/json' };
  const shown = await (await fetch(`${http}/user/interface/query`, { headers })).json();
  expect(shown.video_overlay.left.components[0]).toMatchObject({ label: 'Jump!', cooldown: { duration: 10_000 } });
  const act = (action, body) => fetch(`${http}/action/${action}`, { method: 'POST', headers, body: JSON.stringify(body) });
  await act('input', { id: 'jump', view: 'video_overlay' });
  await act('mouse', { type: 'mousedown', clientWidth: 9, clientHeight: 9, clientX: 1, clientY: 2 });
  await until(socket, () => pressed.length === 2);
  expect(pressed).toEqual(['Anonymous: input jump', 'Anonymous: mousedown ']);
  socket.send('{');
  await until(socket, () => JSON.parse(seen.at(-1)).status === 'warning' || JSON.parse(seen.at(-1)).status === 'error');
  socket.close();
  await closed;
});

test('Interactive Sync: whoever may not come is told so, and dropped without a close', async () => {
  const { seen, closed } = game(`${server.interactiveSync}/`);
  await closed;
  expect(JSON.parse(seen[1])).toEqual({
    status: 'error',
    context: 'connection',
    message: 'Query parameters are missing ; connection will be terminated.',
    data: null,
  });
  expect(seen.at(-1)).toBe('closed 1006');
});

test('a message reaches the subscribers of every other protocol', async () => {
  const [relay, apex] = [client(server.relay), apexPage(server.apex, 'null')];
  await Promise.all([relay.opened, apex.opened]);
  apex.act({ action: 'join_channel', channel_name: 'live-chat' });
  await answered(apex.socket);
  const robin = await server.guest('Robin');
  await robin.say('from the page');
  relay.socket.send('from the relay');
  await until(relay.socket, () => relay.seen.includes('from the relay'));
  apex.act({ action: 'message_channel', channel_name: 'live-chat', message: 'from Apex' });
  await until(relay.socket, () => relay.seen.length === 4);
  await until(apex.socket, () => apex.seen.length === 4);
  const texts = [(text) => JSON.parse(text).message_text, (text) => text, (text) => JSON.parse(text).message_text];
  expect(texts.map((read, at) => read(relay.seen[at + 1]))).toEqual(['from the page', 'from the relay', 'from Apex']);
  const lines = apex.seen.slice(1).map((frame) => JSON.parse(frame).data[0].message.split(': ').at(-1));
  expect(lines).toEqual(['from the page', 'from the relay', 'from Apex']);
  expect((await server.history()).slice(-3)).toEqual(['from the page', 'from the relay', 'from Apex']);
});

test('a stop says so to everybody', async () => {
  const clients = [at('/ws/echo'), server.relay, server.apex].map(client);
  await Promise.all(clients.map(({ opened }) => opened));
  await server.stop();
  const codes = await Promise.all(clients.map(({ closed }) => closed));
  expect(codes.map(([code, reason]) => [code, reason.toString()])).toEqual(Array(3).fill([1001, 'The server is stopping.']));
});
