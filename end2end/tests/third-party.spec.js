import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { expect, say, test as base, messages } from './fixtures.js';
import { WIDGET_KEY } from './server.js';

const test = base.extend({
  networkErrors: true,

  /** The other site, on an origin of its own. */
  site: async ({}, use) => {
    const files = { '/': ['index.html', 'text/html'], '/chat.js': ['chat.js', 'text/javascript'] };
    const http = createServer(async (request, response) => {
      const [file, type] = files[new URL(request.url, 'http://site').pathname] ?? [];
      if (!file) return response.writeHead(404).end();
      response.writeHead(200, { 'content-type': type });
      response.end(await readFile(new URL(`../third-party/${file}`, import.meta.url)));
    });
    await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
    await use(`http://localhost:${http.address().port}`);
    http.closeAllConnections();
    http.close();
  },
});

test('another site’s own client chats, reconnects by itself, and shows nothing twice', async ({ visit, server, site }) => {
  await (await server.guest('Bob')).say('before');
  const ours = await visit();
  const page = await ours.context().newPage();
  await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
  await page.goto(`${site}/?server=${encodeURIComponent(server.url)}&widget_key=${WIDGET_KEY}`);
  const shown = page.getByRole('list', { name: 'Chat' }).getByRole('listitem');
  await expect(shown).toHaveText(['Bob: before']);

  await page.getByLabel('Username').fill('Ann');
  await page.getByLabel('Message').fill('from elsewhere');
  await page.getByRole('button', { name: 'Send the Message' }).click();
  await expect(shown).toHaveText(['Bob: before', 'Ann: from elsewhere']);
  await expect(messages(ours)).toHaveCount(2);
  await say(ours, 'and back', 'Cleo');
  await expect(shown).toHaveCount(3);

  await server.stop();
  await server.start();
  await (await server.guest('Dan')).say('missed');
  const all = ['Bob: before', 'Ann: from elsewhere', 'Cleo: and back', 'Dan: missed'];
  await expect(shown).toHaveText(all);
  await page.getByLabel('Message').fill('still here');
  await page.getByRole('button', { name: 'Send the Message' }).click();
  await expect(shown).toHaveText([...all, 'Ann: still here']);

  await page.getByLabel('Message').fill('x'.repeat(501));
  await page.getByRole('button', { name: 'Send the Message' }).click();
  await expect(page.getByRole('alert')).toContainText('too long');
});
