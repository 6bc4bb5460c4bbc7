// The steps of "WebSockets with JavaScript": a Node project with npm's `ws`, its client against the echo, then the same client, which
// stays open, against the broadcast. Only the addresses are ours.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import WebSocket from 'ws';
import { Server } from '../server.js';

/** What the project's client does: it sends a line once it is open, says what happens, and closes at once if it is told to. */
const CLIENT = `
  import { WebSocket } from 'ws';
  const [url, closes] = process.argv.slice(2);
  const socket = new WebSocket(url);
  socket.onopen = () => {
    console.log('open');
    socket.send('Hello from Node');
    if (closes) socket.close();
  };
  socket.onmessage = ({ data }) => console.log('received ' + data);
  socket.onerror = ({ message }) => console.log('error ' + message);
  socket.onclose = () => console.log('closed');
`;

let server;
let project;
test.beforeAll(async () => {
  server = await Server.start(['--echo-addr', '127.0.0.1:0', '--relay-addr', '127.0.0.1:0']);
  project = await mkdtemp(join(tmpdir(), 'live-chat-project-'));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  await writeFile(join(project, 'client.js'), CLIENT);
  await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(project, 'node_modules'));
});
test.afterAll(async () => {
  await server.dispose();
  await rm(project, { recursive: true, force: true });
});

/** Runs the project's client in a process of its own, as the document does, one in each terminal. */
function run(...args) {
  const child = spawn(process.execPath, ['client.js', ...args], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = [];
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop();
    lines.push(...parts);
  });
  return { lines, ended: once(child, 'exit'), kill: () => child.kill() };
}

const lines = (client) => expect.poll(() => client.lines);

test('the steps of the document print what it prints', async () => {
  const echo = run(server.echo, 'closes');
  await echo.ended;
  expect(echo.lines).toEqual(['open', 'received Request served by live-chat', 'received Hello from Node', 'closed']);

  const first = run(server.relay);
  await lines(first).toEqual(['open', 'received Hello from Node']);
  const second = run(server.relay);
  await lines(second).toEqual(['open', 'received Hello from Node']);
  await lines(first).toEqual(['open', 'received Hello from Node', 'received Hello from Node']);
  second.kill();
  await second.ended;
  const third = run(server.relay);
  await lines(third).toEqual(['open', 'received Hello from Node']);
  await lines(first).toHaveLength(4);
  [first, third].forEach((client) => client.kill());
});

test('a page of another site is a client as well', async ({ page }) => {
  const site = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<title>Another site</title>'));
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  const seen = (url, sent) =>
    page.evaluate(
      ({ url, sent }) =>
        new Promise((resolve) => {
          const seen = [];
          const socket = new WebSocket(url);
          socket.onopen = () => socket.send(sent);
          socket.onmessage = ({ data }) => {
            seen.push(data);
            // A browser passes on nothing that comes after this.
            if (data === sent) socket.close();
          };
          socket.onclose = ({ code, wasClean }) => resolve([...seen, code, wasClean]);
        }),
      { url, sent },
    );
  expect(await seen(server.echo, 'Hello')).toEqual(['Request served by live-chat', 'Hello', 1005, true]);
  expect(await seen(server.relay, 'Hello')).toEqual(['Hello', 1005, true]);
  site.close();
});

const hash = (data) => createHash('sha256').update(data).digest('hex');

/** A client that notes the opcode and the content of all that comes. */
async function listen(url) {
  const socket = new WebSocket(url);
  const seen = [];
  let bytes = 0;
  socket.on('message', (data, isBinary) => {
    seen.push(`${isBinary ? 'binary' : 'text'} ${data.length} ${hash(data)}`);
    bytes += data.length;
  });
  await once(socket, 'open');
  return { socket, seen, bytes: () => bytes };
}

const noted = (data) => {
  const isBinary = typeof data !== 'string';
  return `${isBinary ? 'binary' : 'text'} ${Buffer.byteLength(data)} ${hash(data)}`;
};

test('the echo returns what is long, empty and binary', async () => {
  const { socket, seen } = await listen(server.echo);
  const sent = ['', Buffer.alloc(0), randomBytes(200_000), 'ü'.repeat(100_000), '\0\x07\x1b', randomBytes(1_048_576)];
  sent.forEach((data) => socket.send(data));
  await expect.poll(() => seen.length).toBe(1 + sent.length);
  expect(seen.slice(1)).toEqual(sent.map(noted));
  socket.close();
});

test('the broadcast sends everything on, in order, whatever it is', async () => {
  const [one, two] = [await listen(server.relay), await listen(server.relay)];
  const json = JSON.stringify({ kind: 'state', players: Array.from({ length: 40 }, (_, n) => ({ n, x: n / 7 })) });
  const sent = [json, '', Buffer.alloc(0), 'line\r\n\0', 'x'.repeat(33_000), randomBytes(300_000), 'a chat message', Buffer.from([1])];
  sent.forEach((data) => one.socket.send(data));
  for (const { seen } of [one, two]) {
    await expect.poll(() => seen.length).toBe(sent.length);
    expect(seen).toEqual(sent.map(noted));
  }
  expect((await server.history()).at(-1)).toBe('a chat message');
  [one, two].forEach(({ socket }) => socket.close());
});

test('two clients that send a hundred messages at once lose none of them', async () => {
  const [one, two] = [await listen(server.relay), await listen(server.relay)];
  const texts = (who) => Array.from({ length: 100 }, (_, n) => `${who} ${n}`);
  texts('one').forEach((text) => one.socket.send(text));
  texts('two').forEach((text) => two.socket.send(text));
  const all = [...texts('one'), ...texts('two')].map(noted);
  for (const { seen } of [one, two]) {
    await expect.poll(() => seen.length).toBe(200);
    expect([...seen].sort()).toEqual([...all].sort());
    for (const who of ['one', 'two']) {
      const own = texts(who).map(noted);
      expect(seen.filter((line) => own.includes(line)), 'each in its order').toEqual(own);
    }
  }
  [one, two].forEach(({ socket }) => socket.close());
});
