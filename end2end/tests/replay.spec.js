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
