import http from 'node:http';

/** A reverse proxy before a server, with faults that can be switched on and off. */
export class Proxy {
  /** Whether no byte of an event stream passes. */
  holdsStreams = false;
  /** Whether each piece of an event stream waits for the next one. */
  lagsByOne = false;
  /** What is answered to requests that match, in place of the server: `(request) => ({ status, headers, body }) | undefined`. */
  answer = () => undefined;
  /** How many streams were opened. */
  streams = 0;
  #open = new Set();
  #listener;

  static async before(server) {
    const proxy = new Proxy();
    proxy.#listener = http.createServer((request, response) => proxy.#pass(new URL(server.url), request, response));
    await new Promise((resolve) => proxy.#listener.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url() {
    return `http://127.0.0.1:${this.#listener.address().port}`;
  }

  /** How many streams are open now. */
  get openStreams() {
    return this.#open.size;
  }

  /** Makes all open streams fall silent, without an end and without an error. */
  cut() {
    for (const stream of this.#open) stream.isCut = true;
  }

  async close() {
    this.#listener.closeAllConnections();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #pass(to, request, response) {
    const answer = this.answer(request);
    if (answer) {
      request.resume();
      return void response.writeHead(answer.status, { 'content-type': 'text/html', ...answer.headers }).end(answer.body);
    }
    const { method, url: path, headers } = request;
    const up = http.request({ host: to.hostname, port: to.port, method, path, headers, agent: false }, (given) => {
      response.writeHead(given.statusCode, given.headers);
      if (given.headers['content-type'] !== 'text/event-stream') return void given.pipe(response);
      this.streams++;
      const stream = { isCut: false };
      this.#open.add(stream);
      response.flushHeaders();
      let late;
      given.on('data', (piece) => {
        if (stream.isCut || this.holdsStreams) return;
        const passing = this.lagsByOne ? late : piece;
        late = piece;
        if (passing) response.write(passing);
      });
      given.on('end', () => response.end());
      response.on('close', () => this.#open.delete(stream));
    });
    up.on('error', () => response.destroy());
    response.on('close', () => up.destroy());
    request.pipe(up);
  }
}
