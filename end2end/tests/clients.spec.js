import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';
import { WebSocket } from 'ws';

import { KEY, ROOM, SETTINGS } from './ivs.js';
import { Server } from './server.js';

const local = (path) => fileURLToPath(new URL(path, import.meta.url));
/** What `.ci/setup test` installs. */
const PYTHON = local('../../target/clients/python');
const RUST = local('../../target/clients/rust/debug/ivs-client');
/** An id with all that an id may have. */
const USER = 'Ann Ö/ü 💬:%2F+#?"\'<b>\n.';

const run = promisify(execFile);
const env = {
  ...process.env,
  PYTHONPATH: PYTHON,
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONIOENCODING: 'utf-8',
  AWS_ACCESS_KEY_ID: KEY.accessKeyId,
  AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey,
  AWS_DEFAULT_REGION: 'eu-west-1',
  AWS_DEFAULT_OUTPUT: 'json',
  AWS_MAX_ATTEMPTS: '1',
  AWS_PAGER: '',
  // Nothing of the machine's own account.
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};
for (const proxy of ['http_proxy', 'HTTP_PROXY']) delete env[proxy];

let server;
test.beforeEach(async () => {
  for (const needed of [PYTHON, RUST]) {
    if (!existsSync(needed)) throw new Error(`${needed} is missing: run .ci/setup test`);
  }
  server = await Server.start(SETTINGS);
});
test.afterEach(() => server.dispose());

/** Talks with a token: the user whom the others see, and the answer to a second connection with it. */
async function talk(token) {
  const url = `${server.url.replace('http', 'ws')}/ivschat/ws`;
  const socket = new WebSocket(url, token);
  const answer = once(socket, 'message');
  await once(socket, 'open');
  socket.send(JSON.stringify({ Action: 'SEND_MESSAGE', RequestId: 'r', Content: 'hello' }));
  const { Sender } = JSON.parse(String((await answer)[0]));
  const again = new WebSocket(url, token);
  again.on('error', () => {});
  const [, { statusCode }] = await once(again, 'unexpected-response');
  socket.terminate();
  return { sender: Sender, again: statusCode };
}

// Some SDKs send two slashes for an endpoint that ends in one, and sign them.
for (const endpoint of ['/ivschat', '/ivschat/']) {
  test(`boto3 runs rooms at ${endpoint}`, async () => {
    test.setTimeout(180_000);
    const script = local('../clients/boto3_client.py');
    const args = [script, `${server.url}${endpoint}`, KEY.accessKeyId, KEY.secretAccessKey, USER];
    const { stdout } = await run('python3', args, { env });
    const { sender, again } = await talk(stdout.trim().split('\n').at(-1));
    expect(sender).toMatchObject({ UserId: USER, Attributes: { username: 'From Python' } });
    expect(again).toBe(401);
  });

  test(`the Rust SDK runs rooms at ${endpoint}`, async () => {
    test.setTimeout(180_000);
    const { stdout } = await run(RUST, [`${server.url}${endpoint}`, KEY.accessKeyId, KEY.secretAccessKey, USER], { env });
    const { sender, again } = await talk(stdout.trim().split('\n').at(-1));
    expect(sender).toMatchObject({ UserId: USER, Attributes: { username: 'From Rust' } });
    expect(again).toBe(401);
  });
}

test('the AWS CLI runs rooms', async () => {
  // Each command is a program that takes a second to start.
  test.setTimeout(300_000);
  const aws = async (command, ...args) => {
    const all = ['-m', 'awscli', 'ivschat', command, '--endpoint-url', `${server.url}/ivschat`, ...args];
    const { stdout } = await run('python3', all, { env });
    return stdout ? JSON.parse(stdout) : null;
  };
  const fails = async (name, ...command) => {
    const error = await aws(...command).then(() => null, (error) => error);
    expect(error?.stderr).toContain(`(${name})`);
    return error.stderr;
  };

  const made = await aws('create-room', '--name', 'cli-1', '--maximum-message-length', '20', '--tags', 'a=b');
  expect(made).toMatchObject({ name: 'cli-1', maximumMessageLength: 20, tags: { a: 'b' } });
  const other = await aws('create-room', '--name', 'cli-2');
  const first = await aws('list-rooms', '--max-results', '2');
  expect(first.rooms).toHaveLength(2);
  const second = await aws('list-rooms', '--max-results', '2', '--next-token', first.nextToken);
  const listed = [...first.rooms, ...second.rooms].map(({ arn }) => arn);
  expect(new Set(listed)).toEqual(new Set([ROOM, made.arn, other.arn]));
  expect(second.nextToken).toBeUndefined();
  const changed = await aws('update-room', '--identifier', made.arn, '--name', 'cli-3', '--maximum-message-rate-per-second', '7');
  expect(await aws('get-room', '--identifier', made.arn)).toEqual(changed);

  await aws('tag-resource', '--resource-arn', made.arn, '--tags', '{"c":"d / e : ü","f":""}');
  await aws('untag-resource', '--resource-arn', made.arn, '--tag-keys', 'a', 'f');
  expect(await aws('list-tags-for-resource', '--resource-arn', made.arn)).toEqual({ tags: { c: 'd / e : ü' } });

  const event = await aws('send-event', '--room-identifier', ROOM, '--event-name', 'app:POLL', '--attributes', 'question=why?');
  expect(event.id).toMatch(/^[0-9a-zA-Z]{12}$/);
  await aws('disconnect-user', '--room-identifier', ROOM, '--user-id', USER, '--reason', 'rude');
  const asked = ['--room-identifier', ROOM, '--user-id', USER, '--capabilities', 'SEND_MESSAGE', '--attributes', 'username=From the CLI'];
  const { token } = await aws('create-chat-token', ...asked);
  const { sender, again } = await talk(token);
  expect(sender).toMatchObject({ UserId: USER, Attributes: { username: 'From the CLI' } });
  expect(again).toBe(401);
  const { rooms } = await aws('list-rooms', '--name', 'cli-2');
  expect(rooms.map(({ arn }) => arn)).toEqual([other.arn]);
  await aws('delete-room', '--identifier', made.arn);

  await fails('ResourceNotFoundException', 'get-room', '--identifier', made.arn);
  await fails('ResourceNotFoundException', 'delete-message', '--room-identifier', ROOM, '--id', '00000000000z');
  await fails('ValidationException', 'create-room', '--name', 'a b');
  await fails('ValidationException', 'create-logging-configuration', '--destination-configuration', 's3={bucketName=bucket}');
  env.AWS_SECRET_ACCESS_KEY = 'another secret access key';
  expect(await fails('SignatureDoesNotMatch', 'list-rooms')).toContain(`127.0.0.1:${new URL(server.url).port}`);
  env.AWS_SECRET_ACCESS_KEY = KEY.secretAccessKey;
  env.AWS_ACCESS_KEY_ID = 'AKIDOTHER';
  await fails('UnrecognizedClientException', 'list-rooms');
  env.AWS_ACCESS_KEY_ID = KEY.accessKeyId;
});
