import { readFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import {
  CreateChatTokenCommand,
  CreateLoggingConfigurationCommand,
  CreateRoomCommand,
  DeleteMessageCommand,
  DeleteRoomCommand,
  DisconnectUserCommand,
  GetRoomCommand,
  IvschatClient,
  ListLoggingConfigurationsCommand,
  ListRoomsCommand,
  ListTagsForResourceCommand,
  SendEventCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateRoomCommand,
} from '@aws-sdk/client-ivschat';
import { DeleteMessageRequest, DisconnectUserRequest, SendMessageRequest } from 'amazon-ivs-chat-messaging';
import { expect, test } from '@playwright/test';

import { KEY, ROOM, SETTINGS, control, join, network, siteToken } from './ivs.js';
import { ADMIN_KEY, Server } from './server.js';

const MODERATOR = ['SEND_MESSAGE', 'DELETE_MESSAGE', 'DISCONNECT_USER'];

let server;
test.beforeEach(async () => {
  server = await Server.start(SETTINGS);
});
test.afterEach(() => server.dispose());

/** What a request is refused with. */
const refused = (request) => request.then(() => null, ({ errorCode, errorMessage, requestId }) => ({ errorCode, errorMessage, requestId }));

test('the control plane runs rooms for the AWS SDK', async () => {
  const client = control(server);
  const send = (command) => client.send(command);
  const made = await send(new CreateRoomCommand({ name: 'Stage', maximumMessageLength: 20, tags: { a: 'b' } }));
  expect(made).toMatchObject({ arn: ROOM.replace('/1', '/2'), id: '2', name: 'Stage', maximumMessageLength: 20, maximumMessageRatePerSecond: 10, tags: { a: 'b' } });
  expect(made.createTime).toBeInstanceOf(Date);
  const identifier = made.arn;
  const changed = await send(new UpdateRoomCommand({ identifier, name: 'Hall', maximumMessageRatePerSecond: 7 }));
  expect(changed).toMatchObject({ name: 'Hall', maximumMessageRatePerSecond: 7, maximumMessageLength: 20 });
  expect(await send(new GetRoomCommand({ identifier }))).toMatchObject({ name: 'Hall', updateTime: changed.updateTime });
  const first = await send(new ListRoomsCommand({ maxResults: 1 }));
  expect(first.rooms).toMatchObject([{ arn: identifier }]);
  expect((await send(new ListRoomsCommand({ nextToken: first.nextToken }))).rooms).toMatchObject([{ arn: ROOM }]);
  await send(new TagResourceCommand({ resourceArn: identifier, tags: { c: 'd e', f: '' } }));
  await send(new UntagResourceCommand({ resourceArn: identifier, tagKeys: ['a', 'f'] }));
  expect((await send(new ListTagsForResourceCommand({ resourceArn: identifier }))).tags).toEqual({ c: 'd e' });
  const token = await send(new CreateChatTokenCommand({ roomIdentifier: identifier, userId: 'ann', sessionDurationInMinutes: 3 }));
  expect(token.token).toMatch(/^[\w.-]+$/);
  expect(token.sessionExpirationTime - Date.now()).toBeLessThanOrEqual(180_000);
  expect(token.tokenExpirationTime).toEqual(token.sessionExpirationTime);
  expect((await send(new ListLoggingConfigurationsCommand({}))).loggingConfigurations).toEqual([]);
  await send(new DeleteRoomCommand({ identifier }));

  const fails = async (command, expected) => expect(await send(command).catch((error) => error)).toMatchObject(expected);
  await fails(new GetRoomCommand({ identifier }), { name: 'ResourceNotFoundException', resourceId: identifier, resourceType: 'ROOM' });
  await fails(new GetRoomCommand({}), { name: 'ValidationException', reason: 'FIELD_VALIDATION_FAILED', fieldList: [{ name: 'identifier' }] });
  await fails(new CreateLoggingConfigurationCommand({}), { name: 'ValidationException', reason: 'OTHER' });
  await fails(new DeleteMessageCommand({ roomIdentifier: ROOM, id: '000000000009' }), { name: 'ResourceNotFoundException' });
});

test('nobody without the secret access key runs rooms', async () => {
  const ask = (credentials) => control(server, credentials).send(new ListRoomsCommand({})).catch((error) => error);
  expect((await ask(KEY)).rooms).toHaveLength(1);
  for (const wrong of [{ ...KEY, secretAccessKey: 'another' }, { ...KEY, accessKeyId: 'ANOTHER' }]) {
    const name = wrong.accessKeyId === KEY.accessKeyId ? 'SignatureDoesNotMatch' : 'UnrecognizedClientException';
    expect(await ask(wrong)).toMatchObject({ name, $metadata: { httpStatusCode: 403 } });
  }
  const late = control(server, KEY, 2);
  late.config.systemClockOffset = -16 * 60_000;
  expect((await late.send(new ListRoomsCommand({}))).rooms, 'the SDK sets its clock by the answer').toHaveLength(1);
  expect((await late.send(new ListRoomsCommand({}))).$metadata.attempts).toBe(1);
});

test('the AWS SDK signs for the address that it is given, and is told when a proxy changes it', async () => {
  const wire = await network(server);
  const client = (endpoint) => new IvschatClient({ endpoint, region: 'local', credentials: KEY, maxAttempts: 1 });
  const { port } = new URL(server.url);
  for (const endpoint of [`${server.url}/ivschat/`, `${wire.url}/ivschat`, `http://localhost:${port}/ivschat`]) {
    const ivs = client(endpoint);
    expect((await ivs.send(new ListRoomsCommand({}))).rooms, endpoint).toHaveLength(1);
    await ivs.send(new TagResourceCommand({ resourceArn: ROOM, tags: { endpoint } }));
    expect((await ivs.send(new ListTagsForResourceCommand({ resourceArn: ROOM }))).tags).toEqual({ endpoint });
  }
  wire.close();

  // It drops the port and the folder that it serves the chat in.
  const proxy = createServer((request, response) => {
    const headers = { ...request.headers, host: 'chat.example' };
    const options = { port, host: '127.0.0.1', method: request.method, path: request.url.replace('/chat/', '/'), headers };
    const passOn = httpRequest(options, (answer) => answer.pipe(response.writeHead(answer.statusCode, answer.headers)));
    request.pipe(passOn);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const error = await client(`http://127.0.0.1:${proxy.address().port}/chat/ivschat`).send(new ListRoomsCommand({})).catch((error) => error);
  expect(error).toMatchObject({ name: 'SignatureDoesNotMatch', message: expect.stringContaining('host "chat.example" and path "/ivschat/ListRooms"') });
  proxy.close();
});

test('what is said is heard by everybody, in every protocol', async () => {
  const guest = await server.guest('Gus');
  const [ann, bob] = await Promise.all([join(server, 'ann', ['SEND_MESSAGE'], { attributes: { username: 'Ann', colour: 'red' } }), join(server, 'bob')]);
  await Promise.all([ann.heard.next('connect'), bob.heard.next('connect')]);
  const request = new SendMessageRequest('hello 🎉', { message_type: 'STICKER' });
  const sent = await ann.room.sendMessage(request);
  expect(sent).toMatchObject({ content: 'hello 🎉', requestId: request.requestId, attributes: { message_type: 'STICKER' } });
  expect(sent.sender).toMatchObject({ userId: 'ann', attributes: { username: 'Ann', colour: 'red' } });
  expect(sent.sendTime).toBeInstanceOf(Date);
  expect(sent.id).toMatch(/^[0-9a-zA-Z]{12}$/);
  const heard = await bob.heard.next('message');
  expect(heard).toMatchObject({ id: sent.id, content: 'hello 🎉' });
  expect(heard.requestId ?? '').toBe('');
  expect(await server.history()).toEqual(['hello 🎉']);
  await guest.say('hi all');
  const said = await ann.heard.next('message', (message) => message.content === 'hi all');
  expect(said.sender).toMatchObject({ userId: guest.userId, attributes: { username: 'Gus' } });
  await guest.send('{"emoji":"x"}');
  await ann.heard.next('message', (message) => message.content === '{"emoji":"x"}');
  const texts = ['one', 'two', 'three'];
  await Promise.all(texts.map((text) => bob.room.sendMessage(new SendMessageRequest(text))));
  await ann.heard.next('message', (message) => message.content === 'three');
  expect(ann.heard.of('message').slice(-3).map((message) => message.content)).toEqual(texts);
});

test('a message is deleted for everybody', async () => {
  const [ann, mod] = [await join(server, 'ann'), await join(server, 'mod', MODERATOR)];
  await Promise.all([ann.heard.next('connect'), mod.heard.next('connect')]);
  const { id } = await ann.room.sendMessage(new SendMessageRequest('bad'));
  const deleted = await mod.room.deleteMessage(new DeleteMessageRequest(id, 'spam'));
  expect(deleted).toMatchObject({ messageId: id, reason: 'spam' });
  expect(await ann.heard.next('messageDelete')).toMatchObject({ messageId: id, reason: 'spam' });
  expect(await server.history()).toEqual([]);
  expect((await mod.room.deleteMessage(new DeleteMessageRequest(id))).messageId, 'a second time').toBe(id);
  const second = await ann.room.sendMessage(new SendMessageRequest('worse'));
  await control(server).send(new DeleteMessageCommand({ roomIdentifier: ROOM, id: second.id, reason: 'spam too' }));
  expect(await mod.heard.next('messageDelete', ({ messageId }) => messageId === second.id)).toMatchObject({ reason: 'spam too' });
  const third = await ann.room.sendMessage(new SendMessageRequest('quietly'));
  await server.delete(`messages/${third.id}?reason=secret`);
  expect((await ann.heard.next('messageDelete', ({ messageId }) => messageId === third.id)).reason).toBeUndefined();
});

test('a user is disconnected for good, and everybody is told', async () => {
  const [ann, mod] = [await join(server, 'ann'), await join(server, 'mod', MODERATOR)];
  await Promise.all([ann.heard.next('connect'), mod.heard.next('connect')]);
  const disconnected = await mod.room.disconnectUser(new DisconnectUserRequest('ann', 'rude'));
  expect(disconnected).toMatchObject({ userId: 'ann', reason: 'rude' });
  expect(await ann.heard.next('userDisconnect')).toMatchObject({ userId: 'ann', reason: 'rude' });
  expect(await ann.heard.next('disconnect')).toBe('serverDisconnect');
  expect(ann.room.state).toBe('disconnected');
  expect(mod.heard.of('userDisconnect')).toHaveLength(1);
  expect(ann.heard.of('token'), 'it does not come back by itself').toHaveLength(1);
  ann.room.connect();
  await expect.poll(() => ann.heard.of('connect').length, 'but may').toBe(2);
  await control(server).send(new DisconnectUserCommand({ roomIdentifier: ROOM, userId: 'ann', reason: 'again' }));
  await expect.poll(() => ann.heard.of('disconnect').length).toBe(2);
  ann.room.connect();
  await expect.poll(() => ann.heard.of('connect').length).toBe(3);
  await server.decide('site:ann', 'ban', { reason: 'enough' });
  expect(await ann.heard.next('userDisconnect', ({ reason }) => reason === 'enough')).toMatchObject({ userId: 'ann' });
  await expect.poll(() => ann.heard.of('disconnect').length).toBe(3);
});

test('a custom event comes to everybody', async () => {
  const ann = await join(server, 'ann', []);
  await ann.heard.next('connect');
  const event = { roomIdentifier: ROOM, eventName: 'app:DELETE_BY_USER', attributes: { userId: 'bob' } };
  const { id } = await control(server).send(new SendEventCommand(event));
  const heard = await ann.heard.next('event');
  expect(heard).toMatchObject({ id, eventName: 'app:DELETE_BY_USER', attributes: { userId: 'bob' } });
  expect(heard.sendTime).toBeInstanceOf(Date);
});

test('every request that is refused is answered', async () => {
  await server.administer('1/settings', { message_chars: 5, blocked_words: ['darn'] });
  const [reader, ann] = [await join(server, 'reader', []), await join(server, 'ann')];
  await Promise.all([reader.heard.next('connect'), ann.heard.next('connect')]);
  const request = new SendMessageRequest('hi');
  expect(await refused(reader.room.sendMessage(request))).toMatchObject({ errorCode: 403, requestId: request.requestId });
  const { id } = await ann.room.sendMessage(new SendMessageRequest('hello'));
  expect(await refused(ann.room.deleteMessage(new DeleteMessageRequest(id)))).toMatchObject({ errorCode: 403 });
  expect(await refused(ann.room.disconnectUser(new DisconnectUserRequest('bob')))).toMatchObject({ errorCode: 403 });
  expect(await refused(ann.room.sendMessage(new SendMessageRequest('123456')))).toMatchObject({ errorCode: 413, errorMessage: 'Message exceeds maximum length' });
  expect(await refused(ann.room.sendMessage(new SendMessageRequest('🎉🎉🎉🎉🎉')))).toBeNull();
  expect(await refused(ann.room.sendMessage(new SendMessageRequest('darn')))).toMatchObject({ errorCode: 406 });
  expect(await refused(ann.room.sendMessage(new SendMessageRequest('')))).toMatchObject({ errorCode: 400 });
  expect(await refused(ann.room.sendMessage(new SendMessageRequest('x', { a: 'x'.repeat(1_100) })))).toMatchObject({ errorCode: 413 });
  expect(await refused(ann.room.sendMessage(new SendMessageRequest('x', { a: 1 })))).toMatchObject({ errorCode: 400 });
  const mod = await join(server, 'mod', MODERATOR);
  await mod.heard.next('connect');
  expect(await refused(mod.room.deleteMessage(new DeleteMessageRequest(`${id.slice(0, -1)}z`)))).toMatchObject({ errorCode: 404 });
  expect(await refused(mod.room.deleteMessage(new DeleteMessageRequest('nonsense')))).toMatchObject({ errorCode: 400 });
  expect(ann.heard.of('disconnect'), 'the connection stays').toHaveLength(0);
});

test('who sends too fast is told so, and stays', async () => {
  const ann = await join(server, 'ann');
  await ann.heard.next('connect');
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => refused(ann.room.sendMessage(new SendMessageRequest(`${n}`)))));
  const stored = answers.filter((answer) => answer === null);
  expect(stored.length).toBeGreaterThanOrEqual(10);
  expect(stored.length).toBeLessThan(40);
  const tooMany = answers.filter(Boolean);
  expect(new Set(tooMany.map(({ errorCode, errorMessage }) => `${errorCode} ${errorMessage}`))).toEqual(new Set(['429 rate limit exceeded']));
  expect(ann.room.state).toBe('connected');
  await expect.poll(() => refused(ann.room.sendMessage(new SendMessageRequest('later')))).toBeNull();
});

test('a token that is none is refused', async () => {
  const eve = await join(server, 'eve', [], { mint: () => ({ token: 'not-a-token' }) });
  expect(await eve.heard.next('disconnect')).toBe('socketError');
  expect(eve.heard.of('connect')).toHaveLength(0);
  expect(eve.heard.of('token'), 'as often as the client tries').toHaveLength(4);
});

test('a token opens one connection, and the client asks for another one each time it connects', async () => {
  const ann = await join(server, 'ann');
  await ann.heard.next('connect');
  const [spent] = ann.tokens;
  const thief = await join(server, 'ann', [], { mint: () => ({ token: spent }) });
  expect(await thief.heard.next('disconnect')).toBe('socketError');
  expect(thief.heard.of('connect')).toHaveLength(0);
  ann.room.disconnect();
  await ann.heard.next('disconnect');
  ann.room.connect();
  await expect.poll(() => ann.heard.of('connect').length).toBe(2);
  expect(new Set(ann.tokens).size).toBe(2);
  await server.stop();
  await server.start();
  await expect.poll(() => ann.heard.of('connect').length).toBe(3);
  const late = await join(server, 'ann', [], { mint: () => ({ token: spent }) });
  expect(await late.heard.next('disconnect'), 'after a restart too').toBe('socketError');

  const reusing = await Server.start([...SETTINGS, '--ivs-single-use-tokens', 'off']);
  const { token } = await control(reusing).send(new CreateChatTokenCommand({ roomIdentifier: ROOM, userId: 'bob' }));
  const bobs = [await join(reusing, 'bob', [], { mint: () => ({ token }) }), await join(reusing, 'bob', [], { mint: () => ({ token }) })];
  await Promise.all(bobs.map(({ heard }) => heard.next('connect')));
  await reusing.dispose();
});

test('a client that connects and disconnects twenty times in a row is there once in the end', async () => {
  const [ann, bob] = [await join(server, 'ann'), await join(server, 'bob')];
  await Promise.all([ann.heard.next('connect'), bob.heard.next('connect')]);
  // As fast as it can be called, and as fast as it connects.
  for (let n = 0; n < 20; n++) {
    ann.room.disconnect();
    ann.room.connect();
  }
  await expect.poll(() => ann.room.state).toBe('connected');
  for (let n = 0; n < 20; n++) {
    const connects = ann.heard.of('connect').length;
    ann.room.disconnect();
    await expect.poll(() => ann.room.state).toBe('disconnected');
    ann.room.connect();
    await expect.poll(() => ann.heard.of('connect').length, { intervals: [5] }).toBe(connects + 1);
  }
  expect(new Set(ann.tokens).size, 'each token is used once').toBe(ann.tokens.length);
  const sent = await ann.room.sendMessage(new SendMessageRequest('still here'));
  const heard = await bob.heard.next('message');
  expect(heard.id).toBe(sent.id);
  expect(ann.heard.of('message')).toHaveLength(1);
  const metrics = async () => (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } })).text();
  await expect.poll(metrics, 'no connection is left over').toContain('live_chat_sockets{dialect="ivs"} 2\n');
});

test('stickers are messages with attributes, whatever their text', async () => {
  const [ann, bob] = [await join(server, 'ann'), await join(server, 'bob')];
  await Promise.all([ann.heard.next('connect'), bob.heard.next('connect')]);
  // As the demo apps of Amazon send them: the text stands for nothing.
  const stickers = [
    ['Sticker: rocket', { message_type: 'STICKER', sticker_src: 'https://e.example/rocket.png' }],
    ['*', { message_type: 'STICKER', sticker_src: 'https://e.example/*.png' }],
    ['raise hand event', { message_type: 'RAISE_HAND' }],
    ['💬', { message_type: 'STICKER', type: 'not ours', username: 'nor this', text: '', '': 'x' }],
  ];
  for (const [content, attributes] of stickers) {
    const sent = await ann.room.sendMessage(new SendMessageRequest(content, attributes));
    expect(sent).toMatchObject({ content, attributes });
    const heard = await bob.heard.next('message', ({ id }) => id === sent.id);
    expect(heard).toMatchObject({ content, attributes, sender: { userId: 'ann', attributes: { username: 'ann' } } });
  }
  expect(await server.history(), 'for all other clients').toEqual(stickers.map(([content]) => content));
});

test('a connection that breaks comes back, and nothing that was sent is lost', async () => {
  const wire = await network(server);
  const ann = await join(server, 'ann', ['SEND_MESSAGE'], { url: wire.url });
  await ann.heard.next('connect');
  const before = await ann.room.sendMessage(new SendMessageRequest('before'));
  wire.cut();
  await expect.poll(() => ann.heard.of('connect').length).toBe(2);
  await ann.room.sendMessage(new SendMessageRequest('after'));
  expect(ann.heard.of('message').map((message) => message.content), 'what is told again is not shown again').toEqual(['before', 'after']);
  expect(before.id).toBe(ann.heard.of('message')[0].id);
  wire.close();
});

test('who has lost the answer to a message gets it after the reconnect', async () => {
  const wire = await network(server);
  const ann = await join(server, 'ann', ['SEND_MESSAGE'], { url: wire.url });
  await ann.heard.next('connect');
  wire.deafen();
  const texts = ['one', 'two', 'three'];
  const sent = texts.map((text) => ann.room.sendMessage(new SendMessageRequest(text)));
  await expect.poll(() => server.history()).toEqual(texts);
  expect(ann.heard.of('message')).toEqual([]);
  wire.cut();
  expect((await Promise.all(sent)).map(({ content }) => content)).toEqual(texts);
  expect(ann.heard.of('connect')).toHaveLength(2);
  wire.close();
});

test('a restart of the server is survived by who waits for it', async () => {
  const ann = await join(server, 'ann');
  await ann.heard.next('connect');
  await ann.room.sendMessage(new SendMessageRequest('before'));
  await server.stop();
  await ann.heard.next('connecting', () => ann.heard.of('connecting').length === 2);
  await server.start();
  await expect.poll(() => ann.heard.of('connect').length).toBe(2);
  expect((await ann.room.sendMessage(new SendMessageRequest('after'))).content).toBe('after');
  expect(ann.heard.of('disconnect')).toHaveLength(0);
  expect(await server.history()).toEqual(['before', 'after']);
});

test('a room that has ended lets go of who is in it', async () => {
  const ann = await join(server, 'ann');
  await ann.heard.next('connect');
  await control(server).send(new DeleteRoomCommand({ identifier: ROOM }));
  expect(await ann.heard.next('disconnect')).toBe('serverDisconnect');
});

test('a session that is over goes on with a new token', async () => {
  const secret = 'secret-of-the-site-of-the-tests-32';
  const own = await Server.start(['--site-secret', secret]);
  // The first is over soon, and the client does not know.
  const mint = (asked) => ({ token: siteToken(secret, 'ann', asked === 1 ? 2 : 600) });
  const ann = await join(own, 'ann', [], { mint });
  await ann.heard.next('connect');
  await ann.heard.next('connecting', () => ann.heard.of('connecting').length > 1);
  await expect.poll(() => ann.heard.of('connect').length).toBe(2);
  expect(ann.heard.of('token')).toHaveLength(2);
  expect((await ann.room.sendMessage(new SendMessageRequest('still here'))).sender.userId).toBe('ann');
  expect(ann.heard.of('disconnect')).toHaveLength(0);
  await own.dispose();
});

test('while a client changes to another token, everything is heard once', async () => {
  // Nothing is refused: the answer to what is refused at that moment would go to the connection that the client gives up.
  const free = await Server.start([...SETTINGS, '--ivs-quotas', 'messages=0']);
  const tokens = control(free);
  const asked = { roomIdentifier: ROOM, userId: 'ann', capabilities: ['SEND_MESSAGE'] };
  // The client opens another connection a minute before it believes that the token ends: soon, the first time.
  const mint = async (count) => {
    const token = await tokens.send(new CreateChatTokenCommand(asked));
    return count === 1 ? { ...token, tokenExpirationTime: new Date(Date.now() + 61_500) } : token;
  };
  const [ann, bob] = [await join(free, 'ann', [], { mint }), await join(free, 'bob', [])];
  await Promise.all([ann.heard.next('connect'), bob.heard.next('connect')]);
  const said = [];
  for (let after = 0; after < 5; after += ann.heard.of('token').length > 1 ? 1 : 0) {
    said.push(`message ${said.length}`);
    await ann.room.sendMessage(new SendMessageRequest(said.at(-1)));
  }
  await bob.heard.next('message', ({ content }) => content === said.at(-1));
  for (const { heard } of [ann, bob]) expect(heard.of('message').map(({ content }) => content)).toEqual(said);
  expect(ann.heard.of('token')).toHaveLength(2);
  expect(ann.heard.of('connecting')).toHaveLength(1);
  await free.dispose();
});

test('the browser talks too', async ({ page }) => {
  const modules = fileURLToPath(new URL('../node_modules/', import.meta.url));
  const imports = { 'amazon-ivs-chat-messaging': '/amazon-ivs-chat-messaging/dist/esm/index.js', uuid: '/uuid/dist/esm-browser/index.js' };
  const files = createServer(async ({ url }, response) => {
    const file = url === '/' ? null : await readFile(`${modules}${url}`).catch(() => '');
    response.setHeader('content-type', file === null ? 'text/html' : 'text/javascript');
    response.end(file ?? `<!doctype html><script type=importmap>${JSON.stringify({ imports })}</script>`);
  });
  files.listen(0, '127.0.0.1');
  await once(files, 'listening');
  const token = await control(server).send(new CreateChatTokenCommand({ roomIdentifier: ROOM, userId: 'ann', capabilities: ['SEND_MESSAGE'] }));
  await page.goto(`http://127.0.0.1:${files.address().port}/`);
  const heard = await page.evaluate(async ([url, token]) => {
    const { ChatRoom, SendMessageRequest } = await import('amazon-ivs-chat-messaging');
    const room = new ChatRoom({ regionOrUrl: url, tokenProvider: async () => ({ token }) });
    const connected = new Promise((resolve) => room.addListener('connect', resolve));
    room.connect();
    await connected;
    const { content, sender } = await room.sendMessage(new SendMessageRequest('from a browser'));
    return { content, userId: sender.userId };
  }, [`${server.url.replace('http', 'ws')}/ivschat/ws`, token.token]);
  expect(heard).toEqual({ content: 'from a browser', userId: 'ann' });
  expect(await server.history()).toEqual(['from a browser']);
  files.close();
});
