import { setTimeout as sleep } from 'node:timers/promises';

/** Messages as people write them: short and long, with links, with letters of one to four bytes. */
const WORDS = ['yes!', 'see https://example.com/a?b=1 for more', 'שלום 👋🏽 مرحبا', 'a sentence that goes on. '.repeat(8), '🙂'.repeat(30)];

/**
 * Says `perSecond` messages a second for so many seconds, from outside, under several names; resolves to the texts by author,
 * each acknowledged, and the rate that came of it. What is not acknowledged is said again with the same id. Each author waits
 * for their answers, so that their own messages have an order; who is late, because the server was away, catches up.
 */
export async function fire(server, { seconds, perSecond = 100, authors = 5, name = 'Author' }) {
  const guests = await Promise.all(Array.from({ length: authors }, (_, n) => server.guest(`${name} ${n}`)));
  const begin = performance.now();
  const texts = await Promise.all(
    guests.map(async (guest, author) => {
      const said = [];
      for (let n = author; n < seconds * perSecond; n += authors) {
        await sleep(Math.max(0, begin + (n * 1_000) / perSecond - performance.now()));
        const text = `${name} ${author}, ${n}: ${WORDS[n % WORDS.length]}`.trim();
        await insist(() => guest.say(text, `${name}-${author}-${n}`));
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
    const press = (event) => {
      key = keys.pressed++;
      stamp = event.timeStamp;
      time();
    };
    addEventListener('keydown', press, { capture: true });
    addEventListener('input', time, { capture: true });
  });

/**
 * How long keys took, in milliseconds. What counts is the 95th percentile: of each twenty the slowest is passed over, since with
 * others at work on the machine some will wait for a processor. A page that is slow once a second does not get away with it, as
 * fifteen or so are typed in that time.
 */
export async function latency(page) {
  const { pressed, durations } = await page.evaluate(() => window.keys);
  const timed = durations.filter((duration) => duration !== null).sort((a, b) => b - a);
  const rank = (share) => timed[Math.floor(timed.length * share)];
  return { pressed, timed: timed.length, slowest: timed[0], p98: rank(0.02), p95: rank(0.05), median: rank(0.5) };
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
  const { usedSize, backingStorageSize } = await cdp.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners: listeners } = await cdp.send('Memory.getDOMCounters');
  const wasm = await page.evaluate(() => window.wasm.buffer.byteLength);
  await cdp.detach();
  return { heap: usedSize + backingStorageSize, wasm, nodes, listeners };
}

/**
 * Begins to follow the first row that is wholly in view, once it stands still: how far its end is from there after each frame.
 * (Its end: above its beginning a name or a day may come, when the row before it goes.)
 */
export const watchPlace = (page) =>
  page.evaluate(async () => {
    const log = document.getElementById('log');
    const top = (element) => element.getBoundingClientRect().top;
    const end = (row) => row.getBoundingClientRect().bottom;
    // By its id: a row that looks different from now on is another element.
    const find = () => [...document.querySelectorAll('#list > .message')].find((row) => top(row) >= top(log)).id;
    const painted = () =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        requestAnimationFrame(() => port2.postMessage(0));
      });
    let id = find();
    let before = NaN;
    for (let still = 0; still < 5; ) {
      await painted();
      const row = document.getElementById(id);
      const now = row && end(row);
      still = now === before ? still + 1 : 0;
      before = now;
      if (still === 0) id = find();
      if (still === 0) before = end(document.getElementById(id));
    }
    const place = (window.place = { frames: 0, lost: 0, furthest: 0 });
    (async () => {
      while (!place.over) {
        await painted();
        const row = document.getElementById(id);
        place.frames++;
        if (row) place.furthest = Math.max(place.furthest, Math.abs(end(row) - before));
        else place.lost++;
      }
    })();
  });
