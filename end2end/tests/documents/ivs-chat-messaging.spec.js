// Every step of the readme of `amazon-ivs-chat-messaging`, in its order: an app's backend that signs with the AWS SDK, and its page,
// which has the messaging SDK from the backend's own origin. Changed are the host and the key alone.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { CreateChatTokenCommand } from '@aws-sdk/client-ivschat';
import { expect, test } from '@playwright/test';

import { ROOM, SETTINGS, control, network } from '../ivs.js';
import { Server } from '../server.js';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const IMPORTS = { 'amazon-ivs-chat-messaging': '/amazon-ivs-chat-messaging/dist/esm/index.js', uuid: '/uuid/dist/esm-browser/index.js' };

let server, wire, backend;
test.beforeEach(async () => {
  server = await Server.start(SETTINGS);
  wire = await network(server);
  backend = await serveApp();
});
test.afterEach(async ({ browser }) => {
  for (const context of browser.contexts()) await context.close();
  backend.close();
  wire.close();
  await server.dispose();
});

/** The backend of an app (1.1.2): its page, the packages of the page, and an endpoint that gets chat tokens. */
async function serveApp() {
  const ivs = control(server);
  const app = createServer(async (request, response) => {
    if (request.url === '/chat-token') {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { userId, capabilities } = JSON.parse(body);
      const asked = { roomIdentifier: ROOM, userId, capabilities, attributes: { username: userId } };
      const answer = await ivs.send(new CreateChatTokenCommand(asked)).catch(() => null);
      if (!answer) return response.writeHead(502).end();
      const { token, sessionExpirationTime, tokenExpirationTime } = answer;
      app.tokens.push(token);
      response.setHeader('content-type', 'application/json');
      return response.end(JSON.stringify({ token, sessionExpirationTime, tokenExpirationTime }));
    }
    const page = `<!doctype html><link rel=icon href=data:,><script type=importmap>${JSON.stringify({ imports: IMPORTS })}</script>`;
    const isPage = request.url === '/';
    response.setHeader('content-type', isPage ? 'text/html' : 'text/javascript');
    response.end(isPage ? page : await readFile(MODULES + request.url));
  });
  app.tokens = [];
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  app.url = `http://127.0.0.1:${app.address().port}/`;
  return app;
}

/** A user who has the app open: 1.1.3 and 2.1, up to a room that is not connected yet. */
async function open(browser, userId, capabilities) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(backend.url);
  await page.evaluate(async ([regionOrUrl, userId, capabilities]) => {
    const sdk = await import('amazon-ivs-chat-messaging');
    async function tokenProvider() {
      const response = await fetch('/chat-token', { method: 'POST', body: JSON.stringify({ userId, capabilities }) });
      const { token, sessionExpirationTime, tokenExpirationTime } = await response.json();
      return { token, sessionExpirationTime: new Date(sessionExpirationTime), tokenExpirationTime: new Date(tokenExpirationTime) };
    }
    const room = new sdk.ChatRoom({ regionOrUrl, tokenProvider });
    const heard = [];
    for (const kind of ['connecting', 'connect', 'disconnect', 'message', 'event', 'messageDelete', 'userDisconnect']) {
      room.addListener(kind, (event) => heard.push({ kind, event, isDate: event?.sendTime instanceof Date }));
    }
    Object.assign(window, { sdk, room, heard });
  }, [`${wire.url.replace('http', 'ws')}/ivschat/ws`, userId, capabilities]);
  return {
    /** All of that kind that the app has heard. */
    heard: (kind) => page.evaluate((kind) => window.heard.filter((heard) => heard.kind === kind), kind),
    /** Does something with the room; what it answers, or rejects with. */
    act: (work, argument) => page.evaluate(work, argument),
    state: () => page.evaluate(() => window.room.state),
  };
}

const send = async (text) => {
  const request = new window.sdk.SendMessageRequest(text);
  return window.room.sendMessage(request).then((message) => ({ ...message, own: message.requestId === request.requestId }), (error) => ({ refused: error.errorCode }));
};
const remove = (id) => window.room.deleteMessage(new window.sdk.DeleteMessageRequest(id, 'Reason for deletion')).then((event) => event, (error) => ({ refused: error.errorCode }));
const disconnectUser = (id) => window.room.disconnectUser(new window.sdk.DisconnectUserRequest(id, 'Reason for disconnecting user')).then((event) => event, (error) => ({ refused: error.errorCode }));

test('the steps of the readme of amazon-ivs-chat-messaging', async ({ browser }) => {
  const viewer = await open(browser, 'user1', ['SEND_MESSAGE']);
  const moderator = await open(browser, 'moderator', ['SEND_MESSAGE', 'DELETE_MESSAGE', 'DISCONNECT_USER']);
  const reader = await open(browser, 'reader', []);

  // 2.1: connecting, then connected.
  for (const user of [viewer, moderator, reader]) {
    expect(await user.state()).toBe('disconnected');
    await user.act(() => window.room.connect());
    await expect.poll(() => user.state()).toBe('connected');
    expect([await user.heard('connecting'), await user.heard('connect')].map(({ length }) => length)).toEqual([1, 1]);
  }

  // 2.2.1: a message, its confirmation, and its rejection.
  const sent = await viewer.act(send, 'Test Echo');
  expect(sent).toMatchObject({ content: 'Test Echo', own: true, sender: { userId: 'user1' } });
  expect(sent.id).toMatch(/^[0-9a-zA-Z]{12}$/);
  for (const user of [viewer, moderator, reader]) {
    await expect.poll(() => user.heard('message')).toMatchObject([{ isDate: true, event: { id: sent.id, content: 'Test Echo', sender: { userId: 'user1' } } }]);
  }
  expect(await reader.act(send, 'may not')).toEqual({ refused: 403 });

  // 2.2.2: a deletion. Who may not delete learns nothing about what is there.
  expect(await viewer.act(remove, sent.id)).toEqual({ refused: 403 });
  expect(await viewer.act(remove, '000000000000')).toEqual({ refused: 403 });
  expect(await moderator.act(remove, sent.id)).toMatchObject({ messageId: sent.id, reason: 'Reason for deletion' });
  await expect.poll(() => viewer.heard('messageDelete')).toMatchObject([{ isDate: true, event: { messageId: sent.id, reason: 'Reason for deletion' } }]);

  // 2.1: a connection that breaks comes back by itself, with a new token.
  const before = backend.tokens.length;
  wire.cut();
  for (const user of [viewer, moderator, reader]) {
    await expect.poll(async () => (await user.heard('connect')).length).toBe(2);
    expect(await user.heard('connecting')).toHaveLength(2);
    expect(await user.heard('disconnect')).toHaveLength(0);
  }
  expect(backend.tokens.length - before).toBe(3);
  expect(new Set(backend.tokens).size).toBe(backend.tokens.length);

  // 2.2.3: another user is disconnected, and does not come back.
  expect(await viewer.act(disconnectUser, 'moderator')).toEqual({ refused: 403 });
  expect(await moderator.act(disconnectUser, 'user1')).toMatchObject({ userId: 'user1', reason: 'Reason for disconnecting user' });
  await expect.poll(() => viewer.heard('disconnect')).toMatchObject([{ event: 'serverDisconnect' }]);
  expect(await viewer.heard('userDisconnect')).toMatchObject([{ isDate: true, event: { userId: 'user1', reason: 'Reason for disconnecting user' } }]);
  expect(await viewer.state()).toBe('disconnected');

  // 2.3: leaving.
  await moderator.act(() => window.room.disconnect());
  await expect.poll(() => moderator.heard('disconnect')).toMatchObject([{ event: 'clientDisconnect' }]);
  expect(await moderator.state()).toBe('disconnected');

  // 2.1: an attempt that fails is made four times, and then the room is disconnected.
  await server.stop();
  await expect.poll(() => reader.heard('disconnect')).toMatchObject([{ event: 'fetchTokenError' }]);
});
