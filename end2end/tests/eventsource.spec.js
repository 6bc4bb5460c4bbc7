// Server-Sent Events as WHATWG HTML 9.2 has them: what our server sends, and what our page takes.
//
// The public web-platform-tests, folder eventsource/, try a browser with every stream that a server may send. Here the browser is
// the one that is known, and its two ends are tried: (S) our server is the sender, before Chromium's own EventSource on another
// origin and before a socket of ours, for the bytes that a browser hides; (P) our page is the reader, behind something that
// rewrites the stream. Numbers are those of the tests below; what a browser alone decides has a reason instead.
//
// | web-platform-tests eventsource/            | what of ours it concerns                            | tests, or why none          |
// | ------------------------------------------ | --------------------------------------------------- | --------------------------- |
// | format-bom, format-bom-2                   | S begins with no BOM, keeps U+FEFF in data; P       | S1 S2, P "byte order mark"  |
// | format-comments                            | S sends comments as heartbeats; P                   | S1, P "comments"            |
// | format-data-before-final-empty-line        | S stops after whole events; P drops half an event   | S3, P "cut off"             |
// | format-field-data, format-leading-space    | S one space, empty lines of data; P                 | S1 S2, P "no space", "lines"|
// | format-field-event, format-field-event-    | S names no events: all are `message`; P             | S1 S2, P "explicit type",   |
// |   empty, MOSQUITO/field-name-event         |                                                     | "unknown fields"            |
// | format-field-id, -id-2                     | S the id comes back as Last-Event-ID                | S4                          |
// | format-field-id-3                          | S notices keep the id before; P an id that is reset | S4, P "ids that are reset"  |
// | format-field-id-null                       | S no NUL in an id; P passes such an id over         | S1, P "unknown fields"      |
// | format-field-parsing, format-field-unknown | S sends four fields; P passes the others over       | S1, P "unknown fields"      |
// | format-field-retry, -retry-bogus, -empty   | S digits, in range; P has times of its own          | S1, P "unknown fields"      |
// | format-mime-bogus, -mime-valid-bogus       | S no answer without a stream is called one; P       | S5, P "wrong type"          |
// | format-mime-trailing-semicolon             | S the type; P                                       | S6, P "content type"        |
// | format-newlines                            | S LF alone, CR and LF in JSON; P                    | S1 S2, P "CR", "CRLF"...    |
// | format-null-character                      | S no NUL in data, as an escape it stays             | S1 S2                       |
// | format-utf-8, event-data                   | S always UTF-8, however long; P split anywhere      | S2, P "one byte"            |
// | request-accept, MOSQUITO/accept-header...  | S asks for no `Accept`                              | S4, S6                      |
// | request-cache-control                      | S no-store                                          | S6                          |
// | request-credentials                        | S takes none across origins                         | S7                          |
// | request-redirect                           | S sends none; P behind one                          | S5, P "redirects"           |
// | request-status-error                       | S 204, 404, 405, 409 and 400 stop for good; P       | S5, P "wrong type"          |
// | eventsource-cross-origin                   | S CORS                                              | S2 S7                       |
// | eventsource-cross-origin-preflight         | S lets a long or strange Last-Event-ID in           | S8 S9                       |
// | eventsource-reconnect                      | S resumes exactly                                   | S4, third-party.spec.js     |
// | eventsource-close (all), -request-         | S notices who leaves                                | S10                         |
// |   cancellation                             |                                                     |                             |
// | eventsource-constructor-non-same-origin    | S an origin that is not allowed                     | S7                          |
// | eventsource-url                            | S never sees a fragment, takes a query              | S10                         |
// | eventsource-onopen, MOSQUITO/user-agent-   | S the head is sent at once                          | S10                         |
// |   announce-connection                      |                                                     |                             |
// | eventsource-onmessage                      | S unnamed events                                    | S2                          |
// | eventsource-constructor-document-domain,   | the address is made from the document alone: no byte of ours decides        |
// |   -empty-url, -stringify, -url-bogus, -url-multi-window |                                                                |
// | eventsource-prototype, -readyState, -eventtarget, -onmessage-realm, -onmessage-trusted, interfaces: the object in the script  |
// | eventsource-bfcache                        | whether a page is kept is the browser's affair; ours listens to `pageshow`  |
// | eventsource-from-readable-stream*          | a service worker makes the stream, no server        |
// | dedicated-worker/*, shared-worker/*        | the same requests and bytes, from another global    |

import { expect, live, messages, say, test as base } from './fixtures.js';
import { WIDGET_KEY } from './server.js';
import { CUT, emptySite, Front, listen, Wire } from './wire.js';

const test = base.extend({
  // What Chromium writes of a stream that is refused, or taken away.
  networkErrors: true,

  /** A page of another site. */
  elsewhere: async ({ visit }, use) => {
    const site = await emptySite();
    await use(await visit({ origin: site.url, hydrated: false }));
    site.stop();
  },

  /** Something before the server that passes all on, until a test tells it otherwise. */
  front: async ({ server }, use) => {
    const front = await Front.start(server);
    await use(front);
    front.stop();
  },
});

/** JSON texts that could break a stream of lines, if anything could. */
const HOSTILE = [
  '{"type":"chat",\r\n"username":\r"Ann",\n\n"message_text":\t"a\\r\\nb"\r\r\n\n}',
  '"data: x\\n\\nid: 7\\nevent: evil\\nretry: 1\\ndata: y"',
  '{"\\ndata":[ ],":":1,"id":"a\\u0000b"}',
  '"\\u0000"',
  '"\\ud83d\\ude42 and \\uDBFF\\uDFFF"',
  '"\u2028 and \u2029 and \u0085"',
  '"\ufeffat the start, and \ufeff in the middle"',
  '"é 漢 🙂 𝄞 👩‍👩‍👧‍👦 \u{10ffff}"',
  '"\u007f ￿ \ufffd"',
  '" leading space"',
  '[\n\n\n]',
  'null',
  '0',
  `"${'🙂'.repeat(15_000)}"`,
  `["${'x'.repeat(59_000)}"]`,
  '"the last one"',
];

const subscription = (server, query = '') => `${server.url}/subscribe/1${query}`;
const envelope = ({ data }) => JSON.parse(data);
const broadcasts = (envelopes) => envelopes.filter(({ type }) => type === 'broadcast').map(({ message }) => message);

/** Asks for the history, as the user of an `init`. */
const request = (server, init) =>
  fetch(`${server.url}/publish/1?token=${init.message.token}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'request', widget_key: WIDGET_KEY }),
  });

test.describe('our server as the sender', () => {
  test('S1: whatever is published, the bytes are lines of retry, id and data, live and later', async ({ server }) => {
    const wire = await Wire.ask(subscription(server));
    const [init] = await wire.eventCount(1);
    const guest = await server.guest('Bob');
    for (const json of HOSTILE) await guest.send(json);
    await expect(guest.send('\ufeff1')).rejects.toThrow('JSON');
    await expect(guest.send('"\\ud800 and \\uDC00"')).rejects.toThrow('half of a surrogate pair, at "message"');
    const told = ({ data }) => data?.includes('the last one');
    await expect.poll(() => wire.events.filter(told).length).toBe(1);
    await request(server, envelope(init));
    // Another one comes, asks for everything, and is given the same again; and so is who comes back to the beginning.
    const [later, back] = await Promise.all(['', `?last_event_id=${envelope(init).message.position}`].map((query) => Wire.ask(subscription(server, query))));
    await request(server, envelope((await later.eventCount(1))[0]));
    for (const one of [later, back]) await expect.poll(() => one.events.filter(told).length).toBe(1);

    expect(init.retry, 'milliseconds').toMatch(/^\d+$/);
    expect(Number(init.retry)).toBeGreaterThanOrEqual(100);
    expect(Number(init.retry)).toBeLessThanOrEqual(10_000);
    expect(init.id, 'nothing was given yet').toBeUndefined();
    for (const one of [wire, later, back]) {
      // `events` refuses every other line, CR and NUL; `text` what is not UTF-8.
      expect(one.body.subarray(0, 6).toString('latin1')).toBe('retry:');
      expect(one.events.filter(({ retry }) => retry).length).toBe(1);
      for (const event of one.events) expect('id' in event, event.data.slice(0, 80)).toBe(/"type":"(broadcast|private|request)"/.test(event.data));
      one.close();
    }
    // White space between the tokens of JSON is removed. All else is byte for byte what was published.
    const compact = (json) => json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
    const texts = wire.events.filter(({ data }) => data.includes('"broadcast"'));
    expect(texts.length).toBe(HOSTILE.length);
    HOSTILE.forEach((json, n) => expect(texts[n].data).toContain(`"message":${compact(json)}`));
    const expected = HOSTILE.map((json) => JSON.parse(json));
    for (const one of [wire, back]) expect(broadcasts(one.events.map(envelope))).toEqual(expected);
    expect(envelope(later.events.find(told)).message.map(({ message }) => message)).toEqual(expected);
  });

  test('S2: an EventSource of another origin reads every payload as it was published, live and later', async ({ server, elsewhere }) => {
    const source = await listen(elsewhere, subscription(server));
    await expect.poll(async () => (await source.envelopes()).map(({ type }) => type)).toEqual(['init']);
    const [init] = await source.envelopes();
    const guest = await server.guest('Bob');
    for (const json of HOSTILE) await guest.send(json);
    const expected = HOSTILE.map((json) => JSON.parse(json));
    await expect.poll(async () => broadcasts(await source.envelopes()).length).toBe(expected.length);
    expect(broadcasts(await source.envelopes())).toEqual(expected);
    // By way of a query, as who comes back; and as the answer to a request.
    const back = await listen(elsewhere, subscription(server, `?last_event_id=${init.message.position}`));
    await expect.poll(async () => broadcasts(await back.envelopes()).length).toBe(expected.length);
    expect(broadcasts(await back.envelopes())).toEqual(expected);
    const later = await listen(elsewhere, subscription(server));
    await expect.poll(async () => (await later.envelopes()).length).toBeGreaterThan(0);
    await request(server, (await later.envelopes())[0]);
    const answer = async () => (await later.envelopes()).find(({ type }) => type === 'request');
    await expect.poll(async () => (await answer())?.message.map(({ message }) => message)).toEqual(expected);
    for (const one of [source, back, later]) {
      const { events, errors, opened } = await one.heard();
      expect([errors, opened]).toEqual([[], 1]);
      for (const { type, origin } of events) expect([type, origin]).toEqual(['message', server.url]);
    }
  });

  test('S3: a stop ends a stream after a whole event, and as HTTP wants it', async ({ server }) => {
    const guest = await server.guest('Bob');
    const wire = await Wire.ask(subscription(server));
    const sending = (async () => {
      // Until it is refused: the stop comes in the middle.
      for (let n = 0; ; n++) await guest.send(`"${n} ${'x'.repeat(20_000)}"`);
    })().catch(() => {});
    await expect.poll(() => wire.body.length).toBeGreaterThan(200_000);
    await server.stop();
    expect(await wire.end()).toBe('complete');
    await sending;
    expect(wire.text.endsWith('\n\n')).toBe(true);
    const numbers = broadcasts(wire.events.map(envelope)).map((message) => parseInt(message, 10));
    expect(numbers).toEqual(numbers.map((_, n) => n));
  });

  test('S4: who comes back says where they were, without asking first, and gets exactly the rest', async ({ server, front, elsewhere }) => {
    // It is to come back sooner than ours asks for.
    front.rewrite = (event) => event.replace(/^retry: \d+/, 'retry: 20');
    const guest = await server.guest('Bob');
    const source = await listen(elsewhere, subscription(front));
    const said = async () => broadcasts(await source.envelopes());
    const inits = async () => (await source.envelopes()).filter(({ type }) => type === 'init');
    await expect.poll(async () => (await inits()).length).toBe(1);
    expect((await source.envelopes())[0].lastEventId).toBe('');

    // Lost before any event: it was given a place right after `init` all the same, and asks for the history itself.
    front.cut();
    await expect.poll(async () => (await inits()).length).toBe(2);
    expect(front.subscriptions.at(-1).headers['last-event-id']).toMatch(/^[0-9a-z]+-0$/);
    await request(server, (await inits())[1]);
    await expect.poll(async () => (await source.envelopes()).some(({ type }) => type === 'request')).toBe(true);

    const expected = [];
    for (let round = 0; round < 3; round++) {
      for (const text of ['one', 'two']) {
        expected.push(`${text} of round ${round}`);
        await guest.send(JSON.stringify(expected.at(-1)));
      }
      await expect.poll(said).toEqual(expected);
      // A notice has no place of its own: its reader's stays.
      const notices = async () => (await source.envelopes()).filter(({ type }) => type === 'system').length;
      const before = await notices();
      (await Wire.ask(subscription(server))).close();
      await expect.poll(notices).toBeGreaterThanOrEqual(before + 2);
      const place = (await source.envelopes()).findLast(({ type }) => type === 'broadcast').lastEventId;
      expect((await source.envelopes()).at(-1)).toMatchObject({ type: 'system', lastEventId: place });

      const count = (await inits()).length;
      front.cut();
      expected.push(`while away ${round}`);
      await guest.send(JSON.stringify(expected.at(-1)));
      await expect.poll(async () => (await inits()).length).toBe(count + 1);
      expect((await inits()).at(-1).message.gap).toBe(false);
      const { headers } = front.subscriptions.at(-1);
      expect(headers).toMatchObject({ 'last-event-id': place, accept: 'text/event-stream', 'cache-control': 'no-cache' });
      await expect.poll(said).toEqual(expected);
    }
    // Its form is safe for CORS (at most 128 bytes, of harmless characters): else each return would cost two requests.
    expect(front.requests.filter(({ method }) => method === 'OPTIONS')).toEqual([]);
  });

  test.describe('addresses without a stream', () => {
    test.use({ provoked: /MIME type/ });

    test('S5: they say why in JSON, point nowhere else, and stop an EventSource for good', async ({ server, elsewhere }) => {
      const { id } = await server.administer('create', { name: 'over' });
      for (const change of ['prepare', 'start', 'end']) await server.administer(`${id}/${change}`);
      const rows = [
        [404, '/subscribe/77'],
        [404, '/subscribe/0'],
        [404, '/subscribe/-1'],
        [404, '/subscribe/one'],
        [404, '/subscribe/1/2'],
        [404, '/subscribe//1'],
        [404, '/subscribe/'],
        [404, '/subscribe'],
        [400, '/subscribe/%FF'],
        [204, `/subscribe/${id}`],
      ];
      for (const [status, path] of rows) {
        const wire = await Wire.ask(server.url + path, { headers: ['accept: text/event-stream', 'origin: http://elsewhere.example'] });
        expect(await wire.end(), path).toBe('complete');
        expect([path, wire.status], wire.text).toEqual([path, status]);
        expect(wire.headers).toMatchObject({ 'access-control-allow-origin': '*' });
        expect(wire.headers).not.toHaveProperty('location');
        if (status === 204) {
          expect(wire.body.length).toBe(0);
          expect(wire.headers).not.toHaveProperty('content-type');
        } else {
          expect(wire.headers['content-type']).toBe('application/json');
          expect(JSON.parse(wire.text)).toMatchObject({ code: status, message: expect.stringMatching(/\w+ \w+/) });
        }
        wire.close();
        const source = await listen(elsewhere, server.url + path);
        // CLOSED, at the first error: it does not come back.
        await expect.poll(async () => (await source.heard()).errors, path).toEqual([2]);
        expect(await source.heard()).toMatchObject({ state: 2, events: [], opened: 0 });
      }
      const posted = await Wire.ask(subscription(server), { method: 'POST', headers: ['content-length: 0'] });
      await posted.end();
      expect([posted.status, JSON.parse(posted.text).code, posted.headers.allow]).toEqual([405, 405, expect.stringContaining('GET')]);
      posted.close();
    });

    test('S5: a room that ends lets its readers go for good, after its last words', async ({ server, elsewhere }) => {
      const source = await listen(elsewhere, subscription(server));
      await expect.poll(async () => (await source.heard()).events.length).toBe(1);
      await (await server.guest('Bob')).send('"the last word"');
      await server.administer('1/end');
      await expect.poll(async () => (await source.heard()).state).toBe(2);
      const envelopes = await source.envelopes();
      expect(broadcasts(envelopes)).toEqual(['the last word']);
      expect(envelopes.at(-1)).toMatchObject({ type: 'system', message: { status: 'end' } });
    });
  });

  test('S6: the head of a stream', async ({ server }) => {
    for (const headers of [[], ['accept: text/event-stream'], ['accept: text/html'], ['accept-encoding: gzip, br', 'origin: http://elsewhere.example']]) {
      const wire = await Wire.ask(subscription(server), { headers });
      expect(wire.status).toBe(200);
      expect(wire.headers['content-type']).toMatch(/^text\/event-stream(; ?charset=utf-8)?$/i);
      expect(wire.headers['cache-control']).toContain('no-store');
      expect(wire.headers['access-control-allow-origin']).toBe('*');
      expect(wire.headers['x-accel-buffering']).toBe('no');
      for (const name of ['content-length', 'content-encoding', 'set-cookie', 'access-control-allow-credentials']) expect(wire.headers).not.toHaveProperty(name);
      await wire.eventCount(1);
      wire.close();
    }
  });

  test.describe('credentials and origins', () => {
    test.use({ provoked: /CORS policy/ });

    test('S7: no page of another origin reads as somebody who is signed in here', async ({ server, elsewhere }) => {
      // A visit leaves a cookie of our own in this browser.
      const ours = await elsewhere.context().newPage();
      await ours.goto(server.url);
      await live(ours);
      expect((await elsewhere.context().cookies(server.url)).length).toBe(1);
      const open = await listen(elsewhere, subscription(server), { withCredentials: false });
      const credentialed = await listen(elsewhere, subscription(server), { withCredentials: true });
      await expect.poll(async () => (await credentialed.heard()).errors).toEqual([2]);
      expect((await credentialed.heard()).events).toEqual([]);
      await expect.poll(async () => (await open.heard()).events.length).toBeGreaterThan(0);
      const [init] = await open.envelopes();
      const cookie = (await elsewhere.context().cookies(server.url))[0].value;
      const user = JSON.parse(Buffer.from(cookie.split('.')[1], 'base64url')).sub;
      expect(user).toBeTruthy();
      expect(init.message.user_id).not.toBe(user);
    });

    test.describe('with a list of origins', () => {
      test.use({ settings: ['--allowed-origins', 'http://elsewhere.example,http://other.example'] });

      test('S7: an origin that is not on it gets nothing, one that is on it is named', async ({ server, elsewhere }) => {
        const source = await listen(elsewhere, subscription(server));
        await expect.poll(async () => (await source.heard()).errors).toEqual([2]);
        expect((await source.heard()).events).toEqual([]);
        for (const [origin, allowed] of [
          ['http://elsewhere.example', 'http://elsewhere.example'],
          ['http://other.example', 'http://other.example'],
          ['http://third.example', undefined],
          ['null', undefined],
        ]) {
          const wire = await Wire.ask(subscription(server), { headers: [`origin: ${origin}`] });
          expect(wire.headers['access-control-allow-origin'], origin).toBe(allowed);
          expect(wire.headers.vary, 'else a cache gives one origin what another was told').toMatch(/origin/i);
          wire.close();
        }
      });
    });
  });

  test('S8: an id that CORS holds for unsafe is let in, and answered with a gap', async ({ server, front, elsewhere }) => {
    for (const strange of ['e5p3n<3k0k0s', 'a'.repeat(255), 'ünïcödé-… 🙂', 'x'.repeat(4_000)]) {
      // In place of the one that is given right after `init`.
      const isPlace = (event) => event.startsWith('id: ') && !event.includes('data: ');
      front.rewrite = (event) => (isPlace(event) ? event.replace(/^id: .*/, `id: ${strange}\nretry: 20`) : event);
      const source = await listen(elsewhere, subscription(front));
      const gaps = async () => (await source.envelopes()).filter(({ type }) => type === 'init').map(({ message: { gap } }) => gap);
      await expect.poll(gaps).toEqual([false]);
      front.cut();
      await expect.poll(gaps).toEqual([false, true]);
      await source.close();
      const sent = front.subscriptions.at(-1).headers['last-event-id'];
      expect(Buffer.from(sent, 'latin1').toString()).toBe(strange);
    }
    // The Fetch standard has a browser ask first. Chromium (156) does not yet.
    const preflight = ['origin: http://elsewhere.example', 'access-control-request-method: GET', 'access-control-request-headers: last-event-id'];
    const wire = await Wire.ask(subscription(server), { method: 'OPTIONS', headers: preflight });
    expect(await wire.end()).toBe('complete');
    expect([200, 204]).toContain(wire.status);
    expect(wire.headers['access-control-allow-origin']).toBe('*');
    expect(wire.headers['access-control-allow-methods']).toContain('GET');
    expect(wire.headers['access-control-allow-headers'].toLowerCase().split(/, ?/)).toContain('last-event-id');
    wire.close();
  });

  test('S9: whatever stands in Last-Event-ID, there is a stream, and a gap is said', async ({ server }) => {
    const guest = await server.guest('Bob');
    const wire = await Wire.ask(subscription(server));
    const [init] = await wire.eventCount(1);
    await guest.send('"one"');
    await guest.send('"two"');
    await expect.poll(() => broadcasts(wire.events.map(envelope)).length).toBe(2);
    wire.close();
    const start = envelope(init).message.position;
    const epoch = start.replace(/-\d+$/, '');
    const seq = Number(start.replace(/^.*-/, ''));
    const bytes = (text) => Buffer.from(text).toString('latin1');
    // A gap, and what is said again.
    const fresh = [false, []];
    const gap = [true, []];
    const rest = [false, ['two']];
    const rows = [
      [undefined, undefined, fresh],
      [undefined, start, [false, ['one', 'two']]],
      [`${epoch}-${seq + 1}`, undefined, rest],
      [undefined, `${epoch}-${seq + 1}`, rest],
      // The header wins: the address is the one of the first time.
      [`${epoch}-${seq + 1}`, start, rest],
      [`${epoch}-${seq + 1}`, 'nonsense', rest],
      ['nonsense', start, gap],
      // An empty one is none.
      ['', undefined, fresh],
      ['', `${epoch}-${seq + 1}`, rest],
      [undefined, '', fresh],
      [`${epoch}-${seq + 2}`, undefined, fresh],
      [`${epoch}-${seq + 3}`, undefined, gap],
      [`${epoch}-99999999999999999999999`, undefined, gap],
      [`${epoch}--1`, undefined, gap],
      [`${epoch}-1.5`, undefined, gap],
      [`${epoch}-`, undefined, gap],
      [`-${seq}`, undefined, gap],
      [`other-${seq}`, undefined, gap],
      [`${epoch}-${seq + 1}, ${epoch}-${seq}`, undefined, gap],
      ['0', undefined, gap],
      ['<script>', undefined, gap],
      [bytes('é漢🙂'), undefined, gap],
      ['\xff\xfe', undefined, gap],
      ['a\tb', undefined, gap],
      ['x'.repeat(8_000), undefined, gap],
      [undefined, 'é漢🙂', gap],
      [undefined, '\0', gap],
      [undefined, 'x\r\n\r\nid: 1', gap],
      [undefined, 'x'.repeat(8_000), gap],
      [undefined, Buffer.of(0xff), gap],
    ];
    for (const [header, query, expected] of rows) {
      const encoded = Buffer.isBuffer(query) ? `%${query.toString('hex')}` : encodeURIComponent(query);
      const path = query === undefined ? '' : `?last_event_id=${encoded}`;
      const headers = header === undefined ? [] : [`last-event-id: ${header}`];
      const name = JSON.stringify([header, query]).slice(0, 100);
      const one = await Wire.ask(subscription(server, path), { headers });
      expect(one.status, name).toBe(200);
      const [{ message }] = (await one.eventCount(1)).map(envelope);
      const said = () => broadcasts(one.events.map(envelope));
      await expect.poll(said, name).toEqual(expected[1]);
      // Somebody who comes is told of after all that: so nothing more is under way.
      const next = await Wire.ask(subscription(server));
      await expect.poll(() => one.text, name).toContain('"status":"join"');
      expect([message.gap, said()], name).toEqual(expected);
      for (const each of [one, next]) each.close();
    }
    // What is no header at all gets no stream: NUL in it (RFC 9110 5.5), and one without end.
    for (const [status, value] of [
      [400, 'a\0b'],
      [431, 'x'.repeat(1_000_000)],
    ]) {
      const one = await Wire.ask(subscription(server), { headers: [`last-event-id: ${value}`] });
      expect(one.status).toBe(status);
      one.close();
    }
    const [{ data }] = await (await Wire.ask(subscription(server, `?last_event_id=${start}`))).eventCount(3);
    expect(envelope({ data }).message.gap).toBe(false);
  });

  test('S10: a reader is noticed when they come, and when they go; a fragment stays with them', async ({ server, front, elsewhere }) => {
    const wire = await Wire.ask(subscription(server));
    const notices = () => wire.events.map(envelope).flatMap(({ type, message }) => (type === 'system' ? [[message.status, message.viewer_count]] : []));
    await wire.eventCount(1);
    const source = await listen(elsewhere, subscription(front, '?a=b#fragment'));
    await expect.poll(notices).toEqual([['join', 2]]);
    // It is open before anything is said.
    await expect.poll(async () => (await source.heard()).opened).toBe(1);
    expect(front.subscriptions.at(-1).url).toBe('/subscribe/1?a=b');
    await source.close();
    await expect.poll(notices).toEqual([['join', 2], ['leave', 1]]);
    await listen(elsewhere, subscription(server));
    await expect.poll(notices).toHaveLength(3);
    await elsewhere.reload();
    await expect.poll(notices).toEqual([['join', 2], ['leave', 1], ['join', 2], ['leave', 1]]);
    wire.close();
  });
});

/** What is said to our page, and what it must show. */
const TEXTS = [
  'plain',
  'two\nlines',
  'é 漢 🙂 𝄞 👩‍👩‍👧‍👦',
  '\u2028 and \ufeff within',
  'data: x\n\nid: 7',
  '🙂'.repeat(500),
];

const shown = (page) => page.locator('#list .message .text').evaluateAll((rows) => rows.map((row) => row.textContent));
const lines = (event) => event.trimEnd().split('\n');
const event = (lines) => [...lines, '', ''].join('\n');
const numbered = (ends) => (text) => text.split('\n').reduce((all, line, n) => all + ends[(n - 1) % ends.length] + line);
/** The data of an event as JSON over many lines, which is the same JSON. */
const spread = (prefix, indent) => (text) =>
  event(
    lines(text).flatMap((line) =>
      line.startsWith('data: ') ? JSON.stringify(JSON.parse(line.slice(6)), null, indent).split('\n').map((line) => prefix + line) : [line],
    ),
  );
const NOISE = ['foo: bar', 'Data: no', 'data\0: no', 'datas: no', ' data: no', '\0data: no', 'da ta: no', ': data: no', 'id: 9\0', 'retry: soon', 'retry: 1x', 'retry', 'id\0', 'event'];

const FRONTS = [
  ['a byte order mark first', { rewrite: (text, n) => (n === 0 ? `\ufeff${text}` : text) }],
  ['CRLF line ends', { rewrite: (text) => text.replaceAll('\n', '\r\n') }],
  ['CR line ends', { rewrite: (text) => text.replaceAll('\n', '\r') }],
  ['mixed line ends', { rewrite: numbered(['\r\n', '\n', '\r']) }],
  ['a CRLF in two pieces', { rewrite: (text) => text.split(/(?<=\n)/).flatMap((line) => [line.replace('\n', '\r'), '\n']) }],
  ['one byte at a time', { rewrite: (text) => Array.from(Buffer.from(text), (byte) => Buffer.of(byte)) }],
  ['comments and empty lines between', { rewrite: (text) => [':\n\n', `\n\n: é 🙂\n:data: no\n${text.replace(/\n(?=.)/g, '\n: between\n:\n')}`, ':\n\n\n'] }],
  ['unknown fields, and known ones with nonsense', { rewrite: (text) => event([...NOISE, ...lines(text).flatMap((line) => [line, ...NOISE])]) }],
  ['no space after the colon', { rewrite: (text) => text.replace(/^(\w+): /gm, '$1:') }],
  ['data over many lines', { rewrite: spread('data:   ', 2) }],
  ['the explicit type `message`, and the id last', { rewrite: (text) => event(['event: message', ...lines(text).reverse()]) }],
  ['events of other types beside', { rewrite: (text) => [text.replace('data:', 'event: other\ndata:').replace(/^id: .*\n/, ''), text] }],
  ['a content type with a parameter', { head: (headers) => ({ ...headers, 'content-type': 'Text/Event-Stream;' }) }],
  [
    'redirects of every kind',
    {
      answer: ({ url }, response) => {
        const [, , step = '', rest] = /^(\/moved-(\d+))?(\/subscribe\/.*)$/.exec(url) ?? [];
        const status = { '': 301, 301: 302, 302: 303, 303: 307 }[step];
        if (!rest || !status) return false;
        response.writeHead(status, { location: `/moved-${status}${rest}` }).end();
        return true;
      },
    },
  ],
];

test.describe('our page as the reader', () => {
  for (const [name, hooks] of FRONTS) {
    test(`P: ${name}: it shows the same`, async ({ visit, server, front }) => {
      Object.assign(front, hooks);
      const page = await visit({ origin: front.url });
      await live(page);
      expect(front.subscriptions.length).toBeGreaterThan(0);
      const guest = await server.guest('Bob');
      for (const text of TEXTS) await guest.say(text);
      await expect(messages(page)).toHaveCount(TEXTS.length);
      await say(page, 'and an answer', 'Ann');
      await expect.poll(() => shown(page)).toEqual([...TEXTS, 'and an answer']);
      await expect(page.getByText('1 watching')).toBeVisible();
    });
  }

  test('P: ids that are reset do not make it forget its place', async ({ visit, server, front }) => {
    front.rewrite = (text) => (text.includes('id: ') ? text : `id\n${text}`);
    const page = await visit({ origin: front.url });
    await live(page);
    const guest = await server.guest('Bob');
    await guest.say('one');
    await guest.say('two');
    // A notice, and with it the reset, comes after them.
    (await Wire.ask(subscription(server))).close();
    await expect.poll(() => shown(page)).toEqual(['one', 'two']);
    front.cut();
    await guest.say('three');
    await expect.poll(() => shown(page)).toEqual(['one', 'two', 'three']);
    expect(front.subscriptions.at(-1).url).toMatch(/last_event_id=\w+-\d+$/);
    await expect(page.getByText('Some messages may be missing here')).toBeHidden();
  });

  test('P: a message that is cut off before its empty line is shown once, when it is whole', async ({ visit, server, front }) => {
    const cuts = [
      (text) => [text.slice(0, -1), CUT],
      (text) => [Buffer.from(text).subarray(0, Buffer.from(text).indexOf(Buffer.from('🙂')) + 2), CUT],
      (text) => [text.slice(0, text.indexOf('data:')), CUT],
    ];
    front.rewrite = (text) => (text.includes('broadcast') ? (cuts.shift() ?? ((text) => text))(text) : text);
    const page = await visit({ origin: front.url });
    await live(page);
    const guest = await server.guest('Bob');
    for (const text of ['🙂 one', '🙂 two']) await guest.say(text);
    await expect.poll(() => shown(page)).toEqual(['🙂 one', '🙂 two']);
    expect(cuts).toEqual([]);
    await guest.say('three');
    await expect.poll(() => shown(page)).toEqual(['🙂 one', '🙂 two', 'three']);
  });

  test.describe('a front that fails', () => {
    test.use({ provoked: /MIME type/ });

    test('P: an answer of the wrong type or status is asked for again, until there is a stream', async ({ visit, server, front }) => {
      const failures = [
        [200, 'text/html'],
        [503, 'text/event-stream'],
      ];
      front.answer = ({ url, headers }, response) => {
        if (!url.startsWith('/subscribe/') || failures.length === 0) return false;
        // The page asks once more, with `fetch`, why there is no stream.
        const [status, type] = headers.accept === 'text/event-stream' ? failures.shift() : [503, 'text/html'];
        response.writeHead(status, { 'content-type': type });
        response.end('data: {"type":"broadcast","id":"000000000001","message":{"username":"Eve","message_text":"no"}}\n\n');
        return true;
      };
      const page = await visit({ origin: front.url });
      await expect(page.getByRole('status').filter({ hasText: /Reconnecting/ })).toBeVisible();
      await (await server.guest('Bob')).say('there');
      await expect.poll(() => shown(page)).toEqual(['there']);
      await live(page);
      expect(failures).toEqual([]);
    });
  });
});
