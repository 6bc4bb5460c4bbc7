import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY } from './server.js';
import { atBottom, expect, live, messages, say, test, texts } from './fixtures.js';
import { translatePage } from './translate.js';

const row = (page, text) => messages(page).filter({ has: page.getByText(text, { exact: true }) });
const jump = (page) => page.getByRole('button', { name: /new messages?$/ });
const top = (locator) => locator.evaluate((node) => node.getBoundingClientRect().top);
const field = (page) => page.getByLabel('Message', { exact: true });

/** Says something every few milliseconds until it is told to stop; resolves to how many messages that were. */
function chatter(guests, pause = 100) {
  let over = false;
  const said = (async () => {
    let count = 0;
    for (; !over; count++) {
      await guests[count % guests.length].say(`chatter ${count}`);
      await sleep(pause);
    }
    return count;
  })();
  return { stop: () => ((over = true), said) };
}

test('a row stays the same element when only what stands around its text changes', async ({ visit, server }) => {
  const [ann, bob] = [await server.guest('Ann'), await server.guest('Bob')];
  for (const text of ['first', 'second', '@Cy hello']) await ann.say(text);
  const page = await visit();
  await live(page);
  await page.evaluate(() => document.querySelectorAll('#list > li').forEach((row, n) => (row.seen = n)));
  // A namesake marks the rows of both, a newcomer is somebody whom a text mentions, and the first row hands over its name and day.
  await (await server.guest('Ann')).say('I am Ann too');
  await (await server.guest('Cy')).say('me?');
  const [{ id }] = await server.log();
  await expect(row(page, 'second').getByRole('img', { name: /one of several people with this name/ })).toBeVisible();
  await expect(page.locator('.mention')).toHaveText('@Cy');
  await bob.react((await server.log())[1].id, '🎉');
  await expect(row(page, 'second').getByRole('button', { name: '🎉 1' })).toBeVisible();
  await server.delete(`messages/${id}`);
  await expect(row(page, 'second').locator('.name')).toBeVisible();
  await expect(row(page, 'second').locator('.day')).toBeVisible();
  expect(await page.evaluate(() => [...document.querySelectorAll('#list > li')].map((row) => row.seen ?? null))).toEqual([1, 2, null, null]);
});

test.describe('the list holds still', () => {
  test('while a pointer is on a row, and its menu is of the one who was pointed at', async ({ visit, server }) => {
    await server.fill(40);
    const ann = await server.guest('Ann');
    await ann.say('from Ann');
    const page = await visit();
    await live(page);
    const others = [await server.guest('Bob'), await server.guest('Cy')];
    const target = row(page, 'from Ann');
    await target.hover();
    const before = await top(target);
    const talk = chatter(others, 60);
    await expect(jump(page)).toContainText(/^\d\d/);
    expect(await top(target)).toBe(before);
    await target.getByRole('button', { name: 'Options for the message of Ann' }).click();
    const menu = page.getByRole('dialog', { name: 'Options for the message' });
    await expect(menu).toBeVisible();
    // The pointer goes away, and the open menu still belongs to its row.
    await field(page).hover();
    const place = await top(menu);
    const counted = parseInt(await jump(page).innerText(), 10);
    await expect.poll(async () => parseInt(await jump(page).innerText(), 10)).toBeGreaterThan(counted + 10);
    expect([await top(target), await top(menu)]).toEqual([before, place]);
    await menu.getByRole('button', { name: 'Reply' }).click();
    await expect(page.getByText('Replying to Ann: from Ann')).toBeVisible();
    // Nothing holds it any more.
    await expect(jump(page)).toBeHidden();
    await expect.poll(() => atBottom(page)).toBe(true);
    await talk.stop();
    await expect.poll(async () => (await texts(page)).slice(-40)).toEqual((await server.history()).slice(-40));
  });

  test('and what waits meanwhile is bounded, and all of it is there afterwards', async ({ visit, server }) => {
    await server.fill(40);
    const page = await visit();
    await live(page);
    await row(page, 'message 38').hover();
    const before = await top(row(page, 'message 38'));
    const guests = await Promise.all(Array.from({ length: 20 }, (_, n) => server.guest(`Guest ${n}`)));
    for (let round = 0; round < 35; round++) await Promise.all(guests.map((guest, n) => guest.say(`of ${n}: ${round}`)));
    await expect(jump(page)).toHaveText('700 new messages');
    expect(await top(row(page, 'message 38'))).toBe(before);
    expect(await messages(page).count()).toBeLessThanOrEqual(300);
    await jump(page).click();
    await expect(jump(page)).toBeHidden();
    const log = await server.log();
    await expect(messages(page).last()).toHaveId(log.at(-1).id);
    await expect.poll(() => atBottom(page)).toBe(true);
    await guests[0].say('and on');
    await expect(row(page, 'and on')).toBeInViewport();
  });

  test('while text in it is selected', async ({ visit, server }) => {
    await server.fill(40);
    const page = await visit();
    await live(page);
    await row(page, 'message 39').locator('.text').selectText();
    const before = await top(row(page, 'message 39'));
    const bob = await server.guest('Bob');
    for (const text of ['one', 'two', 'three']) await bob.say(text);
    await expect(jump(page)).toHaveText('3 new messages');
    expect(await top(row(page, 'message 39'))).toBe(before);
    await page.evaluate(() => getSelection().removeAllRanges());
    await expect(jump(page)).toBeHidden();
    await expect(row(page, 'three')).toBeInViewport();
  });

  test('while a finger is on it', async ({ visit, server }) => {
    await server.fill(40);
    await (await server.guest('Ann')).say('from Ann');
    const page = await visit({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await live(page);
    const target = row(page, 'from Ann');
    const button = target.getByRole('button', { name: 'Options for the message of Ann' });
    const before = await top(target);
    await button.tap();
    await expect(page.getByRole('dialog', { name: 'Options for the message' })).toBeVisible();
    const bob = await server.guest('Bob');
    for (const text of ['one', 'two']) await bob.say(text);
    await expect(jump(page)).toHaveText('2 new messages');
    expect(await top(target)).toBe(before);
    await page.getByRole('button', { name: 'Reply' }).tap();
    await expect(page.getByText('Replying to Ann: from Ann')).toBeVisible();
    // A finger lets go by itself after a few seconds.
    await expect(jump(page)).toBeHidden();
    await expect(row(page, 'two')).toBeInViewport();
  });

  test('but not for what the reader says, wherever their pointer lies', async ({ visit, server }) => {
    await server.fill(40);
    const page = await visit();
    await live(page);
    await page.getByLabel('Username').fill('Rae');
    await field(page).fill('what I say');
    await row(page, 'message 39').hover();
    await field(page).press('Enter');
    await expect(row(page, 'what I say')).toBeInViewport({ ratio: 1 });
    await expect(jump(page)).toBeHidden();
    await expect(field(page)).toBeFocused();
  });

  test('but scrolling up is scrolling up, with a pointer on it too', async ({ visit, server }) => {
    await server.fill(60);
    const page = await visit();
    await live(page);
    await row(page, 'message 58').hover();
    await page.mouse.wheel(0, -200);
    await expect.poll(() => atBottom(page)).toBe(false);
    await (await server.guest('Bob')).say('news');
    await expect(jump(page)).toHaveText('1 new message');
    await field(page).hover();
    await (await server.guest('Bob')).say('more news');
    await expect(jump(page)).toHaveText('2 new messages');
    expect(await atBottom(page)).toBe(false);
  });
});

test.describe('keys', () => {
  test('there is one stop for Tab, arrows lead from row to row, and Enter opens the menu', async ({ visit, server }) => {
    const ann = await server.guest('Ann');
    for (let n = 1; n <= 30; n++) await ann.say(`row ${n}: https://a.example/${n}`);
    await ann.react((await server.log())[28].id, '🎉');
    const page = await visit();
    await live(page);
    const stops = () => page.locator('#log, #log *').evaluateAll((all) => all.filter((node) => node.tabIndex >= 0 && node.offsetParent).map((node) => node.id));
    expect(await stops()).toEqual(['log']);
    await page.getByRole('log').focus();
    const focused = (n) => expect(messages(page).nth(n)).toBeFocused();
    await page.keyboard.press('ArrowUp');
    await focused(29);
    expect(await stops()).toEqual([await messages(page).nth(29).getAttribute('id')]);
    await page.keyboard.press('ArrowUp');
    await focused(28);
    await page.keyboard.press('Home');
    await focused(0);
    await expect(messages(page).first()).toBeInViewport();
    await page.keyboard.press('ArrowDown');
    await focused(1);
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await focused(28);
    // Through what can be pressed in it, and back.
    await page.keyboard.press('ArrowRight');
    await expect(messages(page).nth(28).getByRole('link')).toBeFocused();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect(messages(page).nth(28).getByRole('button', { name: '🎉 1' })).toBeFocused();
    await page.keyboard.press('Escape');
    await focused(28);
    // News waits for the keys too.
    await (await server.guest('Bob')).say('news');
    await expect(jump(page)).toHaveText('1 new message');
    await page.keyboard.press('Enter');
    const menu = page.getByRole('dialog', { name: 'Options for the message' });
    await expect(menu.getByRole('button').first()).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(menu).toBeHidden();
    await focused(28);
    await page.keyboard.press('Shift+F10');
    await expect(menu).toBeVisible();
    await page.keyboard.press('Escape');
    // Tab leaves the list, and leads back to the row.
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => !!document.activeElement.closest('#log'))).toBe(false);
    await page.keyboard.press('Shift+Tab');
    await focused(28);
    // The row goes away under the keys.
    await server.delete(`messages/${await messages(page).nth(28).getAttribute('id')}`);
    await expect(row(page, 'row 29: https://a.example/29')).toHaveCount(0);
    await focused(28);
    await page.keyboard.press('Escape');
    await expect(field(page)).toBeFocused();
    await expect.poll(() => atBottom(page)).toBe(true);
    expect(await stops()).toEqual(['log']);
  });

  test('without a script, Tab leads to the links', async ({ visit, server }) => {
    await (await server.guest('Ann')).say('https://a.example/');
    const page = await visit({ javaScriptEnabled: false, hydrated: false });
    expect(await messages(page).getByRole('link').evaluate((link) => link.tabIndex)).toBe(0);
  });
});

test.describe('a screen reader', () => {
  /** What stands in the page's live regions, as assistive technology has it. */
  async function accessible(page) {
    const cdp = await page.context().newCDPSession(page);
    const { nodes } = await cdp.send('Accessibility.getFullAXTree');
    await cdp.detach();
    const property = (node, name) => node.properties?.find((property) => property.name === name)?.value.value;
    return nodes.filter((node) => !node.ignored).map((node) => ({
      role: node.role?.value,
      name: node.name?.value,
      live: property(node, 'live'),
      root: property(node, 'liveRegionRoot') ?? property(node, 'root'),
    }));
  }

  /** Writes down each text that comes into a live region. */
  const listen = (page) =>
    page.evaluate(() => {
      window.heard = [];
      const isLive = (node) => {
        const region = node.closest('[aria-live], [role=log], [role=status], [role=alert]');
        return region && region.getAttribute('aria-live') !== 'off';
      };
      new MutationObserver((records) => {
        for (const { addedNodes, target } of records)
          for (const node of addedNodes) if (target.nodeType === 1 && isLive(target) && node.textContent?.trim()) window.heard.push(node.textContent);
      }).observe(document.body, { childList: true, subtree: true });
    });
  const heard = (page) => page.evaluate(() => window.heard);

  test('hears each message once, as name and text', async ({ visit, server }) => {
    await server.fill(80);
    const page = await visit();
    await live(page);
    await listen(page);
    const ann = await server.guest('Ann');
    await ann.say('hello there');
    await expect.poll(() => heard(page)).toEqual(['Ann: hello there']);
    // What is loaded above and what is deleted is no news, nor are reactions.
    await page.getByRole('log').evaluate((log) => log.scrollTo({ top: 0, behavior: 'instant' }));
    await expect(messages(page)).toHaveCount(81);
    const id = (await server.log()).at(-1).id;
    await ann.react(id, '🎉');
    await server.delete(`messages/${(await server.log())[70].id}`);
    await expect(messages(page)).toHaveCount(80);
    await ann.say('and again');
    await expect.poll(() => heard(page)).toEqual(['Ann: hello there', 'Ann: and again']);
    // The log is no live region, and a row's name is its author's and its text.
    const tree = await accessible(page);
    expect(tree.find(({ role }) => role === 'log').live).toBe(undefined);
    expect(tree.filter(({ role }) => role === 'listitem').map(({ name }) => name)).toContain('Ann and again');
    expect(tree.filter(({ live, name }) => live === 'polite' && /Options/.test(name ?? ''))).toEqual([]);
  });

  test('hears of many messages as a number', async ({ visit, server }) => {
    const page = await visit();
    await live(page);
    await listen(page);
    const guests = await Promise.all(['Ann', 'Bob', 'Cy'].map((name) => server.guest(name)));
    for (let n = 0; n < 12; n++) await guests[n % 3].say(`message ${n}`);
    const total = async () => (await heard(page)).reduce((sum, line) => sum + (/^(\d+) new messages?$/.exec(line)?.[1] ?? 1) * 1, 0);
    await expect.poll(total, { timeout: 30_000 }).toBe(12);
    expect((await heard(page)).length).toBeLessThan(6);
    expect((await heard(page)).join()).toMatch(/\d+ new messages/);
  });
});

test.describe('days', () => {
  /** A room of messages that were said at those moments, by one author. */
  async function past(server, moments) {
    const lines = moments.map((sent_at, n) => JSON.stringify({ sent_at, author_id: 'ann', message: { type: 'chat', username: 'Ann', message_text: `at ${n}` } }));
    const response = await fetch(`${server.url}/v1/streams/import?name=Past`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      body: `${lines.join('\n')}\n`,
    });
    if (!response.ok) throw new Error(await response.text());
    const { data } = await response.json();
    return `/rooms/${data.id ?? data.room ?? data.stream_id}`;
  }

  const days = (page) => page.locator('#list .day').allInnerTexts();

  test('there is one heading a day of the reader, over clock changes and in any zone', async ({ visit, server }) => {
    const hours = (from, count) => Array.from({ length: count }, (_, n) => new Date(Date.parse(from) + n * 3_600_000).toISOString());
    // In Berlin this day has 25 hours, and the other one 23.
    const autumn = await past(server, ['2025-10-25T21:59:59.900Z', '2025-10-25T22:00:00.100Z', ...hours('2025-10-25T23:00:00Z', 23), '2025-10-26T22:59:59.900Z', '2025-10-26T23:00:00.100Z']);
    const spring = await past(server, ['2026-03-28T22:59:59.900Z', '2026-03-28T23:00:00.100Z', ...hours('2026-03-29T00:00:00Z', 21), '2026-03-29T21:59:59.900Z', '2026-03-29T22:00:00.100Z']);
    for (const [path, timezoneId, expected] of [
      [autumn, 'Europe/Berlin', ['25', '26', '27']],
      [autumn, 'Asia/Kathmandu', ['26', '27']],
      [autumn, 'Pacific/Kiritimati', ['26', '27']],
      [autumn, 'America/Sao_Paulo', ['25', '26']],
      [spring, 'Europe/Berlin', ['28', '29', '30']],
      [spring, 'Australia/Lord_Howe', ['29', '30']],
    ]) {
      const page = await visit({ path, timezoneId });
      await expect.poll(async () => (await days(page)).map((day) => /\d+/.exec(day)[0]), timezoneId).toEqual(expected);
      await page.reload();
      await expect.poll(async () => (await days(page)).map((day) => /\d+/.exec(day)[0]), timezoneId).toEqual(expected);
    }
  });

  test('a time is written as it is where the reader is', async ({ visit, server }) => {
    const room = await past(server, ['2026-03-01T08:04:00Z', '2026-03-01T20:24:00Z']);
    for (const [locale, expected] of [
      ['en-US', [/^8:04\sAM$/, /^8:24\sPM$/]],
      ['en-GB', ['08:04', '20:24']],
      ['de-DE', ['08:04', '20:24']],
      ['ja-JP', ['8:04', '20:24']],
    ]) {
      const page = await visit({ path: room, locale, timezoneId: 'UTC' });
      await expect(page.locator('#list .time'), locale).toHaveText(expected);
    }
  });

  test('today and yesterday are called so until midnight', async ({ visit, server }) => {
    const zone = { timezoneId: 'Asia/Kathmandu' };
    const room = await past(server, ['2026-03-01T10:00:00Z', '2026-03-02T10:00:00Z', '2026-03-03T10:00:00Z']);
    const page = await visit({ path: '/embed/1', ...zone });
    // Ten minutes before midnight of the third of March, in Nepal.
    await page.clock.install({ time: new Date('2026-03-03T18:05:00Z') });
    await page.goto(server.url + room);
    await expect.poll(() => days(page)).toEqual([expect.stringContaining('1'), 'Yesterday', 'Today']);
    await page.clock.fastForward(11 * 60_000);
    await expect.poll(() => days(page)).toEqual([expect.stringContaining('1'), expect.stringContaining('2'), 'Yesterday']);
  });
});

test('older messages load when the reader scrolls to the top, and the place is kept', async ({ visit, server }) => {
  await server.fill(160);
  const page = await visit();
  await live(page);
  await expect(messages(page)).toHaveCount(50);
  await page.getByRole('log').hover();
  const anchor = row(page, 'message 111');
  await page.getByRole('log').evaluate((log) => log.scrollTo({ top: 0, behavior: 'instant' }));
  const before = await top(anchor);
  await expect(messages(page)).toHaveCount(100);
  expect(Math.abs((await top(anchor)) - before)).toBeLessThanOrEqual(1);
  for (const count of [150, 160]) {
    await page.getByRole('log').evaluate((log) => log.scrollTo({ top: 0, behavior: 'instant' }));
    await expect(messages(page)).toHaveCount(count);
  }
  await expect(page.getByRole('button', { name: 'Load older messages' })).toBeHidden();
});

test('the end is the end at any scale', async ({ visit, server }) => {
  test.slow();
  await server.fill(50);
  const bob = await server.guest('Bob');
  for (const [deviceScaleFactor, zoom] of [[0.8], [0.9], [1.1], [1.75], [1, 1.1]]) {
    await test.step(`a scale of ${deviceScaleFactor}, a zoom of ${zoom ?? 1}`, async () => {
      const at = `at ${deviceScaleFactor}, ${zoom ?? 1}`;
      const page = await visit({ deviceScaleFactor });
      await live(page);
      if (zoom) await page.evaluate((zoom) => (document.documentElement.style.zoom = zoom), zoom);
      const distance = () => page.getByRole('log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
      const isAtEnd = () => expect.poll(distance, at).toBeLessThan(2);
      await bob.say(`followed ${at}`);
      await expect(row(page, `followed ${at}`)).toBeInViewport();
      await isAtEnd();
      await page.setViewportSize({ width: 1000, height: 601 });
      await isAtEnd();
      await bob.react((await server.log()).at(-1).id, '🎉');
      await expect(row(page, `followed ${at}`).getByRole('button', { name: '🎉 1' })).toBeInViewport({ ratio: 1 });
      await isAtEnd();
      // The form grows, and then says what is wrong.
      await page.getByLabel('Username').fill('Ann');
      await field(page).fill(`${'line\n'.repeat(5)}${'x'.repeat(500)}`);
      await isAtEnd();
      await field(page).press('Enter');
      await expect(page.getByRole('alert').filter({ hasText: 'too long' })).toBeVisible();
      await isAtEnd();
      // Who scrolls up, be it by so little, stays there.
      for (const pixels of [4, 30]) {
        await page.getByRole('log').evaluate((log, pixels) => log.scrollTo({ top: log.scrollHeight - log.clientHeight - pixels, behavior: 'instant' }), pixels);
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
        const before = await top(row(page, 'message 50'));
        await bob.say(`news after ${pixels} ${at}`);
        await expect(row(page, `news after ${pixels} ${at}`)).toBeAttached();
        await expect(jump(page)).toBeVisible();
        expect(Math.abs((await top(row(page, 'message 50'))) - before)).toBeLessThanOrEqual(1);
        await jump(page).click();
        await isAtEnd();
      }
      await page.context().close();
    });
  }
});

test('names and texts of either direction stay where they belong', async ({ visit, server }) => {
  const names = ['Ann', 'علي', 'שלום (abc)'];
  const lines = ['plain words', 'שלום (abc) 123', '\u202egnp.exe', 'مرحبا, world!'];
  for (const locale of ['en', 'ar']) {
    const page = await visit({ locale });
    for (const name of names) {
      const guest = await server.guest(name);
      for (const line of lines) await guest.say(line);
    }
    await guestsSaid(page, names.length * lines.length);
    const is = await page.locator('.message.first').evaluateAll((rows) =>
      rows.map((row) => {
        const box = (selector) => row.querySelector(selector).getBoundingClientRect();
        const [name, time, text] = ['.name', '.time', '.text'].map(box);
        const rtl = document.documentElement.dir === 'rtl';
        return { after: rtl ? time.right <= name.left : time.left >= name.right, below: text.top >= name.bottom - 4 };
      }),
    );
    expect(is.length).toBeGreaterThan(0);
    for (const row of is) expect(row).toEqual({ after: true, below: true });
  }
  const log = await server.log();
  const dan = await server.guest('Dan');
  await dan.reply('to the Arabic', log[5].id);
  const page = await visit();
  const quote = row(page, 'to the Arabic').locator('.quoted');
  const [name, text] = await quote.locator('bdi').evaluateAll((all) => all.map((part) => part.getBoundingClientRect().left));
  expect(name).toBeLessThan(text);
});

/** Waits for at least so many messages. */
const guestsSaid = (page, count) => expect.poll(() => messages(page).count()).toBeGreaterThanOrEqual(count);

test.describe('a page that the browser has translated', () => {
  test.use({ networkErrors: true });

  test('goes on: rows come, go and change, and so do all texts around them', async ({ visit, server }) => {
    const [ann, bob] = [await server.guest('Ann'), await server.guest('Bob')];
    for (const text of ['one', 'two', '@Cy three']) await ann.say(text);
    await bob.reply('quotes two', (await server.log())[1].id);
    const page = await visit();
    await live(page);
    await say(page, 'my own', 'Rae');
    await expect(messages(page)).toHaveCount(5);
    await page.evaluate(translatePage);
    await expect(page.locator('#list .text').first()).toHaveText('«one»');
    await expect(page.locator('#list .name').first()).toHaveText('Ann');
    // More rows, a name that is known now, a mark, a reaction that changes.
    for (let n = 0; n < 20; n++) await bob.say(`more ${n}`);
    await (await server.guest('Cy')).say('hello');
    await (await server.guest('Ann')).say('me too');
    await expect(messages(page)).toHaveCount(27);
    await expect(page.locator('.mention')).toHaveText('@Cy');
    await expect(messages(page).nth(2).locator('.text')).toHaveText('@Cy« three»');
    await expect(messages(page).nth(1).locator('.mark')).toBeVisible();
    const log = await server.log();
    await bob.react(log[0].id, '🎉');
    await expect(messages(page).first().locator('.chip')).toHaveText('«🎉 1»');
    await ann.react(log[0].id, '🎉');
    await expect(messages(page).first().locator('.chip')).toHaveText('«🎉 2»');
    await bob.react(log[0].id, '🎉', 'DELETE');
    await expect(messages(page).first().locator('.chip')).toHaveText('«🎉 1»');
    // Deletions: of a row, of what is quoted, of the reader's own.
    await server.delete(`messages/${log[1].id}`);
    await expect(messages(page)).toHaveCount(26);
    await expect(page.locator('.quoted')).toHaveText('«Quoted message was deleted»');
    await server.delete(`messages/${log[4].id}?reason=be+kind`);
    await expect(page.locator('.note')).toHaveText('«Deleted by a moderator. Only you still see it. Reason: be kind»');
    // What is counted, and the way back.
    await page.getByRole('log').evaluate((log) => log.scrollTo({ top: 0, behavior: 'instant' }));
    for (const count of ['1 new message', '2 new messages']) {
      await bob.say('news');
      await expect(page.locator('.jump')).toHaveText(`«${count}»`);
    }
    await page.locator('.jump').click();
    await expect.poll(() => atBottom(page)).toBe(true);
    // What is refused, and for how long.
    await page.locator('#message').fill('x'.repeat(501));
    await page.locator('#message').press('Enter');
    await expect(page.getByRole('alert').filter({ hasText: /^«.*501/ })).toBeVisible();
    await server.administer('1/settings', { slow_mode_seconds: 2 });
    await expect(page.getByText('«Slow mode: 2 s»')).toBeVisible();
    await page.locator('#message').fill('slowly');
    await page.locator('#message').press('Enter');
    for (const words of ['«Write again in 2 s»', '«Write again in 1 s»', '«Slow mode: 2 s»']) await expect(page.getByText(words)).toBeVisible();
    // The connection's state, and the end.
    await server.stop();
    await expect(page.locator('.link')).toContainText('«Reconnecting»');
    await server.start();
    await expect(page.locator('.link')).toContainText('«Live»');
    await bob.say('back again');
    await expect(messages(page).last()).toContainText('«back again»');
    await server.administer('1/end');
    await expect(page.getByText('«This chat has ended.»')).toBeVisible();
  });
});
