import { expect, live, messages, say, test } from './fixtures.js';

/** A page whose script does not come to life. */
const stuck = { hydrated: false };

/** Fails every request for the page's files of a kind; counts the pages that were loaded. */
const without = async (visit, pattern, answer) => {
  const page = await visit({ ...stuck, path: '/health/live' });
  let loads = 0;
  page.on('framenavigated', () => loads++);
  await page.route(pattern, answer);
  await page.goto(new URL('/', page.url()).href);
  await expect(page.locator('#failed')).toBeVisible();
  return { page, loads: () => loads };
};

const WASM = /\.wasm$/;
const SCRIPT = /\/live-chat\.js$/;

test.describe('a page that cannot start', () => {
  test.use({ networkErrors: true, provoked: /wasm|WebAssembly|module|MIME|preload/i });

  for (const [name, pattern, answer] of [
    ['its script is not there', SCRIPT, (route) => route.fulfill({ status: 404, body: 'gone' })],
    ['its script is of another kind', SCRIPT, (route) => route.fulfill({ status: 200, contentType: 'text/html', body: '<p>Sign in</p>' })],
    ['its script lacks what the page calls', SCRIPT, (route) => route.fulfill({ contentType: 'text/javascript', body: 'export default async () => {}; export const hydrate = () => {};' })],
    ['its WebAssembly is broken', WASM, (route) => route.fulfill({ contentType: 'application/wasm', body: 'no module' })],
    ['its WebAssembly is refused', WASM, (route) => route.abort()],
  ]) {
    test(`says so, reloads once, and still posts: ${name}`, async ({ visit, server }) => {
      const { page, loads } = await without(visit, pattern, answer);
      expect(loads(), 'one load and one reload').toBe(2);
      await page.getByLabel('Username').fill('Ann');
      await page.getByLabel('Message', { exact: true }).fill('by form');
      await page.getByRole('button', { name: 'Send the Message' }).click();
      await expect(messages(page)).toHaveCount(1);
      expect(await server.history()).toEqual(['by form']);
      await expect(page.getByText('Connecting')).toBeHidden();
    });
  }

  test('keeps what was typed, rather than to reload', async ({ visit }) => {
    const page = await visit({ ...stuck, path: '/health/live' });
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await page.route(WASM, async (route) => {
      await held;
      await route.abort();
    });
    await page.goto(new URL('/', page.url()).href, { waitUntil: 'domcontentloaded' });
    await page.getByLabel('Message', { exact: true }).fill('half a thought');
    release();
    await expect(page.locator('#failed')).toBeVisible();
    await expect(page.getByLabel('Message', { exact: true })).toHaveValue('half a thought');
  });

  test('starts once what was missing is there again', async ({ visit }) => {
    const page = await visit({ ...stuck, path: '/health/live' });
    let asked = 0;
    await page.route(WASM, (route) => (asked++ ? route.continue() : route.abort()));
    await page.goto(new URL('/', page.url()).href);
    await live(page);
    await expect(page.locator('#failed')).toBeHidden();
  });
});

/** Changes the page as soon as it is parsed, before its script runs. */
const disturbances = {
  'translated': () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const all = [];
    while (walker.nextNode()) all.push(walker.currentNode);
    for (const text of all) {
      if (!text.data.trim() || text.parentElement.closest('script, style, noscript, template, textarea')) continue;
      const font = document.createElement('font');
      font.append(document.createElement('font'));
      font.firstChild.textContent = `*${text.data}*`;
      text.replaceWith(font);
    }
  },
  'filled with buttons by an extension': () => {
    for (const input of document.querySelectorAll('input')) input.insertAdjacentHTML('afterend', '<x-password-button></x-password-button>');
    document.body.append(document.createElement('x-assistant'));
    document.documentElement.dataset.dark = 'dynamic';
  },
  'robbed of its comments': () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_COMMENT);
    const all = [];
    while (walker.nextNode()) all.push(walker.currentNode);
    for (const comment of all) comment.remove();
  },
};

for (const [name, disturb] of Object.entries(disturbances)) {
  test(`a page that is ${name} before it starts comes to life all the same`, async ({ visit, server }) => {
    await (await server.guest('Bob')).say('at 12:30, call 0123 456 789');
    const prepare = `document.addEventListener('readystatechange', () => document.readyState === 'interactive' && (${disturb})())`;
    const page = await visit({ prepare });
    await live(page);
    await say(page, 'hello', 'Ann');
    await expect(messages(page)).toHaveCount(2);
    await expect(page.locator('#failed')).toBeHidden();
  });
}

test('what is typed before the page starts is kept, also if it has to be put right first', async ({ visit }) => {
  const page = await visit({
    prepare: () =>
      document.addEventListener('readystatechange', () => {
        if (document.readyState !== 'interactive') return;
        const message = document.getElementById('message');
        message.value = 'early';
        message.focus();
        message.insertAdjacentHTML('afterend', '<x-button></x-button>');
      }),
  });
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('early');
  await expect(page.getByLabel('Message', { exact: true })).toBeFocused();
});

test.describe('behind something that rewrites pages', () => {
  test.use({ provoked: /./ });

  test('a page whose texts were replaced shows them and can still post', async ({ visit, server }) => {
    await (await server.guest('Bob')).say('write to me@mail.example');
    const page = await visit({ ...stuck, path: '/health/live' });
    await page.route((url) => url.pathname === '/', async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(/<bdi>([^<]*)<\/bdi>/, '<bdi><a href="/cdn-cgi/l/email-protection">[email&#160;protected]</a></bdi>');
      await route.fulfill({ response, body });
    });
    await page.goto(new URL('/', page.url()).href);
    await expect(messages(page)).toHaveCount(1);
    // Whether it starts or not, it works.
    await expect(page.locator('[data-hydrated="true"], #failed:not([hidden])').first()).toBeVisible();
    await page.getByLabel('Username').fill('Ann');
    await page.getByLabel('Message', { exact: true }).fill('still here');
    await page.getByRole('button', { name: 'Send the Message' }).click();
    await expect.poll(() => server.history()).toEqual(['write to me@mail.example', 'still here']);
  });
});

test('no script of the page needs a newer Safari than is promised', async ({ server }) => {
  const html = await (await fetch(server.url)).text();
  const scripts = [...new Set(html.match(/\/v\/[0-9a-f]{16}\/[\w./-]+\.js/g))];
  expect(scripts.length).toBeGreaterThan(0);
  // A lookbehind is a syntax error there, and takes the whole script away.
  for (const path of scripts) expect(await (await fetch(server.url + path)).text(), path).not.toMatch(/\(\?<[=!]/);
});

test('every address of the page that is kept for good names its version', async ({ server }) => {
  const html = await (await fetch(server.url)).text();
  const paths = new Set(html.match(/\/v\/[0-9a-f]{16}\/[\w./-]+/g));
  const kinds = new Set([...paths].map((path) => path.split('.').pop()));
  expect([...kinds].sort()).toEqual(['css', 'js', 'svg', 'wasm']);
  for (const path of paths) {
    const answer = await fetch(server.url + path);
    expect([answer.status, answer.headers.get('cache-control')], path).toEqual([200, 'public, max-age=31536000, immutable']);
  }
  const other = [...paths][0].replace(/\/v\/[0-9a-f]{16}/, '/v/0123456789abcdef');
  expect((await fetch(server.url + other)).status).toBe(404);
});
