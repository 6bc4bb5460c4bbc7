import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const WIDGET_KEY = 'widget-key-of-the-tests';
export const ADMIN_KEY = 'admin-key-of-the-tests';
export const ADMIN_PASSWORD = 'password-of-the-tests';

const program = process.env.LIVE_CHAT ?? fileURLToPath(new URL('../../target/dist/live-chat', import.meta.url));

/** The release, running on a port and a folder of its own. */
export class Server {
  #child;
  #folder;
  #args;
  #address = '127.0.0.1:0';
  #ports = {};

  /** Starts a server; `args` are more settings. Users may send as fast as they like unless they say otherwise. */
  static async start(args = []) {
    const server = new Server();
    server.#folder = await mkdtemp(join(tmpdir(), 'live-chat-'));
    const unlimited = { '--rate-limit': '0', '--user-limits': 'none', '--address-limits': 'none' };
    const others = Object.entries(unlimited).filter(([setting]) => !args.includes(setting));
    server.#args = [...others.flat(), ...args];
    await server.#run();
    return server;
  }

  /** Where it is: `http://127.0.0.1:<port>`. */
  get url() {
    return `http://${this.#address}`;
  }

  /** Where the relay alone is, if it is told to have a port. */
  get relay() {
    return this.#ports['the relay'];
  }

  /** Where the echo alone is, if it is told to have a port. */
  get echo() {
    return this.#ports['the echo'];
  }

  /** Where Apex alone is, if it is told to have a port. */
  get apex() {
    return this.#ports.Apex;
  }

  /** Where Interactive Sync alone is, if it is told to have a port. */
  get interactiveSync() {
    return this.#ports['Interactive Sync'];
  }

  /** Stops it as an operator would, and waits for its end. */
  async stop(signal = 'SIGTERM') {
    const child = this.#child;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** Starts it again on the same port and folder. */
  async start() {
    await this.#run();
  }

  /** Takes all data away, as a lost disk would. */
  async lose() {
    await rm(this.#folder, { recursive: true });
  }

  async dispose() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.stop('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #run() {
    const keys = ['--widget-key', WIDGET_KEY, '--admin-key', ADMIN_KEY, '--admin-password', ADMIN_PASSWORD];
    keys.push('--trusted-proxies', 'none');
    const settings = ['--addr', this.#address, '--data-dir', this.#folder, ...keys, ...this.#args];
    const child = spawn(program, settings, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#address = await new Promise((resolve, reject) => {
      let output = '';
      const read = (chunk) => {
        output += chunk;
        const address = /listening on http:\/\/(\S+)/.exec(output);
        if (!address) return;
        this.#ports = Object.fromEntries([...output.matchAll(/serves (.+) on (ws:\S+)/g)].map(([, name, url]) => [name, url]));
        resolve(address[1]);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${output}`)));
    });
  }

  /** Asks the stream API. */
  async administer(path, body = {}, method = 'POST') {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const response = await fetch(`${this.url}/v1/streams/${path}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()).data;
  }

  /** A token with which a game runs room 1. */
  async gameToken() {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const url = `${this.url}/v1/widget-keys/${WIDGET_KEY}/game-token`;
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ room: 1 }) });
    return (await response.json()).data.access_token;
  }

  /** Takes a message out, or all of a user's: `messages/<id>` or `users/<id>/messages`. */
  delete(path) {
    return this.administer(`1/${path}`, {}, 'DELETE');
  }

  /** Decides on a user's right to speak: `timeout`, `ban` or `lift`. */
  decide(user, act, terms = {}) {
    return this.administer(`1/users/${user}/${act}`, terms);
  }

  /** A guest who comes only to speak. */
  async guest(username) {
    const abort = new AbortController();
    const response = await fetch(`${this.url}/subscribe/1`, { signal: abort.signal });
    let text = '';
    for await (const chunk of response.body) {
      text += new TextDecoder().decode(chunk);
      if (text.includes('\n\n')) break;
    }
    abort.abort();
    const { token, user_id: userId } = JSON.parse(/data: (.*)/.exec(text)[1]).message;
    const post = async (body) => {
      const response = await fetch(`${this.url}/publish/1?token=${token}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const answer = await response.json();
      if (answer.code !== 200) throw Object.assign(new Error(answer.message), { code: answer.code });
    };
    const publish = (envelope) => post(JSON.stringify({ widget_key: WIDGET_KEY, ...envelope }));
    const message = (text) => ({ type: 'chat', username, message_text: text });
    return {
      userId,
      token,
      /** With an `id`, a message that is sent twice is stored once. */
      say: (text, id) => publish({ type: 'broadcast', client_message_id: id, message: message(text) }),
      /** Says something as a reply to the message of that id. */
      reply: (text, id) => publish({ type: 'broadcast', message: { ...message(text), reply_to: id } }),
      /** Reacts to the message of that id, or takes it back: `DELETE`. */
      react: async (id, emoji, method = 'PUT') => {
        const url = `${this.url}/v1/streams/1/messages/${id}/reactions/${encodeURIComponent(emoji)}?widget_key=${WIDGET_KEY}`;
        const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}` } });
        if (!response.ok) throw new Error(await response.text());
      },
      /** Publishes any JSON text as it stands. */
      send: (json) => post(`{"widget_key":"${WIDGET_KEY}","type":"broadcast","message":${json}}`),
      whisper: (to, text) => publish({ type: 'private', to_user_id: to, message: message(text) }),
    };
  }

  /** Says `count` messages, in order: "message 1" and so on. */
  async fill(count, username = 'Robin') {
    const guest = await this.guest(username);
    for (let n = 1; n <= count; n++) await guest.say(`message ${n}`);
  }

  /** The texts of the whole history. */
  async history() {
    const response = await fetch(`${this.url}/v1/streams/1/messages?limit=500`);
    return (await response.json()).data.map((envelope) => envelope.message.message_text);
  }

  /** The whole log, oldest first: the ids and the texts of its messages. */
  async log() {
    const read = async (query) => (await fetch(`${this.url}/v1/streams/1/messages?limit=500${query}`)).json();
    const { position } = (await read('')).meta;
    const all = [];
    for (let after = position.replace(/-\d+$/, '-0'), more = true; more; after = all.at(-1)?.id) {
      const { data, meta } = await read(`&after=${after}`);
      all.push(...data.map(({ id, message }) => ({ id, text: message.message_text })));
      more = meta.has_more;
    }
    return all;
  }
}
