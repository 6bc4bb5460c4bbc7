import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

import { ChatRoom } from 'amazon-ivs-chat-messaging';
import {
  CreateChatTokenCommand,
  IvschatClient,
} from '@aws-sdk/client-ivschat';

// Node 20 has no WebSocket of its own, and the client takes the global one.
globalThis.WebSocket = createRequire(import.meta.url)('ws').WebSocket;

export const ROOM = 'arn:aws:ivschat:local:000000000000:room/1';
export const KEY = { accessKeyId: 'AKIDOFTHETESTS', secretAccessKey: 'secret-access-key-of-the-tests' };
export const SETTINGS = ['--ivs-access-key-id', KEY.accessKeyId, '--ivs-secret-access-key', KEY.secretAccessKey];

/** Amazon's own client of the control plane, as it comes from its registry. */
export function control(server, credentials = KEY, maxAttempts = 1) {
  return new IvschatClient({ endpoint: `${server.url}/ivschat`, region: 'local', credentials, maxAttempts });
}

/** A token that a site of ours has signed for one of its users, good for so many seconds. */
export function siteToken(secret, sub, seconds) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** What a room says, as it comes. */
class Heard {
  #all = [];
  #wake = () => {};

  add(kind, event) {
    this.#all.push({ kind, event });
    this.#wake();
  }

  /** All of that kind so far. */
  of(kind) {
    return this.#all.filter((heard) => heard.kind === kind).map((heard) => heard.event);
  }

  /** The first of that kind which is wanted; waits for it. */
  async next(kind, wanted = () => true) {
    for (;;) {
      const found = this.#all.find((heard) => heard.kind === kind && wanted(heard.event));
      if (found) return found.event;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}

/** A user of a room, over Amazon's own client of the messages. */
export async function join(server, userId, capabilities = ['SEND_MESSAGE'], more = {}) {
  const { url = server.url, attributes = { username: userId }, mint } = more;
  const tokens = control(server);
  const heard = new Heard();
  const minted = [];
  const tokenProvider = async () => {
    heard.add('token');
    if (mint) return mint(heard.of('token').length);
    // As an app's own backend would: it waits until the chat is there.
    for (;;) {
      const asked = { roomIdentifier: ROOM, userId, capabilities, attributes };
      try {
        const token = await tokens.send(new CreateChatTokenCommand(asked));
        minted.push(token.token);
        return token;
      } catch (error) {
        if (error.code !== 'ECONNREFUSED' && error.code !== 'ECONNRESET') throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const room = new ChatRoom({ regionOrUrl: `${url.replace('http', 'ws')}/ivschat/ws`, tokenProvider });
  room.logger = { debug() {}, info() {}, error() {} };
  for (const kind of ['connecting', 'connect', 'disconnect', 'message', 'messageDelete', 'userDisconnect', 'event']) {
    room.addListener(kind, (event) => heard.add(kind, event));
  }
  room.connect();
  return { room, heard, tokens: minted };
}

/** A network that can fail: what comes to its port goes to the server's. */
export async function network(server) {
  const sockets = new Set();
  let isDeaf = false;
  const forward = (from, to, isLost) => {
    sockets.add(from);
    from.on('data', (data) => isLost() || to.write(data));
    from.on('error', () => to.destroy());
    from.on('close', () => (sockets.delete(from), to.destroy()));
  };
  const relay = createServer((client) => {
    const upstream = connect(new URL(server.url).port, '127.0.0.1');
    let isLost = false;
    forward(client, upstream, () => false);
    // What was lost once is lost: the connection never hears again.
    forward(upstream, client, () => (isLost ||= isDeaf));
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    url: `http://127.0.0.1:${relay.address().port}`,
    /** From now on nothing comes from the server any more, though everything goes to it. */
    deafen: () => (isDeaf = true),
    /** Breaks every connection, without a word. New ones are whole. */
    cut: () => {
      isDeaf = false;
      sockets.forEach((socket) => socket.resetAndDestroy());
    },
    close: () => (relay.close(), sockets.forEach((socket) => socket.destroy())),
  };
}
