import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { defineConfig } from '@playwright/test';

/** Returns the system's Chromium. Without one Playwright takes its own, if it is installed. */
function systemChromium() {
  const folders = process.env.PATH.split(delimiter);
  const programs = ['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) => folders.map((folder) => join(folder, name)));
  return programs.find((program) => existsSync(program));
}

/** Flags for a Chromium that may run as root in a container, and that talks to nobody but the page's server. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // A name that is not loopback: over plain HTTP its pages are in no secure context.
  '--host-resolver-rules=MAP chat.test 127.0.0.1',
];

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  timeout: 60_000,
  expect: { timeout: 15_000 },
  // One at a time: what is measured in a browser is not to be measured beside another one.
  workers: 1,
  retries: 0,
  forbidOnly: !!process.env.CI,
  reporter: [['list']],
  use: {
    launchOptions: { executablePath: process.env.CHROMIUM || systemChromium(), args },
    screenshot: 'only-on-failure',
    viewport: { width: 1280, height: 800 },
  },
});
