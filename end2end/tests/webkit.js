import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect } from '@playwright/test';
import { test as base } from './fixtures.js';

const LIBRARIES = `/usr/lib/${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch]}-linux-gnu`;

/** WebKitGTK's browser for tests, which Debian's `webkit2gtk-driver` brings along. */
const browser = () =>
  readdirSync(LIBRARIES)
    .filter((name) => name.startsWith('webkit'))
    .map((name) => `${LIBRARIES}/${name}/MiniBrowser`)
    .find(existsSync);

/** The key Enter (W3C WebDriver 17.4.2). */
export const ENTER = '\uE007';

/** A port that is free now. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** One window of WebKitGTK, driven by W3C WebDriver. */
class WebKit {
  #display;
  #driver;
  #address;

  static async start() {
    const webkit = new WebKit();
    // The server chooses a display and writes its number.
    webkit.#display = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const number = await new Promise((resolve, reject) => {
      webkit.#display.stdout.once('data', (text) => resolve(String(text).trim()));
      webkit.#display.once('error', reject);
    });
    const port = await freePort();
    const env = { ...process.env, DISPLAY: `:${number}`, WEBKIT_DISABLE_COMPOSITING_MODE: '1' };
    webkit.#driver = spawn('WebKitWebDriver', [`--port=${port}`], { env, stdio: 'ignore' });
    webkit.#address = `http://127.0.0.1:${port}`;
    await expect(async () => expect((await fetch(`${webkit.#address}/status`)).ok).toBe(true)).toPass({ timeout: 15_000 });
    const options = { binary: browser(), args: ['--automation'] };
    const { sessionId } = await webkit.#call('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    webkit.#address += `/session/${sessionId}`;
    return webkit;
  }

  async stop() {
    await this.#call('DELETE', '').catch(() => undefined);
    this.#driver.kill();
    this.#display.kill();
  }

  async goto(url) {
    await this.#call('POST', '/url', { url });
  }

  /** Runs a function in the page, as Playwright's `evaluate` does; `args` are plain data. */
  async evaluate(act, ...args) {
    return this.#call('POST', '/execute/sync', { script: `return (${act})(...arguments)`, args });
  }

  /** Types into the element that `selector` finds, as a keyboard does. */
  async type(selector, text) {
    const [id] = Object.values(await this.#call('POST', '/element', { using: 'css selector', value: selector }));
    await this.#call('POST', `/element/${id}/value`, { text });
  }

  async #call(method, path, body) {
    const response = await fetch(this.#address + path, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`WebDriver: ${value.error}: ${value.message}`);
    return value;
  }
}

export const test = base.extend({
  webkit: async ({}, use) => {
    const webkit = await WebKit.start();
    await use(webkit);
    await webkit.stop();
  },
});

export { expect };
