import AxeBuilder from '@axe-core/playwright';
import { expect, messages, test, texts } from './fixtures.js';
import { ADMIN_KEY } from './server.js';

/** What was said in room 2, by the seconds since its start. */
const said = { 0: 'first', 5: 'second', 70: 'third', 600: 'last' };

/** Imports a room in which that was said. */
async function record(server, lines) {
  const line = ([seconds, text]) => {
    const sent_at = new Date(Date.UTC(2025, 10, 21, 20) + seconds * 1_000).toISOString();
    return JSON.stringify({ sent_at, author_id: 'ann', message: { username: 'Ann', message_text: text } });
  };
  const response = await fetch(`${server.url}/v1/streams/import?name=Recorded`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    body: lines.map(line).join('\n'),
  });
  expect(response.status).toBe(200);
}

test.beforeEach(({ server }) => record(server, Object.entries(said)));

const replay = (at) => ({ path: `/rooms/2/replay?at=${at}` });
const button = (page, name) => page.getByRole('button', { name, exact: true });
const slider = (page) => page.getByRole('slider', { name: 'Position' });
const moment = (page) => page.locator('.replay .moment');
const violations = async (page) => (await new AxeBuilder({ page }).analyze()).violations;

/** Opens the replay at a moment, with the player in its place. */
async function open(visit, at, options = {}) {
  const page = await visit({ ...replay(at), ...options });
  await expect(button(page, 'Play')).toBeVisible();
  return page;
}

test('a moment is reached by steps and by its time, without JavaScript', async ({ visit }) => {
  const page = await visit({ ...replay(0), javaScriptEnabled: false, hydrated: false });
  expect(await texts(page)).toEqual(['first']);
  await page.getByRole('link', { name: 'Next message' }).click();
  expect(await texts(page)).toEqual(['first', 'second']);
  await page.getByRole('link', { name: '+10 s' }).click();
  expect(await texts(page)).toEqual(['first', 'second']);
  await expect(page.getByText('0:15 / 10:00')).toBeVisible();
  await page.getByRole('link', { name: 'Next message' }).click();
  expect(await texts(page)).toEqual(['first', 'second', 'third']);
  await page.getByRole('link', { name: '−10 s' }).click();
  expect(await texts(page)).toEqual(['first', 'second']);
  await expect(slider(page)).toHaveAttribute('aria-valuetext', '1 minute');
  await slider(page).press('End');
  await button(page, 'Go').click();
  expect(await texts(page)).toEqual(Object.values(said));
  await expect(page.getByText('10:00 / 10:00')).toBeVisible();
  for (const name of ['Next message', '+10 s']) await expect(page.getByRole('link', { name })).toHaveCount(0);
  await page.goto(new URL('?lang=de&at=70', page.url()).href);
  await page.getByRole('slider', { name: 'Position' }).press('Home');
  await button(page, 'Los').click();
  await expect(page).toHaveURL(/\?lang=de&at=0$/);
});

for (const [width, height] of [[1280, 800], [740, 340], [390, 844], [360, 640]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`the player fits a ${colorScheme} window of ${width} by ${height} pixels in one row, and is accessible`, async ({ visit }) => {
      const page = await open(visit, 70, { viewport: { width, height }, colorScheme });
      await expect(messages(page)).toHaveCount(3);
      const controls = ['Play', '−10 s', '+10 s', 'Next message'].map((name) => button(page, name));
      controls.push(page.getByRole('combobox', { name: 'Speed' }));
      const boxes = await Promise.all(controls.map((control) => control.boundingBox()));
      for (const box of boxes) {
        expect(Math.abs(box.y + box.height / 2 - boxes[0].y - boxes[0].height / 2)).toBeLessThanOrEqual(1);
        expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(44);
      }
      expect((await slider(page).boundingBox()).width).toBeGreaterThan(150);
      await expect(page.getByRole('navigation', { name: 'Replay' })).toBeInViewport({ ratio: 1 });
      await expect(messages(page).last()).toBeInViewport();
      await expect(page.getByText('This chat has ended')).toBeInViewport({ ratio: 1 });
      const overflow = await page.evaluate(() => {
        const { scrollWidth, scrollHeight } = document.documentElement;
        return [scrollWidth - innerWidth, scrollHeight - innerHeight];
      });
      expect(overflow).toEqual([0, 0]);
      expect(await violations(page)).toEqual([]);
    });
  }
}

test('it begins at the beginning, and its player takes the place of the links', async ({ visit }) => {
  const page = await visit({ path: '/rooms/2/replay' });
  await expect(slider(page)).toHaveValue('0');
  await expect(slider(page)).toHaveAttribute('aria-valuetext', '0 seconds');
  await expect(button(page, 'Play')).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Replay' })).toHaveCount(1);
  await expect(page.getByRole('link', { name: 'Next message' })).toHaveCount(0);
  expect(await texts(page)).toEqual(['first']);
});

test('before the first message it says when that comes, and leads there', async ({ visit, server }) => {
  // What is hidden from the replay leaves a gap at its beginning.
  const { data } = await (await fetch(`${server.url}/v1/streams/2/messages`)).json();
  for (const { id } of data.slice(0, 2)) await server.administer(`2/messages/${id}`, {}, 'DELETE');
  const plain = await visit({ ...replay(0), javaScriptEnabled: false, hydrated: false });
  await plain.getByRole('link', { name: 'First message at 1:10' }).click();
  expect(await texts(plain)).toEqual(['third']);
  const page = await open(visit, 0);
  const first = button(page, /^First message at .?1:10.?$/);
  await first.click();
  await expect.poll(() => texts(page)).toEqual(['third']);
  await expect(slider(page)).toHaveValue('70');
  await expect(first).toBeHidden();
  await slider(page).press('Home');
  await expect(first).toBeVisible();
});

test('a link leads from the replay to the chat', async ({ visit }) => {
  for (const [room, words] of [[1, 'This chat is live now.'], [2, 'This chat has ended.']]) {
    const page = await visit({ path: `/rooms/${room}/replay?lang=en` });
    await expect(page.getByText(words)).toBeVisible();
    await page.getByRole('link', { name: 'Go to the chat' }).click();
    await expect(page).toHaveURL(new RegExp(`/rooms/${room}\\?lang=en`));
  }
});

test('keys lead anywhere, without a new page', async ({ visit }) => {
  const page = await open(visit, 0);
  await page.evaluate(() => (window.isSame = true));
  await slider(page).press('End');
  await expect.poll(() => texts(page)).toEqual(Object.values(said));
  await expect(page).toHaveURL(/\?at=600$/);
  await expect(slider(page)).toHaveAttribute('aria-valuetext', '10 minutes');
  await slider(page).press('Home');
  await expect.poll(() => texts(page)).toEqual(['first']);
  await button(page, 'Next message').press('Enter');
  await expect.poll(() => texts(page)).toEqual(['first', 'second']);
  await button(page, 'Next message').press('Space');
  await expect.poll(() => texts(page)).toEqual(['first', 'second', 'third']);
  await expect(slider(page)).toHaveAttribute('aria-valuetext', '1 minute 10 seconds');
  await button(page, '−10 s').press('Enter');
  await expect.poll(() => texts(page)).toEqual(['first', 'second']);
  await button(page, '+10 s').press('Enter');
  await expect.poll(() => texts(page)).toEqual(['first', 'second', 'third']);
  await expect(moment(page)).toHaveText('1:10 / 10:00');
  await button(page, 'Next message').press('Enter');
  await expect.poll(() => texts(page)).toEqual(Object.values(said));
  for (const name of ['+10 s', 'Next message']) {
    await expect(button(page, name)).toHaveAttribute('aria-disabled', 'true');
    await button(page, name).press('Enter');
  }
  expect(await texts(page)).toEqual(Object.values(said));
  await expect(button(page, 'Next message')).toBeFocused();
  // Keys that are held down ask for many moments.
  await slider(page).press('Home');
  for (let n = 0; n < 5; n += 1) await slider(page).press('ArrowRight');
  await expect.poll(() => texts(page)).toEqual(['first', 'second']);
  await expect(slider(page)).toHaveValue('5');
  expect(await page.evaluate(() => window.isSame)).toBe(true);
  await page.reload();
  await expect(slider(page)).toHaveValue('5');
  expect(await texts(page)).toEqual(['first', 'second']);
});

test('where the slider was moved to before the page came to life is not lost', async ({ visit }) => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const page = await visit({ path: '/', hydrated: false });
  await page.route(/\.wasm$/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(new URL('/rooms/2/replay', page.url()).href);
  await slider(page).press('End');
  release();
  await expect.poll(() => texts(page)).toEqual(Object.values(said));
  await expect(slider(page)).toBeFocused();
  await expect(slider(page)).toHaveValue('600');
});

test('a message that is played looks as the server shows it', async ({ visit, server }) => {
  const text = 'see https://example.com/a?b=1 **now** `code` ❤️ <b>&amp;';
  await record(server, [[0, 'hello'], [2, text], [4, '+1'], [6, 'end']]);
  // Browser and server write attributes in an order of their own, and the server a class that is empty.
  const rows = (page) =>
    messages(page).evaluateAll((all) => {
      const attributes = (element) => [...element.attributes].map(({ name, value }) => `${name}=${value}`).filter((text) => text !== 'class=');
      const tree = (node) => (node.nodeType === Node.TEXT_NODE ? [node.data] : node.nodeType === Node.ELEMENT_NODE ? [[node.tagName, attributes(node).sort(), [...node.childNodes].flatMap(tree)]] : []);
      return all.flatMap((row) => tree(row.querySelector('.said')));
    });
  const page = await visit({ path: '/rooms/3/replay' });
  await expect(button(page, 'Play')).toBeVisible();
  for (const count of [2, 3, 4]) {
    await button(page, 'Next message').click();
    await expect(messages(page)).toHaveCount(count);
  }
  await expect(messages(page).nth(1).getByRole('link', { name: 'https://example.com/a?b=1' })).toBeVisible();
  const other = await visit({ path: '/rooms/3/replay?at=6' });
  await expect(messages(other)).toHaveCount(4);
  await expect.poll(() => rows(page)).toEqual(await rows(other));
});

test('what was deleted is not played', async ({ visit, server }) => {
  const { data } = await (await fetch(`${server.url}/v1/streams/2/messages`)).json();
  await server.administer(`2/messages/${data[1].id}`, {}, 'DELETE');
  const page = await open(visit, 0);
  await button(page, 'Next message').click();
  await expect.poll(() => texts(page)).toEqual(['first', 'third']);
  await slider(page).press('End');
  await expect.poll(() => texts(page)).toEqual(['first', 'third', 'last']);
});

test('a room in which nothing was said, and one with a single message', async ({ visit, server }) => {
  await server.administer('create', { name: 'Silence' });
  for (const step of ['prepare', 'start', 'end']) await server.administer(`3/${step}`);
  const silent = await visit({ path: '/rooms/3/replay' });
  await expect(button(silent, 'Play')).toBeVisible();
  await expect(silent.getByText('No messages so far.')).toBeVisible();
  await expect(button(silent, 'Next message')).toHaveAttribute('aria-disabled', 'true');
  expect(await violations(silent)).toEqual([]);

  await record(server, [[0, 'alone']]);
  const single = await visit({ path: '/rooms/4/replay' });
  await expect(button(single, 'Play')).toBeDisabled();
  expect(await texts(single)).toEqual(['alone']);
  await expect(moment(single)).toHaveText('0:00 / 0:00');
  for (const name of ['−10 s', '+10 s', 'Next message']) await expect(button(single, name)).toHaveAttribute('aria-disabled', 'true');
  expect(await violations(single)).toEqual([]);
});

test('in a long replay nothing shows before it is due, wherever the reader looks', async ({ visit, server }) => {
  // A message a minute for ten hours.
  await record(server, Array.from({ length: 601 }, (_, n) => [n * 60, `minute ${n}`]));
  const page = await visit({ path: '/rooms/3/replay?at=30000' });
  await expect(button(page, 'Play')).toBeVisible();
  const last = () => messages(page).last().locator('.text').innerText();
  await expect.poll(last).toBe('minute 500');
  await expect(moment(page)).toHaveText('8:20:00 / 10:00:00');
  // Back to messages that make the list let go of its end.
  const log = page.getByRole('log');
  await expect(async () => {
    await log.evaluate((element) => element.scrollTo(0, 0));
    await expect.poll(last, { timeout: 500 }).not.toBe('minute 500');
  }).toPass();
  await button(page, 'Next message').click();
  await button(page, 'Next message').click();
  await expect(moment(page)).toHaveText('8:22:00 / 10:00:00');
  await expect(async () => {
    await log.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await expect.poll(last, { timeout: 500 }).toBe('minute 502');
  }).toPass();
  await log.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await button(page, 'Next message').click();
  await expect.poll(last).toBe('minute 503');
  // More than is fetched at once.
  await slider(page).press('Home');
  await expect.poll(() => texts(page)).toEqual(['minute 0']);
  await button(page, 'Next message').click();
  await expect.poll(last).toBe('minute 1');
});

test.describe('played', () => {
  /** Lets time pass in the page until something is so. (What is fetched comes in the time of this machine.) */
  const until = (page, check) =>
    expect(async () => {
      await page.clock.runFor(1_000);
      await check();
    }).toPass({ intervals: [0] });

  /** Opens the replay at a moment, with a clock that stands. */
  const openAt = async (visit, at, more = '') => {
    const prepared = await visit({ path: '/', hydrated: false });
    await prepared.clock.install();
    await prepared.goto(new URL(`/rooms/2/replay?at=${at}${more}`, prepared.url()).href);
    await expect(prepared.locator('.play')).toBeVisible();
    await prepared.clock.pauseAt(Date.now() + 500);
    return prepared;
  };

  test('it shows what was said when it was said, and stands still while it is paused', async ({ visit }) => {
    const page = await openAt(visit, 1);
    await page.clock.runFor(60_000);
    expect(await texts(page)).toEqual(['first']);
    await button(page, 'Play').click();
    await until(page, async () => expect(await texts(page)).toEqual(['first', 'second']));
    await expect(moment(page)).toHaveText('0:05 / 10:00');
    await expect(messages(page).last().locator('.name')).toHaveText('Ann');
    await expect(slider(page)).toHaveValue('5');
    await button(page, 'Pause').click();
    await expect(page).toHaveURL(/\?at=5$/);
    await page.clock.runFor(120_000);
    expect(await texts(page)).toEqual(['first', 'second']);
    await button(page, 'Play').click();
    await until(page, async () => expect(await texts(page)).toEqual(['first', 'second', 'third']));
    await expect(moment(page)).toHaveText('1:10 / 10:00');
    await button(page, '−10 s').click();
    await until(page, async () => expect(await texts(page)).toEqual(['first', 'second']));
    await expect(button(page, 'Pause')).toBeVisible();
    await until(page, async () => expect(await texts(page)).toEqual(['first', 'second', 'third']));
    await page.clock.resume();
    expect(await violations(page)).toEqual([]);
  });

  test('it plays by its address, stops at the end, and begins anew there', async ({ visit }) => {
    const page = await openAt(visit, 595, '&play');
    await expect(button(page, 'Pause')).toBeVisible();
    await until(page, async () => expect(await texts(page)).toEqual(Object.values(said)));
    await expect(button(page, 'Play')).toBeVisible();
    await expect(moment(page)).toHaveText('10:00 / 10:00');
    await button(page, 'Play').click();
    await expect(button(page, 'Pause')).toBeVisible();
    await until(page, async () => expect(await texts(page)).toEqual(['first', 'second']));
  });

  test('it runs faster and slower', async ({ visit }) => {
    const page = await openAt(visit, 100);
    await page.getByRole('combobox', { name: 'Speed' }).selectOption('8×');
    await button(page, 'Play').click();
    await expect(slider(page)).toHaveValue('100');
    await until(page, async () => expect(Number(await slider(page).inputValue())).toBeGreaterThan(100));
    const before = Number(await slider(page).inputValue());
    await page.clock.runFor(10_000);
    const passed = Number(await slider(page).inputValue()) - before;
    expect(passed).toBeGreaterThanOrEqual(78);
    expect(passed).toBeLessThanOrEqual(82);
    await page.getByRole('combobox', { name: 'Speed' }).selectOption('0.5×');
    const then = Number(await slider(page).inputValue());
    await page.clock.runFor(20_000);
    expect(Math.abs(Number(await slider(page).inputValue()) - then - 10)).toBeLessThanOrEqual(2);
  });
});

test.describe('without the network', () => {
  test.use({ networkErrors: true });

  test('it says so, tries again when it is asked to, and goes on', async ({ visit }) => {
    const page = await open(visit, 1);
    const failed = page.getByRole('alert').filter({ hasText: 'What comes next could not be loaded.' });
    await button(page, 'Next message').click();
    await expect.poll(() => texts(page)).toEqual(['first', 'second']);
    await page.context().setOffline(true);
    await slider(page).press('Home');
    await expect(failed).toBeVisible();
    await expect(button(page, 'Play')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await button(page, 'Try again').click();
    await expect(failed).toBeVisible();
    await page.context().setOffline(false);
    await button(page, 'Try again').click();
    await expect(failed).toBeHidden();
    await expect.poll(() => texts(page)).toEqual(['first']);
    await button(page, 'Next message').click();
    await expect.poll(() => texts(page)).toEqual(['first', 'second']);
  });

  test('an answer of something else on the way is no replay', async ({ visit }) => {
    const page = await visit({ path: '/', hydrated: false });
    await page.route(/\/replay\?limit=/, (route) => route.fulfill({ contentType: 'text/html', body: '<h1>Sign in to the Wi-Fi</h1>' }));
    await page.goto(new URL('/rooms/2/replay', page.url()).href);
    await expect(page.getByRole('alert').filter({ hasText: 'What comes next could not be loaded.' })).toBeVisible();
    await page.unrouteAll();
    await button(page, 'Try again').click();
    await button(page, 'Next message').click();
    await expect.poll(() => texts(page)).toEqual(['first', 'second']);
  });
});
