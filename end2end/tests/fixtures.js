import { test as base, expect } from '@playwright/test';
import { Server } from './server.js';

/** What Chromium writes when the server is away on purpose. */
const NETWORK = /net::ERR_|TypeError: Failed to fetch|the server responded with a status of (4\d\d|503)/;

/** What Chromium writes on a busy machine: the page started later than it expects of a file that was named in its head. */
const LATE = /was preloaded using link preload but not used within a few seconds/;

export const test = base.extend({
  /** More settings of the server. */
  settings: [[], { option: true }],
  /** Whether this test takes the network or the server away. */
  networkErrors: [false, { option: true }],
  /** What else this test provokes a browser to write. */
  provoked: [undefined, { option: true }],

  server: async ({ settings }, use) => {
    const server = await Server.start(settings);
    await use(server);
    await server.dispose();
  },

  /**
   * Opens the chat as one more person: a browser context of their own. No page may write an error to its console.
   * `origin` is where the chat is, if not at the server itself; `prepare` runs in the page before all else.
   */
  visit: async ({ browser, server, networkErrors, provoked, contextOptions }, use, testInfo) => {
    const complaints = [];
    const contexts = [];
    const visit = async ({ origin = server.url, path = '/', hydrated = true, prepare, ...options } = {}) => {
      const context = await browser.newContext({ ...contextOptions, viewport: testInfo.project.use.viewport, ...options });
      contexts.push(context);
      context.on('weberror', (error) => {
        const text = String(error.error());
        if (!(networkErrors && NETWORK.test(text)) && !provoked?.test(text)) complaints.push(text);
      });
      context.on('console', (message) => {
        const text = message.text();
        const expected = (networkErrors && NETWORK.test(text)) || provoked?.test(text) || LATE.test(text);
        if (['error', 'warning'].includes(message.type()) && !expected) complaints.push(text);
      });
      const page = await context.newPage();
      if (prepare) await page.addInitScript(prepare);
      await page.goto(origin + path);
      if (hydrated) await expect(page.locator('[data-hydrated="true"]')).toBeVisible();
      return page;
    };
    await use(visit);
    for (const [n, context] of contexts.entries()) {
      if (testInfo.status !== testInfo.expectedStatus) {
        for (const page of context.pages()) await page.screenshot({ path: testInfo.outputPath(`person-${n + 1}.png`) });
      }
      await context.close();
    }
    expect(complaints, 'nothing on any console').toEqual([]);
  },
});

export { expect };

/** The chat's messages on a page. */
export const messages = (page) => page.locator('#list .message');

/** The texts of the messages on a page, oldest first. */
export const texts = (page) => page.locator('#list .message .text').allInnerTexts();

/** Says something as a person would: by typing, and Enter. */
export async function say(page, text, username) {
  if (username) await page.getByLabel('Username').fill(username);
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByLabel('Message', { exact: true }).press('Enter');
}

/** Opens the menu of a message as whoever uses keys does: its row is given, or its button. */
export async function openOptions(button) {
  await button.focus();
  await button.press('Enter');
  return button.page().getByRole('dialog', { name: 'Options for the message' });
}

/** Waits until a page is connected. */
export const live = (page) => expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();

/** Whether the newest message is in view. */
export const atBottom = (page) =>
  page.getByRole('log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 4);
