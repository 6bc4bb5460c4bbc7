import http from 'node:http';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** One answer of a server, read from a socket of our own: its head, and the bytes of its body as they come. */
export class Wire {
  status;
  headers = {};
  body = Buffer.alloc(0);
  /** How the body ended: `'complete'` as HTTP/1.1 says (RFC 9112 6.3: by its length, a last chunk or a close), or `'cut off'`. */
  ended;
  #rest = Buffer.alloc(0);
  #wake = [];

  /** Asks; `headers` are lines, each character a byte. Resolves when the head is there. */
  static async ask(url, { method = 'GET', headers = [] } = {}) {
    const { hostname, port, host, pathname, search } = new URL(url);
    const wire = new Wire();
    wire.socket = net.connect(port, hostname);
    wire.socket.on('data', (bytes) => wire.#read(bytes));
    wire.socket.on('error', () => (wire.ended ??= 'cut off'));
    wire.socket.on('close', () => wire.#finish());
    const lines = [`${method} ${pathname}${search} HTTP/1.1`, `host: ${host}`, ...headers, '', ''];
    wire.socket.write(Buffer.from(lines.join('\r\n'), 'latin1'));
    await wire.#until(() => wire.status !== undefined || wire.ended);
    return wire;
  }

  get text() {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.body);
  }

  /** What an event stream has said so far, one object an event. */
  get events() {
    return events(this.text);
  }

  /** Waits for that many events. */
  async eventCount(count) {
    await this.#until(() => this.body.toString('latin1').split('\n\n').length > count || this.ended);
    if (this.ended) throw new Error(`the stream ended: ${this.text}`);
    return this.events;
  }

  async end() {
    await this.#until(() => this.ended);
    return this.ended;
  }

  close() {
    this.socket.destroy();
  }

  async #until(condition) {
    while (!condition()) await new Promise((resolve) => this.#wake.push(resolve));
  }

  #read(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (this.status === undefined && !this.#readHead()) return;
    if (this.headers['transfer-encoding'] === 'chunked') {
      while (this.#readChunk());
    } else {
      this.body = Buffer.concat([this.body, this.#rest]);
      this.#rest = Buffer.alloc(0);
      if (this.body.length === this.#length) this.ended = 'complete';
    }
    this.#wake.splice(0).forEach((wake) => wake());
  }

  #readHead() {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [first, ...lines] = this.#rest.subarray(0, end).toString('latin1').split('\r\n');
    this.status = Number(first.split(' ')[1]);
    for (const line of lines) {
      const [, name, value] = /^([^:]+):\s*(.*?)\s*$/.exec(line);
      const before = this.headers[name.toLowerCase()];
      // A header may stand there several times (RFC 9110 5.3).
      this.headers[name.toLowerCase()] = before === undefined ? value : `${before}, ${value}`;
    }
    this.#rest = this.#rest.subarray(end + 4);
    return true;
  }

  #readChunk() {
    const end = this.#rest.indexOf('\r\n');
    if (end < 0 || this.ended) return false;
    const size = parseInt(this.#rest.subarray(0, end).toString('latin1'), 16);
    if (this.#rest.length < end + 2 + size + 2) return false;
    this.body = Buffer.concat([this.body, this.#rest.subarray(end + 2, end + 2 + size)]);
    this.#rest = this.#rest.subarray(end + 2 + size + 2);
    if (size === 0) this.ended = 'complete';
    return size > 0;
  }

  get #length() {
    return this.status === 204 ? 0 : Number(this.headers['content-length'] ?? NaN);
  }

  #finish() {
    const untilClosed = this.headers['transfer-encoding'] !== 'chunked' && Number.isNaN(this.#length);
    this.ended ??= untilClosed && this.status !== undefined ? 'complete' : 'cut off';
    this.#wake.splice(0).forEach((wake) => wake());
  }
}

/** What a line of our streams may be (WHATWG HTML 9.2.5): a browser would take others too, or pass them over. */
const LINE = /^(?:(id): ([0-9A-Za-z]{1,32}(?:\.\d+)?-\d+)|(retry): (\d+)|(data): ([^\n]*)|(:)([^\n]*))$/;

/** The whole events of a stream's text: `{ id, retry, data }`, of which each stands there at most once, and `data` by lines. */
export function events(text) {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((block) => {
      const event = {};
      for (const line of block.split('\n')) {
        const match = LINE.exec(line);
        if (!match || line.includes('\r') || line.includes('\0')) throw new Error(`not a line of ours: ${JSON.stringify(line)}`);
        const [name, value] = match.slice(1).filter((part) => part !== undefined);
        if (name === 'data') (event.data ??= []).push(value);
        else if (name in event) throw new Error(`${name} twice: ${block}`);
        else event[name] = value;
      }
      return { ...event, data: event.data?.join('\n') };
    })
    .filter(({ data }) => data !== undefined);
}

/**
 * Something between the chat and its readers, as proxies are. It passes everything on but the event streams: of those it rewrites
 * each event by `rewrite(event, n)` to one or more pieces of text or bytes, each of which leaves by itself.
 */
export class Front {
  /** The requests that came: `{ method, url, headers }`. */
  requests = [];
  /** May answer a request itself, and says whether it did. */
  answer = () => false;
  /** Changes the head of a stream. */
  head = (headers) => headers;
  rewrite = (event) => event;
  #server;
  #http;
  #streams = new Set();

  static async start(server, hooks = {}) {
    const front = Object.assign(new Front(), hooks);
    front.#server = server;
    front.#http = http.createServer((request, response) => front.#pass(request, response));
    await new Promise((resolve) => front.#http.listen(0, '127.0.0.1', resolve));
    front.url = `http://127.0.0.1:${front.#http.address().port}`;
    return front;
  }

  /** Cuts all streams off. */
  cut() {
    for (const response of this.#streams) response.destroy();
  }

  /** The requests for streams that came. */
  get subscriptions() {
    return this.requests.filter(({ method, headers }) => method === 'GET' && headers.accept === 'text/event-stream');
  }

  stop() {
    this.#http.closeAllConnections();
    this.#http.close();
  }

  #pass(request, response) {
    const { method, url, headers } = request;
    this.requests.push({ method, url, headers });
    if (this.answer(request, response)) return;
    // An answer may have said that the stream is elsewhere: there it is the same one.
    const target = new URL(url.replace(/^\/moved-\d+/, ''), this.#server.url);
    const upstream = http.request(target, { method, headers, agent: false }, (answer) => {
      const stream = answer.headers['content-type']?.startsWith('text/event-stream');
      const { 'transfer-encoding': _, connection: __, ...rest } = answer.headers;
      response.writeHead(answer.statusCode, stream ? this.head(rest) : rest);
      if (stream) this.#stream(answer, response);
      else answer.pipe(response);
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  }

  async #stream(answer, response) {
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
    response.socket.setNoDelay(true);
    response.flushHeaders();
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    let rest = '';
    let n = 0;
    try {
      for await (const bytes of answer) {
        const blocks = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
        rest = blocks.pop();
        for (const block of blocks) {
          for (const piece of [this.rewrite(`${block}\n\n`, n++)].flat()) {
            if (piece === CUT) return response.destroy();
            response.write(piece);
            await turn();
          }
        }
      }
      response.end();
    } catch {
      response.destroy();
    }
  }
}

/** A piece that is the end of the connection. */
export const CUT = Symbol('cut');

/** An empty page on an origin of its own. */
export async function emptySite() {
  const site = http.createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>Elsewhere</title>');
  });
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  const stop = () => {
    site.closeAllConnections();
    site.close();
  };
  return { url: `http://localhost:${site.address().port}`, stop };
}

/** Opens an `EventSource` in a page, and keeps what it says. */
export async function listen(page, url, options) {
  const handle = await page.evaluateHandle(
    ([url, options]) => {
      const source = new EventSource(url, options);
      const heard = { source, events: [], errors: [], opened: 0 };
      source.onopen = () => heard.opened++;
      source.onmessage = ({ type, data, lastEventId, origin }) => heard.events.push({ type, data, lastEventId, origin });
      source.onerror = () => heard.errors.push(source.readyState);
      return heard;
    },
    [url, options],
  );
  return {
    /** Everything that happened so far. */
    heard: () => handle.evaluate(({ source, ...heard }) => ({ state: source.readyState, ...heard })),
    /** The envelopes of the events. */
    envelopes: () => handle.evaluate(({ events }) => events.map(({ data, lastEventId }) => ({ ...JSON.parse(data), lastEventId }))),
    close: () => handle.evaluate(({ source }) => source.close()),
  };
}
