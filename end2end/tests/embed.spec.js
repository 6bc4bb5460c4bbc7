import AxeBuilder from '@axe-core/playwright';
import { expect, live, messages, say, test as base, texts } from './fixtures.js';
import { serve } from './site.js';

const test = base.extend({
  /** Another site with the chat in it: `page` makes its HTML of the chat's address. Opens it as one more person. */
  elsewhere: async ({ visit, server }, use) => {
    const sites = [];
    await use(async (body, { head = '', headers, ...options } = {}) => {
      const html = (part) => part.replaceAll('CHAT', server.url);
      const document = `<!doctype html><html lang="en"><head><title>Elsewhere</title><link rel="icon" href="data:,">${html(head)}</head><body>${html(body)}</body></html>`;
      const site = await serve({ '/': document }, headers);
      sites.push(site);
      return visit({ origin: site.origin, hydrated: false, ...options });
    });
    for (const site of sites) site.close();
  },
});

const script = (attributes = '') => `<script src="CHAT/embed.js" data-room="1" ${attributes} async></script>`;
const frameOf = (page) => page.frameLocator('iframe');
const element = (page) => page.locator('iframe');

/** Waits until the chat in a frame has come to life. */
const alive = async (frame) => {
  await expect(frame.locator('[data-hydrated="true"]')).toBeVisible();
  await live(frame);
};

test.describe('over a restart', () => {
  test.use({ networkErrors: true });

  test('one line puts the chat where it stands, to read and to write, and a guest stays who they are', async ({
    elsewhere,
    visit,
    server,
  }) => {
    await (await server.guest('Bob')).say('before');
    const [page, ours] = [await elsewhere(`<p>above</p><main>${script()}</main><p>below</p>`), await visit()];
    const frame = frameOf(page);
    await alive(frame);
    await expect(element(page)).toHaveAttribute('title', 'Live chat');
    await expect(element(page)).toHaveAttribute('loading', 'lazy');
    expect(await element(page).evaluate((frame) => frame.previousElementSibling?.localName)).toBe('script');
    await say(frame, 'from a frame', 'Ann');
    await expect(messages(ours)).toHaveCount(2);
    await (await server.guest('Bob')).say('and back');
    await expect(messages(frame)).toHaveCount(3);
    // No cookie says it, over plain HTTP: the page does, on each connection.
    const own = frame.locator('.own');
    await expect(own).toHaveCount(1);
    await server.stop();
    await server.start();
    await live(frame);
    await say(frame, 'still me');
    await expect(own).toHaveCount(2);
    await expect(messages(ours)).toHaveCount(4);
  });
});

test('it is as wide as there is room, and as high as it is said', async ({ elsewhere }) => {
  const body = `<div style="width: 21rem">${script('data-height="300"')}</div><div>${script('data-height="50vh" data-title="Second"')}</div>
    ${script('data-height="tall"')}`;
  const page = await elsewhere(body, { viewport: { width: 1000, height: 800 } });
  await expect(element(page)).toHaveCount(3);
  const box = async (n) => {
    const { width, height } = await element(page).nth(n).boundingBox();
    return { width, height };
  };
  expect(await box(0)).toEqual({ width: 336, height: 300 });
  expect(await box(1)).toEqual({ width: 984, height: 400 });
  expect(await box(2)).toEqual({ width: 984, height: 600 });
  await expect(element(page).nth(1)).toHaveAttribute('title', 'Second');
  await page.setViewportSize({ width: 390, height: 800 });
  expect((await box(1)).width).toBe(374);
  expect(await page.evaluate(() => Object.keys(window).filter((name) => /chat|embed/i.test(name)))).toEqual([]);
});

test('from the head it goes to the end of the page', async ({ elsewhere }) => {
  const page = await elsewhere('<p>the page</p>', { head: script() });
  await alive(frameOf(page));
  expect(await page.evaluate(() => document.body.lastElementChild.localName)).toBe('iframe');
});

test('it looks as it is asked to', async ({ elsewhere, server }) => {
  await (await server.guest('Bob')).say('see https://example.com/');
  const page = await elsewhere(script('data-theme="dark" data-accent="#ffee00" data-readonly'), { colorScheme: 'light' });
  const frame = frameOf(page);
  await alive(frame);
  await expect(frame.getByRole('textbox')).toHaveCount(0);
  const style = (part, name) => frame.locator(part).evaluate((node, name) => getComputedStyle(node)[name], name);
  expect(await style('.chat', 'backgroundColor')).toBe('rgb(22, 23, 27)');
  expect(await style('.text a', 'color')).toBe('rgb(255, 238, 0)');
  await (await server.guest('Bob')).say('live');
  await expect(messages(frame)).toHaveCount(2);

  const pale = await elsewhere(script('data-theme="light" data-accent="ffee00"'), { colorScheme: 'dark' });
  await alive(frameOf(pale));
  const { violations } = await new AxeBuilder({ page: pale }).analyze();
  expect(violations.filter(({ nodes }) => nodes.some(({ target }) => target.length > 1))).toEqual([]);
});

for (const [name, look, options] of [
  ['light', '', { colorScheme: 'light' }],
  ['dark on a phone', '', { colorScheme: 'dark', viewport: { width: 390, height: 844 } }],
  ['with an accent', '?accent=00ff88&theme=light', {}],
  ['to read alone', '?readonly=1', {}],
]) {
  test(`the embed is accessible, ${name}`, async ({ visit, server }) => {
    await (await server.guest('Bob')).say('hello, see https://example.com/');
    const page = await visit({ path: `/embed/1${look}`, ...options });
    await live(page);
    if (!look.includes('readonly')) await say(page, 'my own', 'Ann');
    await expect(messages(page).last()).toBeVisible();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    const [wide, high] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    expect(wide).toBeLessThanOrEqual(page.viewportSize().width);
    expect(high).toBeLessThanOrEqual(page.viewportSize().height);
  });
}

test('without JavaScript the form posts from the frame', async ({ elsewhere, server }) => {
  const page = await elsewhere('<iframe title="Chat" src="CHAT/embed/1?theme=dark" width="400" height="500"></iframe>', {
    javaScriptEnabled: false,
  });
  const frame = frameOf(page);
  await frame.getByLabel('Username').fill('Ann');
  await frame.getByLabel('Message', { exact: true }).fill('no script');
  await frame.getByRole('button', { name: 'Send the Message' }).click();
  await expect(messages(frame)).toHaveCount(1);
  expect(await server.history()).toEqual(['no script']);
  expect(page.frames()[1].url()).toContain('?theme=dark');
});

test.describe('who may frame it', () => {
  const framed = (path) => `<iframe title="Framed" src="CHAT${path}" width="400" height="400"></iframe>`;
  // Chromium writes each refusal itself.
  test.use({ provoked: /frame-ancestors|X-Frame-Options|net::ERR_BLOCKED_BY_RESPONSE|chrome-error/ });

  for (const path of ['/', '/rooms/1', '/admin', '/admin/keys', '/overlay/1']) {
    test(`${path} stands in no frame`, async ({ elsewhere }) => {
      const page = await elsewhere(framed(path));
      await expect.poll(() => page.frames()[1]?.url()).toContain('chrome-error:');
    });
  }

  test.describe('of a closed installation', () => {
    test.use({ settings: ['--allowed-origins', 'https://home.example'] });

    test('is who is named', async ({ elsewhere, server, visit }) => {
      const page = await elsewhere(framed('/embed/1'));
      await expect.poll(() => page.frames()[1]?.url()).toContain('chrome-error:');
      await server.administer('1/settings', { allowed_origins: [new URL(page.url()).origin] });
      // A header that a proxy adds does not count beside ours.
      await page.route('**/embed/1', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, headers: { ...response.headers(), 'x-frame-options': 'SAMEORIGIN' } });
      });
      await page.reload();
      await alive(frameOf(page));
      await say(frameOf(page), 'let in', 'Ann');
      await expect(messages(frameOf(page))).toHaveCount(1);
      // Our own page is nobody else's.
      const ours = await visit();
      await live(ours);
      await say(ours, 'here', 'Bob');
      await expect.poll(() => texts(ours)).toEqual(['let in', 'here']);
    });
  });
});

test.describe('in frames of other makes', () => {
  const frame = (attributes) => `<iframe title="Chat" src="CHAT/embed/1" width="500" height="500" ${attributes}></iframe>`;

  test('without an origin of its own it is read and written, and the guest stays the same', async ({ elsewhere, server }) => {
    const page = await elsewhere(frame('sandbox="allow-scripts allow-forms"'));
    await alive(frameOf(page));
    await say(frameOf(page), 'from nowhere', 'Ann');
    await expect(messages(frameOf(page))).toHaveCount(1);
    await say(frameOf(page), 'again');
    await expect(messages(frameOf(page))).toHaveCount(2);
    await expect(frameOf(page).locator('.own')).toHaveCount(2);
    expect(await server.history()).toEqual(['from nowhere', 'again']);
  });

  test('where no storage may be touched it comes to life', async ({ elsewhere }) => {
    const page = await elsewhere(frame(''), {
      prepare: `for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() { throw new DOMException('x', 'SecurityError'); } });
        Object.defineProperty(Document.prototype, 'cookie', { get() { throw new DOMException('x', 'SecurityError'); }, set() { throw new DOMException('x', 'SecurityError'); } });`,
    });
    await alive(frameOf(page));
    await say(frameOf(page), 'hello', 'Ann');
    await expect(messages(frameOf(page))).toHaveCount(1);
  });

  test.describe('that let no script run', () => {
    test.use({ provoked: /Blocked script execution/ });

    test('where no script may run it says so and leads to a tab', async ({ elsewhere, server }) => {
      await (await server.guest('Bob')).say('to be read');
      const page = await elsewhere(frame('sandbox="allow-popups allow-popups-to-escape-sandbox"'));
      await expect(messages(frameOf(page))).toHaveCount(1);
      const link = frameOf(page).getByRole('link', { name: 'Open the chat in a new tab' });
      const [tab] = await Promise.all([page.waitForEvent('popup'), link.click()]);
      await expect(tab.locator('[data-hydrated="true"]')).toBeVisible();
      expect(new URL(tab.url()).pathname).toBe('/rooms/1');
    });
  });

  test.describe('of a page that isolates itself', () => {
    test('it is let in', async ({ elsewhere, server }) => {
      const page = await elsewhere(`${frame('')}${script()}`, {
        headers: { 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-opener-policy': 'same-origin' },
      });
      await expect(element(page)).toHaveCount(2);
      await alive(page.frameLocator('iframe').first());
      await say(page.frameLocator('iframe').first(), 'isolated', 'Ann');
      await expect.poll(() => server.history()).toEqual(['isolated']);
    });
  });
});

test.describe('the script', () => {
  const count = (page) => expect(element(page)).toHaveCount(1);
  const later = (add) => `<div id="here"></div><script type="module">${add}</script>`;
  const made = (place) => `const script = document.createElement('script'); script.src = 'CHAT/embed.js'; script.dataset.room = '1'; ${place}.append(script);`;

  /** What a plugin does that delays scripts: it makes them new at the first touch. */
  const delayed = `<p>above</p><main><script type="text/later" data-src="CHAT/embed.js" data-room="1" data-theme="dark"></script></main><p>below</p>
    <script>addEventListener('pointerdown', () => { const old = document.querySelector('[type="text/later"]'); const script = document.createElement('script');
      Object.assign(script.dataset, { room: old.dataset.room, theme: old.dataset.theme }); script.src = old.dataset.src; old.replaceWith(script); }, { once: true });</script>`;

  test('makes one frame where it stands, or at the end of the page, whatever runs it', async ({ elsewhere }) => {
    test.slow();
    for (const [name, body, head, parent = 'body'] of [
      ['delayed until the first touch', delayed, '', 'main'],
      ['as a module', '<script type="module" src="CHAT/embed.js" data-room="1"></script>'],
      ['added by another script', later(made('here')), '', '#here'],
      ['added to the head by another script', later(made('document.head'))],
      ['as a module in the head', '<p>page</p>', '<script type="module" src="CHAT/embed.js" data-room="1"></script>'],
      ['twice at one place', `<div>${script()}${script()}</div>`, '', 'div'],
      ['twice in the head', '<p>page</p>', script() + script()],
      ['twice by a framework, which takes the first away', later(`${made('here')} script.onload = () => { script.remove(); ${made('here').replace('const script', 'const second').replaceAll('script.', 'second.').replace('append(script)', 'append(second)')} };`), '', '#here'],
      ['bundled, with a place of its own', `<div data-live-chat="CHAT" data-room="1"></div>${later("(0, eval)(await (await fetch('CHAT/embed.js')).text())")}`, '', '[data-live-chat]'],
      ['bundled and run twice', `<div data-live-chat="CHAT/" data-room="1"></div>${later("const code = await (await fetch('CHAT/embed.js')).text(); (0, eval)(code); (0, eval)(code);")}`, '', '[data-live-chat]'],
    ]) {
      await test.step(name, async () => {
        const page = await elsewhere(body, { head });
        if (body === delayed) await page.mouse.click(5, 5);
        await count(page);
        await alive(frameOf(page));
        await count(page);
        expect(await element(page).evaluate((frame, parent) => frame.parentElement.matches(parent), parent), name).toBe(true);
        await page.context().close();
      });
    }
  });

  test('needs two directives of the policy of the page that it stands in', async ({ elsewhere, server }) => {
    const policy = (allowed) => ({ 'content-security-policy': `default-src 'none'; img-src data:; ${allowed}`, 'permissions-policy': 'clipboard-write=(), fullscreen=()' });
    const page = await elsewhere(script(), { headers: policy(`script-src ${server.url}; frame-src ${server.url}`) });
    await alive(frameOf(page));
    await say(frameOf(page), 'let in', 'Ann');
    await expect(messages(frameOf(page))).toHaveCount(1);
    // A plain frame needs the second alone.
    const plain = await elsewhere('<iframe title="Chat" src="CHAT/embed/1" width="500" height="500"></iframe>', { headers: policy(`frame-src ${server.url}`) });
    await alive(frameOf(plain));
  });

  test.describe('bundled without a place', () => {
    test.use({ provoked: /Live chat: the script does not know/ });

    test('says what to do', async ({ elsewhere, server }) => {
      const heard = [];
      const page = await elsewhere('<p>page</p>');
      page.on('console', (message) => heard.push(message.text()));
      await page.evaluate(async (url) => (0, eval)(await (await fetch(url)).text()), `${server.url}/embed.js`);
      await expect.poll(() => heard.join()).toContain('data-live-chat="https://chat.example"');
    });
  });
});
