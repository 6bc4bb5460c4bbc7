import { expect, live, messages, say, test, texts } from './fixtures.js';

test.use({ networkErrors: true });

test('a restart in the middle loses nothing and doubles nothing', async ({ visit, server }) => {
  const ann = await visit();
  const bob = await visit();
  await live(ann);
  await live(bob);
  await say(ann, 'before', 'Ann');
  await expect(messages(bob)).toHaveCount(1);
  await server.stop();
  await expect(ann.getByRole('status').filter({ hasText: /Reconnecting/ })).toBeVisible();
  await server.start();
  await (await server.guest('Cleo')).say('while you were away');
  await live(ann);
  await live(bob);
  await say(bob, 'after', 'Bob');
  for (const page of [ann, bob]) {
    await expect(messages(page)).toHaveCount(3);
    expect(await texts(page)).toEqual(['before', 'while you were away', 'after']);
  }
});

test('a crash in the middle loses nothing and doubles nothing', async ({ visit, server }) => {
  const page = await visit();
  await live(page);
  await say(page, 'before', 'Ann');
  await expect(messages(page)).toHaveCount(1);
  await server.stop('SIGKILL');
  await say(page, 'sent while the server is away');
  await server.start();
  await expect(messages(page)).toHaveCount(2);
  await live(page);
  expect(await texts(page)).toEqual(['before', 'sent while the server is away']);
  expect(await server.history()).toEqual(['before', 'sent while the server is away']);
});

test('offline and back', async ({ visit, server }) => {
  const page = await visit();
  await live(page);
  await page.context().setOffline(true);
  await expect(page.getByRole('status').filter({ hasText: 'Offline' })).toBeVisible();
  await (await server.guest('Bob')).say('missed');
  await page.context().setOffline(false);
  await live(page);
  await expect(messages(page)).toHaveCount(1);
});

test('a log that was lost is said', async ({ visit, server }) => {
  const page = await visit();
  await live(page);
  await say(page, 'lost soon', 'Ann');
  await expect(messages(page)).toHaveCount(1);
  await server.stop();
  await server.lose();
  await server.start();
  await (await server.guest('Bob')).say('a new beginning');
  await live(page);
  await expect(page.getByText('Some messages may be missing here')).toBeVisible();
  await expect.poll(() => texts(page)).toEqual(['a new beginning']);
});
