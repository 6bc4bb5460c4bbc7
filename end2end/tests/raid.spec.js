import { atBottom, expect, live, messages, test } from './fixtures.js';
import { ADMIN_PASSWORD } from './server.js';
import { fire, holdWasm, latency, memory, timeKeys, watchPlace } from './fire.js';

const LONG = process.env.LIVE_CHAT_LONG === '1';

// What Playwright writes down for a trace is work in the page, and memory.
test.use({ trace: 'off' });

const field = (page) => page.getByLabel('Message', { exact: true });

test('a raid leaves alone those who look around or point at somebody, and who is pointed at is who is moderated', async ({ visit, server }) => {
  const seconds = LONG ? 60 : 6;
  test.setTimeout(seconds * 5_000 + 60_000);
  const target = await server.guest('Target');
  await target.say('long ago');
  await server.fill(60);
  await target.say('point at me');
  const [reader, pointing, typing] = [await visit(), await visit({ path: '/admin', hydrated: false }), await visit()];
  await pointing.getByLabel('Password').fill(ADMIN_PASSWORD);
  await pointing.getByRole('button', { name: 'Sign in' }).click();
  await pointing.getByRole('link', { name: 'Live chat' }).click();
  const overlay = await visit({ path: '/overlay/1?fade=0' });
  for (const page of [reader, pointing, typing]) await live(page);
  await reader.getByRole('log').evaluate((log) => log.scrollTo({ top: log.scrollHeight / 2, behavior: 'instant' }));
  await watchPlace(reader);
  const row = messages(pointing).filter({ hasText: 'point at me' });
  const options = row.getByRole('button', { name: 'Options for the message of Target' });
  await row.hover();
  await options.hover();
  const place = () => row.evaluate((row) => row.getBoundingClientRect().top);
  const before = await place();

  const firing = fire(server, { seconds, perSecond: LONG ? 100 : 50, authors: 30 });
  await field(typing).pressSequentially('somebody types all the while', { delay: 50 });
  expect(await place()).toBe(before);
  await options.click();
  await pointing.getByRole('dialog', { name: 'Options for the message' }).getByRole('button', { name: 'Moderate' }).click();
  await pointing.getByRole('dialog', { name: 'Moderate Target' }).getByRole('button', { name: 'Delete all their messages' }).click();
  await expect(pointing.getByRole('dialog')).toBeHidden();
  const { texts: fired } = await firing;
  await expect(field(typing)).toHaveValue('somebody types all the while');
  const log = await server.log();
  const filled = Array.from({ length: 60 }, (_, n) => `message ${n + 1}`);
  expect(log.map(({ text }) => text).sort(), 'all but the messages of Target').toEqual([...filled, ...fired.flat()].sort());
  for (const page of [pointing, typing, overlay]) await expect(messages(page).last()).toHaveId(log.at(-1).id);
  expect(await atBottom(typing)).toBe(true);
  expect(await messages(typing).evaluateAll((rows) => rows.map((row) => row.id))).toEqual(log.slice(-300).map(({ id }) => id));
  const { lost, furthest } = await reader.evaluate(() => Object.assign(window.place, { over: true }));
  expect(lost).toBe(0);
  expect(furthest).toBeLessThanOrEqual(1);
});

/** Begins to count frames. One that takes three times as long as it should has dropped two. */
const watchFrames = (page) =>
  page.evaluate(() => {
    const frames = (window.paints = { shown: 0, dropped: 0, longest: 0 });
    let before = performance.now();
    const frame = (now) => {
      frames.shown++;
      frames.dropped += Math.max(0, Math.round((now - before) / (1_000 / 60)) - 1);
      frames.longest = Math.max(frames.longest, Math.round(now - before));
      before = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });

// A measurement, for `README.md`: how long keys take, frames and memory depend on the machine.
for (const [perSecond, seconds] of [
  [200, 30],
  [100, 60],
]) {
  test(`measured: ${perSecond} messages a second for ${seconds} s`, async ({ visit, server }) => {
    test.skip(!LONG, 'LIVE_CHAT_LONG=1 measures');
    test.setTimeout(seconds * 4_000 + 60_000);
    const page = await visit({ prepare: holdWasm });
    await live(page);
    await page.getByLabel('Username').fill('Ann');
    await field(page).focus();
    await timeKeys(page);
    await watchFrames(page);
    let over = false;
    const firing = fire(server, { seconds, perSecond, authors: 40 }).finally(() => (over = true));
    for (let lines = 1; !over; lines++) {
      await page.keyboard.type('typed in the middle of a raid, ', { delay: 50 });
      if (lines % 10 === 0) await field(page).fill('');
    }
    const { perSecond: rate } = await firing;
    const frames = await page.evaluate(() => window.paints);
    const keys = await latency(page);
    expect(await messages(page).count()).toBe(300);
    console.log(JSON.stringify({ rate: Math.round(rate), frames, keys, held: await memory(page) }));
  });
}
