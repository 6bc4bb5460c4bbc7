import { expect, live, messages, say, test, texts } from './fixtures.js';

test('two people chat', async ({ visit }) => {
  const ann = await visit();
  const bob = await visit();
  await expect(ann.getByText('No messages yet')).toBeVisible();
  await live(ann);
  await live(bob);
  await say(ann, 'Hello Bob', 'Ann');
  await expect(bob.getByRole('log')).toContainText('Hello Bob');
  await say(bob, 'Hello Ann', 'Bob');
  await expect(ann.getByRole('log')).toContainText('Hello Ann');
  expect(await texts(ann)).toEqual(['Hello Bob', 'Hello Ann']);
  expect(await texts(bob)).toEqual(['Hello Bob', 'Hello Ann']);
  await expect(ann.getByText('No messages yet')).toBeHidden();
  await expect(ann.getByText('2 watching')).toBeVisible();
  await bob.close();
  await expect(ann.getByText('1 watching')).toBeVisible();
});

test('the form is ready for the next message, and the name is remembered', async ({ visit }) => {
  const page = await visit();
  await page.getByLabel('Username').fill('Ann');
  const message = page.getByLabel('Message', { exact: true });
  await message.fill('by the button');
  await page.getByRole('button', { name: 'Send the Message' }).click();
  await expect(messages(page)).toHaveCount(1);
  await expect(message).toHaveValue('');
  await expect(message).toBeFocused();
  await page.keyboard.type('by Enter');
  await page.keyboard.press('Enter');
  await expect(messages(page)).toHaveCount(2);
  await expect(message).toHaveValue('');
  await expect(message).toBeFocused();
  await page.reload();
  await expect(page.getByLabel('Username')).toHaveValue('Ann');
});

test('history is there after a reload, and own messages are still known', async ({ visit, server }) => {
  const page = await visit();
  await say(page, 'mine', 'Ann');
  await (await server.guest('Bob')).say('theirs');
  await expect(messages(page)).toHaveCount(2);
  await page.reload();
  await expect(messages(page)).toHaveCount(2);
  await expect(messages(page).filter({ hasText: 'mine' })).toHaveClass(/own/);
  await expect(messages(page).filter({ hasText: 'theirs' })).not.toHaveClass(/own/);
});

test('nothing in a message or a name is markup', async ({ visit, server }) => {
  const attacks = [
    '<script>window.hit = 1</script>',
    '<img src=x onerror="window.hit = 1">',
    '"><svg onload=window.hit=1>',
    "javascript:window.hit=1",
    '&lt;b&gt; &amp; <b>bold</b>',
    '</script><script>window.hit=1</script>',
    'https://example.com/"onmouseover="window.hit=1',
  ];
  for (const attack of attacks) await (await server.guest(attack.slice(0, 64))).say(attack);
  const page = await visit();
  expect(await texts(page)).toEqual(attacks);
  for (const attack of attacks) await (await server.guest(attack.slice(0, 64))).say(attack);
  await expect(messages(page)).toHaveCount(attacks.length * 2);
  expect(await texts(page)).toEqual([...attacks, ...attacks]);
  await page.locator('#list a').first().hover();
  expect(await page.evaluate('window.hit')).toBeUndefined();
  expect(await page.locator('#list').locator('script, img, svg, b, [onerror], [onmouseover]').count()).toBe(0);
});

test('links can be followed, and tell nothing about us', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('see https://example.com/a?b=1 (or http://x.example), not javascript:alert(1)');
  const page = await visit();
  const links = page.locator('#list a');
  await expect(links).toHaveCount(2);
  await expect(links.first()).toHaveAttribute('href', 'https://example.com/a?b=1');
  await expect(links.last()).toHaveAttribute('href', 'http://x.example');
  for (const link of await links.all()) await expect(link).toHaveAttribute('rel', /(?=.*nofollow)(?=.*noopener)(?=.*ugc)/);
});

test('times are local, with the whole date on hover', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('now');
  const page = await visit({ timezoneId: 'Asia/Kathmandu', locale: 'en-GB' });
  const time = messages(page).locator('time');
  const sentAt = await time.getAttribute('datetime');
  const local = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Kathmandu', hour: '2-digit', minute: '2-digit' });
  await expect(time).toHaveText(local.format(new Date(sentAt)));
  await expect(time).toHaveAttribute('title', /\d{4}/);
});

test.describe('when sending fails', () => {
  test.use({ settings: ['--rate-limit', '0.2', '--rate-burst', '2'], networkErrors: true });

  test('a limit is said for as long as it holds, and the text is kept', async ({ visit }) => {
    const page = await visit();
    await say(page, 'one', 'Ann');
    await expect(messages(page)).toHaveCount(1);
    await say(page, 'two');
    await expect(messages(page)).toHaveCount(2);
    await say(page, 'three');
    const refusal = page.getByRole('alert').filter({ hasText: 'too fast' });
    await expect(refusal).toContainText(/wait [2-5] s/);
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('three');
    await expect(messages(page)).toHaveCount(2);
    await expect(refusal).toContainText('wait 1 s');
    await expect(refusal).toBeHidden();
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('three');
    await expect(page.getByLabel('Message', { exact: true })).not.toHaveAttribute('aria-invalid', 'true');
  });

  test('an answer that is lost does not double the message', async ({ visit, server }) => {
    const page = await visit();
    let lost = 0;
    await page.route('**/publish/1', async (route) => {
      if (lost++ > 0) return route.continue();
      await route.fetch();
      await route.abort('connectionreset');
    });
    await say(page, 'once', 'Ann');
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('');
    expect(lost).toBeGreaterThan(1);
    await expect(messages(page)).toHaveCount(1);
    expect(await server.history()).toEqual(['once']);
  });
});

test('what is sent while the last is still on its way goes after it', async ({ visit, server }) => {
  const page = await visit();
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route('**/publish/1', async (route) => {
    await released;
    await route.continue();
  });
  await say(page, 'one', 'Ann');
  await expect(page.getByText('Sending…')).toBeVisible();
  await page.getByLabel('Message', { exact: true }).press('Enter'); // Out of impatience: nothing is doubled.
  await say(page, 'two');
  release();
  await expect(messages(page)).toHaveCount(2);
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('');
  await expect(page.getByRole('alert').filter({ visible: true })).toHaveCount(0);
  expect(await server.history()).toEqual(['one', 'two']);
});

test('what cannot be sent is said before it is sent', async ({ visit, server }) => {
  const page = await visit();
  const message = page.getByLabel('Message', { exact: true });
  await page.getByLabel('Username').fill('Ann');
  await message.fill('x'.repeat(390));
  await expect(page.locator('.counter')).toHaveText('');
  await message.fill('🙂'.repeat(450));
  await expect(page.locator('.counter')).toHaveText(/450/);
  await message.fill('x'.repeat(501));
  await message.press('Enter');
  await expect(page.getByRole('alert').filter({ hasText: /500|too long/ })).toBeVisible();
  await expect(message).toHaveValue('x'.repeat(501));
  await message.fill('   ');
  await message.press('Enter');
  await expect(page.getByRole('alert').filter({ hasText: 'empty' })).toBeVisible();
  // The same count as the server's, whatever a reader takes for a letter.
  await server.administer('1/settings', { message_chars: 10 });
  for (const [text, chars] of [['👨‍👩‍👧‍👦abc', 10], ['🏳️‍🌈🏳️‍🌈🏳️‍🌈', 12], ['नि'.repeat(6), 12], ['  a b c d  e\n', 12]]) {
    await message.fill(text);
    await expect(page.locator('.counter')).toHaveText(`${chars} / 10`);
  }
  expect(await server.history()).toEqual([]);
});

test('a private message is for two', async ({ visit, server }) => {
  const page = await visit();
  const other = await visit();
  await say(page, 'public', 'Ann');
  await expect(messages(other)).toHaveCount(1);
  const history = await (await fetch(`${server.url}/v1/streams/1/messages`)).json();
  await (await server.guest('Eve')).whisper(history.data[0].author_id, 'for your eyes only');
  await expect(messages(page).filter({ hasText: 'for your eyes only' })).toContainText('private', { useInnerText: true });
  await (await server.guest('Bob')).say('after');
  await expect(messages(other)).toHaveCount(2);
  expect(await texts(other)).toEqual(['public', 'after']);
});

test('an ended chat says so, and keeps its history', async ({ visit, server }) => {
  const page = await visit();
  await say(page, 'the last word', 'Ann');
  await expect(messages(page)).toHaveCount(1);
  await server.administer('1/end');
  await expect(page.getByText('This chat has ended')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Send the Message' })).toBeHidden();
  const late = await visit();
  await expect(late.getByText('This chat has ended')).toBeVisible();
  expect(await texts(late)).toEqual(['the last word']);
});
