import AxeBuilder from '@axe-core/playwright';
import { ADMIN_KEY, ADMIN_PASSWORD } from './server.js';
import { expect, test } from './fixtures.js';

/** A red square of 32 x 32 pixels. */
const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="32" fill="#e4003a"/></svg>`;

const BRAND = {
  title: 'Acme Live',
  accent: '#e4003a',
  properties: {
    '--page': { light: '#fff1e6', dark: '#1a0d12' },
    '--surface': { light: '#fffaf5', dark: '#24121a' },
    '--raised': { light: '#ffffff', dark: '#311a24' },
    '--radius': '2px',
    '--font': 'Liberation Serif, serif',
    '--font-size': '112.5%',
  },
};

/** Asks the API of how all pages look. */
async function api(server, method, path, body, type = 'application/json') {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': type };
  const response = await fetch(`${server.url}/v1/appearance${path}`, { method, headers, body });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()).data;
}

/** Signs in as whoever runs the chat, and opens the page. */
const owner = async (visit, options = {}) => {
  const page = await visit({ path: '/admin', hydrated: false, ...options });
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Look of the pages' }).click();
  await expect(page.getByRole('heading', { name: 'Look of the pages', level: 1 })).toBeVisible();
  return page;
};

const css = (locator, property) => locator.evaluate((element, name) => getComputedStyle(element)[name], property);

const save = (page) => page.getByRole('button', { name: 'Save', exact: true }).click();

test.describe('the form', () => {
  // What is refused is answered so.
  test.use({ provoked: /status of 400/ });

  for (const javaScriptEnabled of [true, false]) {
    test(`owners change how all pages look, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async ({ visit, server }) => {
      const page = await owner(visit, { javaScriptEnabled });
      await page.getByRole('textbox', { name: 'Title' }).fill('Acme Live');
      await page.getByRole('textbox', { name: 'Accent colour' }).fill('#E4003A');
      await page.getByRole('textbox', { name: 'Room (dark)' }).fill('#24121a');
      await page.getByLabel('New logo').setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer: Buffer.from(LOGO) });
      await save(page);
      await expect(page.getByRole('status').filter({ hasText: 'Saved.' })).toBeVisible();
      await expect(page.getByRole('textbox', { name: 'Accent colour' })).toHaveValue('#e4003a');
      await expect(page.getByRole('img', { name: 'Present logo' })).toBeVisible();

      // The Enter key saves, and does not bring a default back.
      await page.getByRole('textbox', { name: 'Corner radius' }).fill('80px');
      await page.getByRole('textbox', { name: 'Corner radius' }).press('Enter');
      await expect(page.getByRole('alert')).toHaveText(['Write a length from 0px to 32px, in px or rem, such as 0.75rem.']);
      await expect(page.getByRole('textbox', { name: 'Corner radius' })).toHaveValue('80px');
      await page.getByRole('button', { name: 'Back to default: Corner radius' }).click();
      await expect(page.getByRole('status').filter({ hasText: 'Saved.' })).toBeVisible();
      await page.getByRole('button', { name: 'Back to default: Accent colour' }).click();
      await expect(page.getByRole('textbox', { name: 'Accent colour' })).toHaveValue('');
      await page.getByLabel('Remove it').check();
      await save(page);
      await expect(page.getByRole('img', { name: 'Present logo' })).toBeHidden();
      const kept = await api(server, 'GET', '');
      expect(kept).toMatchObject({ title: 'Acme Live', accent: '', logo: null, properties: { '--surface': { dark: '#24121a' } } });
    });
  }
});

test('a look is seen on every page in light and dark, and after a restart', async ({ visit, server }) => {
  await server.administer('create', { name: 'Stage' });
  await (await server.guest('Ann')).say('hello');
  await api(server, 'PATCH', '', JSON.stringify(BRAND));
  await api(server, 'PUT', '/logo', LOGO, 'application/octet-stream');
  await server.stop();
  await server.start();
  for (const [colorScheme, surface, page] of [
    ['light', 'rgb(255, 250, 245)', 'rgb(255, 241, 230)'],
    ['dark', 'rgb(36, 18, 26)', 'rgb(26, 13, 18)'],
  ]) {
    const room = await visit({ path: '/rooms/1', colorScheme });
    await expect(room).toHaveTitle('Live chat · Acme Live');
    await expect(room.getByRole('link', { name: 'Acme Live' })).toBeVisible();
    await expect(room.locator('.brand img')).toHaveJSProperty('naturalWidth', 32);
    expect(await css(room.locator('.chat'), 'backgroundColor')).toBe(surface);
    expect(await css(room.locator('html'), 'backgroundColor')).toBe(page);
    expect(await css(room.locator('#message'), 'borderTopLeftRadius')).toBe('2px');
    expect(await css(room.locator('html'), 'fontSize')).toBe('18px');
    expect(await css(room.locator('html'), 'fontFamily')).toContain('Liberation Serif');
    const fits = () => document.documentElement.scrollHeight <= window.innerHeight;
    expect(await room.evaluate(fits), 'the room leaves space for what stands above').toBe(true);

    const lobby = await visit({ path: '/', hydrated: false, colorScheme });
    await expect(lobby).toHaveTitle('Live chats · Acme Live');
    expect(await css(lobby.locator('html'), 'backgroundColor')).toBe(page);
    await expect(lobby.getByRole('link', { name: 'Acme Live' })).toBeVisible();

    const embed = await visit({ path: '/embed/1', colorScheme });
    expect(await css(embed.locator('.chat'), 'backgroundColor')).toBe(surface);
    await expect(embed.locator('.brand')).toHaveCount(0);
    expect((await embed.locator('.site-logo').boundingBox()).height, 'the logo').toBe(27);
    await embed.setViewportSize({ width: 390, height: 600 });
    await expect(embed.locator('.site-logo')).toBeHidden();
    const button = await css(embed.locator('.send'), 'backgroundColor');
    const own = await visit({ path: '/embed/1?accent=006b3c', colorScheme });
    expect(await css(own.locator('.send'), 'backgroundColor'), 'its own accent').not.toBe(button);
    const forced = await visit({ path: '/embed/1?theme=dark', colorScheme });
    expect(await css(forced.locator('.chat'), 'backgroundColor'), 'its own theme').toBe('rgb(36, 18, 26)');

    const overlay = await visit({ path: '/overlay/1', colorScheme });
    expect(await css(overlay.locator('html'), 'backgroundColor')).toBe('rgba(0, 0, 0, 0)');
    expect(await css(overlay.locator('.text').first(), 'fontFamily')).toContain('Liberation Serif');
  }
});

test.describe('the page', () => {
  test.use({ provoked: /status of 400/ });

  for (const colorScheme of ['light', 'dark']) {
    test(`is accessible, ${colorScheme}`, async ({ visit, server }) => {
      await api(server, 'PATCH', '', JSON.stringify(BRAND));
      await api(server, 'PUT', '/logo', LOGO, 'application/octet-stream');
      const page = await owner(visit, { colorScheme });
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
      await page.getByRole('textbox', { name: 'Corner radius' }).fill('80px');
      await save(page);
      await expect(page.getByRole('alert')).toBeVisible();
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    });

    test(`and a room whose schemes are turned around can be read, ${colorScheme}`, async ({ visit, server }) => {
      const ground = { light: '#202833', dark: '#e9e4da' };
      const properties = { '--page': ground, '--surface': ground, '--raised': ground };
      await api(server, 'PATCH', '', JSON.stringify({ accent: '#ffd600', properties }));
      await (await server.guest('Ann')).say('hello https://example.com');
      await (await server.guest('Ben')).say('hello');
      const page = await visit({ path: '/rooms/1', colorScheme });
      const analyzed = await new AxeBuilder({ page }).withRules(['color-contrast']).analyze();
      expect(analyzed.violations).toEqual([]);
    });
  }
});

test.describe('rooms that are light on a dark page, and dark on a light one,', () => {
  // One of the pages is not there.
  test.use({ provoked: /status of 404/ });

  test('can be read on every page', async ({ visit, server }) => {
    const properties = { '--page': { light: '#12203a', dark: '#f5efe6' }, '--surface': { light: '#ffffff', dark: '#15161a' } };
    await api(server, 'PATCH', '', JSON.stringify({ title: 'Acme Live', accent: '#e4003a', properties }));
    await server.administer('create', { name: 'Stage' });
    const invited = await server.administer('1/invites', { name: 'Robin' });
    await (await server.guest('Ann')).say('hello https://example.com');
    const page = await owner(visit);
    const visitor = await visit({ path: '/nowhere', hydrated: false });
    const rows = [
      [visitor, 'light', '/nowhere'], [visitor, 'light', '/'], [visitor, 'dark', '/'], [visitor, 'dark', '/admin'], [visitor, 'dark', '/rooms/1'],
      [visitor, 'light', '/embed/1'], [visitor, 'light', invited.link], [page, 'dark', '/admin/appearance'], [page, 'light', '/admin/rooms/1'],
    ];
    for (const [who, colorScheme, path] of rows) {
      await who.emulateMedia({ colorScheme });
      await who.goto(server.url + path);
      const { violations } = await new AxeBuilder({ page: who }).withRules(['color-contrast']).analyze();
      const faint = violations.flatMap(({ nodes }) => nodes.map((node) => node.failureSummary + node.html));
      expect(faint, `${path}, ${colorScheme}`).toEqual([]);
    }
  });
});

test.describe('a logo', () => {
  // The browser says what it has not run.
  test.use({ provoked: /Content Security Policy|sandboxed/ });

  test('that has a script runs none', async ({ visit, server }) => {
    const evil = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>document.documentElement.dataset.ran=1</script></svg>`;
    const { logo } = await api(server, 'PUT', '/logo', evil, 'image/png');
    const page = await visit({ path: '/rooms/1' });
    const opened = await page.context().newPage();
    await opened.goto(server.url + logo.url);
    expect(await opened.evaluate(() => document.documentElement.dataset.ran)).toBeUndefined();
  });
});
