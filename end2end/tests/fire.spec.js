import { atBottom, expect, live, messages, test } from './fixtures.js';
import { fire, holdWasm, latency, memory, timeKeys, watchRows } from './fire.js';

/** A minute with LIVE_CHAT_LONG=1, else as long as it takes to fill the list and then let go of hundreds of its rows. */
const SECONDS = process.env.LIVE_CHAT_LONG === '1' ? 60 : 9;

// What Playwright writes down for a trace is work in the page, and memory.
test.use({ trace: 'off' });

test('under fire', async ({ visit, server }, testInfo) => {
  test.setTimeout(SECONDS * 4_000 + 30_000);
  const page = await visit({ prepare: holdWasm });
  const other = await visit();
  for (const each of [page, other]) await live(each);
  const watches = [await watchRows(page), await watchRows(other)];
  await page.getByLabel('Username').fill('Ann');
  await page.getByLabel('Message', { exact: true }).focus();
  await timeKeys(page);
  const firing = fire(server, { seconds: SECONDS });
  let over = false;
  const fired = firing.finally(() => (over = true));
  const typed = [];
  const marks = [];
  const begin = performance.now();
  while (!over) {
    const line = `typed line ${typed.length} in the middle of it`;
    await page.keyboard.type(line, { delay: 50 });
    await page.keyboard.press('Enter');
    typed.push(line);
    for (const watch of watches) await watch.take();
    if (performance.now() - begin > (marks.length+1) * 3000) {
      marks.push({ ...(await memory(page)), rows: (await watches[0].take()).rows.length });
      console.log(JSON.stringify(marks.at(-1)));
    }
  }
  await fired;
  console.log(typed.length, await fired.then((x) => x.perSecond), await latency(page));
  await page.waitForTimeout(1000);
  for (const watch of watches) { const r = await watch.take(); console.log(r.rows.length, r.faults.length, r.astray); }
  console.log(await memory(page), (await server.log()).length);
});
