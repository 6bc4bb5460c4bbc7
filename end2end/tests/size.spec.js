import { expect, live, test } from './fixtures.js';

/** Most bytes, as a browser downloads them, of script and WebAssembly at the first load. */
const FIRST_LOAD_BYTES = 200_000;

/** How many bytes a browser downloads of a file. */
async function size(url) {
  const answer = await fetch(url, { headers: { 'accept-encoding': 'br' } });
  expect(answer.headers.get('content-encoding'), url).toBe('br');
  return Number(answer.headers.get('content-length'));
}

// `cargo leptos end-to-end` names the program of a build that is not made to be small.
test.skip(!!process.env.LIVE_CHAT, 'the size of a release is asserted');

test('the first load of the page is at most 200 kB of script and WebAssembly', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('hello');
  const page = await visit({ hydrated: false });
  const urls = new Set();
  page.on('request', (request) => {
    if (/\.(js|wasm)$/.test(new URL(request.url()).pathname)) urls.add(request.url());
  });
  await page.reload();
  await live(page);
  // Whatever the page would still load by itself.
  await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
  const names = [...urls].map((url) => url.split('/').pop());
  expect(names.sort()).toEqual(['__wasm_split.______________________.js', 'live-chat.js', 'live-chat.wasm']);
  let bytes = 0;
  for (const url of urls) bytes += await size(url);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(FIRST_LOAD_BYTES);

  // What is loaded on demand is compressed too.
  urls.clear();
  await page.getByRole('button', { name: 'Options for the message of Ann' }).click();
  await expect(page.getByRole('dialog', { name: 'Options for the message' })).toBeVisible();
  expect(urls.size).toBeGreaterThan(0);
  for (const url of urls) expect(await size(url)).toBeGreaterThan(0);
});
