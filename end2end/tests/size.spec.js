import { expect, test } from './fixtures.js';

/** Most bytes, as a browser downloads them, of script and WebAssembly at the first load. */
const FIRST_LOAD_BYTES = 200_000;

test('the first load of the page is at most 200 kB of script and WebAssembly', async ({ server }) => {
  const html = await (await fetch(server.url)).text();
  // The hydration script stands inline, and names both files.
  const paths = new Set(html.match(/\/pkg\/[\w.-]+\.(?:js|wasm)/g));
  expect([...paths].map((path) => path.split('.').pop()).sort()).toEqual(['js', 'wasm']);
  let bytes = 0;
  for (const path of paths) {
    const answer = await fetch(server.url + path, { headers: { 'accept-encoding': 'br' } });
    expect(answer.headers.get('content-encoding'), path).toBe('br');
    bytes += Number(answer.headers.get('content-length'));
  }
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(FIRST_LOAD_BYTES);
});
