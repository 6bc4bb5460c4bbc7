import { setTimeout as sleep } from 'node:timers/promises';

/** Messages as people write them: short and long, with links, with letters of one to four bytes. */
const WORDS = ['yes!', 'see https://example.com/a?b=1 for more', 'שלום 👋🏽 مرحبا', 'a sentence that goes on. '.repeat(8), '🙂'.repeat(30)];

/**
 * Says `perSecond` messages a second for so many seconds, from outside, under several names; resolves to the texts, each
 * acknowledged. What is not acknowledged is said again with the same id. Each author waits for their answers, so that
 * their own messages have an order; who is late, because the server was away, catches up as fast as they can.
 */
export async function fire(server, { seconds, perSecond = 100, authors = 5 }) {
  const guests = await Promise.all(Array.from({ length: authors }, (_, n) => server.guest(`Author ${n}`)));
  const begin = performance.now();
  const texts = await Promise.all(
    guests.map(async (guest, author) => {
      const said = [];
      for (let n = author; n < seconds * perSecond; n += authors) {
        await sleep(Math.max(0, begin + (n * 1_000) / perSecond - performance.now()));
        const text = `${author}/${n} ${WORDS[n % WORDS.length]}`.trim();
        await insist(() => guest.say(text, `fire-${author}-${n}`));
        said.push(text);
      }
      return said;
    }),
  );
  return { texts, perSecond: texts.flat().length / ((performance.now() - begin) / 1_000) };
}

/** Repeats `attempt` for as long as the server is away or stops. */
async function insist(attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      // `fetch` itself throws a TypeError, a body that is cut off a SyntaxError or a TypeError; an answer has a code.
      if (error.code !== undefined && error.code !== 503) throw error;
      await sleep(50);
    }
  }
}

/**
 * Begins to write down each row that a page's list shows. After every change the list must be what it was, less some rows
 * at its beginning, and then new rows: so no row comes in between, and none goes out of order. The page keeps only the rows
 * which nobody took yet, so that its memory stays its own. Also counts the frames whose end was not in view.
 */
export async function watchRows(page) {
  await page.evaluate(() => {
    const list = document.getElementById('list');
    const log = document.getElementById('log');
    let shown = [];
    const watch = (window.watch = { fresh: [], faults: [], astray: 0 });
    const look = () => {
      const rows = [...list.children];
      const ids = rows.map((row) => row.id);
      const gone = ids.length ? shown.indexOf(ids[0]) : 0;
      const kept = gone < 0 ? [] : shown.slice(gone);
      if (shown.length > 0 && (kept.length === 0 || kept.some((id, n) => id !== ids[n]))) {
        watch.faults.push(`${shown} became ${ids}`);
      }
      for (const row of rows.slice(kept.length)) watch.fresh.push({ id: row.id, text: row.querySelector('.text').textContent });
      shown = ids;
    };
    look();
    new MutationObserver(look).observe(list, { childList: true });
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      watch.astray += Number(log.scrollHeight - log.scrollTop - log.clientHeight > 24);
      requestAnimationFrame(after);
    };
    // A task that a frame asks for runs when the frame is painted.
    const after = () => port2.postMessage(0);
    requestAnimationFrame(after);
  });
  const rows = [];
  const take = async () => {
    const { fresh, faults, astray } = await page.evaluate(() => ({ ...window.watch, fresh: window.watch.fresh.splice(0) }));
    rows.push(...fresh);
    return { rows, faults, astray };
  };
  return { take };
}

/**
 * Begins to time keys, each from its press (as the browser's own process stamped it) until the frame with its letter is done:
 * to the first task after the first frame after `input`. All are timed. The Event Timing API, which times the same, is not
 * asked: a headless Chromium of today tells of the first keys alone while nothing but the text changes.
 */
export const timeKeys = (page) =>
  page.evaluate(() => {
    const keys = (window.keys = { pressed: 0, durations: [] });
    let key = -1;
    let stamp = 0;
    const time = () => {
      const [index, from] = [key, stamp];
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => (keys.durations[index] = Math.round(performance.now() - from));
        port2.postMessage(0);
      });
    };
    addEventListener('keydown', (event) => time((key = keys.pressed++), (stamp = event.timeStamp)), { capture: true });
    addEventListener('input', time, { capture: true });
  });

/**
 * The slowest key in milliseconds, but that of each fifty the slowest is passed over: the web's own measure of input latency
 * (Interaction to Next Paint) is taken so. One hiccup of a busy machine is no verdict; a page that is slow once a second is.
 */
export async function latency(page) {
  const { pressed, durations } = await page.evaluate(() => window.keys);
  const timed = durations.filter((duration) => duration !== null);
  timed.sort((a, b) => b - a);
  return { pressed, timed: timed.length, slowest: timed.slice(0, 5), median: timed[timed.length >> 1], counted: timed[Math.floor(pressed / 50)] };
}

/** Keeps hold of the memory of a page's WebAssembly; for `visit`'s `prepare`. */
export const holdWasm = () => {
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name].bind(WebAssembly);
    WebAssembly[name] = async (...args) => {
      const result = await original(...args);
      window.wasm = (result.instance ?? result).exports.memory;
      return result;
    };
  }
};

/** What a page holds when all garbage is collected: bytes of JavaScript's heap and of WebAssembly, DOM nodes, listeners. */
export async function memory(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.enable');
  // The second time takes what only the first let go of.
  for (let n = 0; n < 2; n++) await cdp.send('HeapProfiler.collectGarbage');
  const heap = await cdp.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await cdp.send('Memory.getDOMCounters');
  const wasm = await page.evaluate(() => window.wasm.buffer.byteLength);
  await cdp.detach();
  return { heap: heap.usedSize, embedder: heap.embedderHeapUsedSize, backing: heap.backingStorageSize, nodes, listeners: jsEventListeners, wasm };
}
