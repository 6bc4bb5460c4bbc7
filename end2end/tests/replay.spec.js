import AxeBuilder from '@axe-core/playwright';
import { expect, messages, test, texts } from './fixtures.js';
import { ADMIN_KEY } from './server.js';

/** What was said in room 2, by the seconds since its start. */
const said = { 0: 'first', 5: 'second', 70: 'third', 600: 'last' };

test.beforeEach(async ({ server }) => {
  const line = ([seconds, text]) => {
    const sent_at = new Date(Date.UTC(2025, 10, 21, 20) + seconds * 1_000).toISOString();
    return JSON.stringify({ sent_at, author_id: 'ann', message: { username: 'Ann', message_text: text } });
  };
  const response = await fetch(`${server.url}/v1/streams/import?name=Recorded`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    body: Object.entries(said).map(line).join('\n'),
  });
  expect(response.status).toBe(200);
});

const replay = (at) => ({ path: `/rooms/2/replay?at=${at}` });

test('a moment is reached by steps and by its time, without JavaScript', async ({ visit }) => {
  const page = await visit({ ...replay(0), javaScriptEnabled: false, hydrated: false });
  expect(await texts(page)).toEqual(['first']);
  await page.getByRole('link', { name: 'Next message' }).click();
  expect(await texts(page)).toEqual(['first', 'second']);
  await page.getByRole('link', { name: '+1 min' }).click();
  expect(await texts(page)).toEqual(['first', 'second']);
  await page.getByRole('link', { name: '+10 s' }).click();
  expect(await texts(page)).toEqual(['first', 'second', 'third']);
  await page.getByRole('link', { name: '−1 min' }).click();
  expect(await texts(page)).toEqual(['first', 'second']);
  await page.getByLabel('Seconds').fill('600');
  await page.getByRole('button', { name: 'Go' }).click();
  expect(await texts(page)).toEqual(Object.values(said));
  await expect(page.getByText('0:10:00 of 0:10:00')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Next message' })).toHaveCount(0);
});

for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 640 }]) {
  test(`the page of a moment fits a window of ${viewport.width} pixels, and is accessible`, async ({ visit }) => {
    const page = await visit({ ...replay(70), viewport });
    await expect(messages(page)).toHaveCount(3);
    await expect(page.getByRole('navigation', { name: 'Replay' })).toBeInViewport({ ratio: 1 });
    await expect(messages(page).last()).toBeInViewport({ ratio: 1 });
    await expect(page.getByText('This chat has ended')).toBeInViewport({ ratio: 1 });
    const overflow = await page.evaluate(() => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      return [scrollWidth - innerWidth, scrollHeight - innerHeight];
    });
    expect(overflow).toEqual([0, 0]);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  });
}

test.describe('played', () => {
  const button = (page, name) => page.getByRole('button', { name, exact: true });
  const moment = (page) => page.locator('.replay .moment');

  /** Lets time pass in the page until something is so. (What is fetched comes in the time of this machine.) */
  const until = (page, check) =>
    expect(async () => {
      await page.clock.runFor(1_000);
      await check();
    }).toPass({ intervals: [0] });

  /** Opens the replay at a moment, with a clock that stands. */
  const open = async (visit, at, more = '') => {
    const prepared = await visit({ path: '/', hydrated: false });
    await prepared.clock.install();
    await prepared.goto(new URL(`/rooms/2/replay?at=${at}${more}`, prepared.url()).href);
    await expect(prepared.locator('[data-hydrated="true"]')).toBeVisible();
    await prepared.clock.pauseAt(Date.now() + 500);
    return prepared;
  };

  test('it shows what was said when it was said, and stands still while it is paused', async ({ visit }) => {
    const page = await open(visit, 1);
    await page.clock.runFor(60_000);
    expect(await texts(page)).toEqual(['first']);
    await button(page, 'Play').click();
    await until(page, async () => expect(await texts(page)).toEqual(['first', 'second']));
    await expect(moment(page)).toHaveText('0:00:05 of 0:10:00');
    await expect(messages(page).last().locator('.name')).toHaveText('Ann');
    await expect(page.getByLabel('Seconds')).toHaveValue('5');
    await button(page, 'Pause').click();
    await page.clock.runFor(120_000);
    expect(await texts(page)).toEqual(['first', 'second']);
    await expect(page.getByRole('link', { name: '+1 min' })).toHaveAttribute('href', '?at=65');
    await button(page, 'Play').click();
    await expect(page.getByRole('link', { name: '+1 min' })).toHaveAttribute('href', '?at=65&play');
    await until(page, async () => expect(await texts(page)).toEqual(['first', 'second', 'third']));
    await expect(moment(page)).toHaveText('0:01:10 of 0:10:00');
    await button(page, 'Pause').click();
    await page.clock.resume();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  });

  test('it goes on where a link leads, stops at the end, and begins anew there', async ({ visit }) => {
    const page = await open(visit, 595, '&play');
    await expect(button(page, 'Pause')).toBeVisible();
    await until(page, async () => expect(await texts(page)).toEqual(Object.values(said)));
    await expect(button(page, 'Play')).toBeVisible();
    await expect(moment(page)).toHaveText('0:10:00 of 0:10:00');
    for (const name of ['+10 s', '+1 min', 'Next message']) await expect(page.getByText(name)).toHaveAttribute('aria-disabled', 'true');
    await button(page, 'Play').click();
    await expect(page).toHaveURL(/\?at=0&play$/);
    await expect(button(page, 'Pause')).toBeVisible();
    await until(page, async () => expect(await texts(page)).toEqual(['first', 'second']));
  });

  test.describe('without the network', () => {
    test.use({ networkErrors: true });

    test('it says so, and goes on when it is back', async ({ visit }) => {
      const page = await open(visit, 1);
      await page.context().setOffline(true);
      await button(page, 'Play').click();
      await expect(moment(page)).toHaveText('There is no connection. Please try again.');
      await page.context().setOffline(false);
      await button(page, 'Play').click();
      await until(page, async () => expect(await texts(page)).toEqual(['first', 'second']));
    });
  });
});
