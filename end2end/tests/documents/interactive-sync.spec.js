// The steps of Interactive Sync's JavaScript guide, in order, by a page on another origin: it sends its user to sign in, takes the token
// from the fragment, connects, shows an interface and hears of presses. Only the addresses and the client id are ours.
import WebSocket from 'ws';
import { expect, test } from '../fixtures.js';
import { ADMIN_KEY, ADMIN_PASSWORD, WIDGET_KEY } from '../server.js';
import { serve } from '../site.js';

/** A game's page: `authorize` is where it sends its user, `socket` where it connects with the token. */
const gamePage = ({ authorize, socket }) => `<!doctype html>
<meta charset="utf-8" />
<title>Game</title>
<button id="connect">Connect</button>
<ol id="heard"></ol>
<script>
  const say = (text) => document.getElementById('heard').appendChild(document.createElement('li')).append(text);
  const query = '?client_id=${WIDGET_KEY}&redirect_uri=' + location.origin + '&response_type=token';
  document.getElementById('connect').onclick = () => {
    location.href = ${JSON.stringify(authorize)} + query + '&state=' + encodeURIComponent('round 1 & 100% + "é"');
  };
  if (location.hash) {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const [, token] = /access_token=([^&]*)/.exec(location.hash) ?? [];
    say('state: ' + fragment.get('state'));
    if (token) {
      const game = new WebSocket(${JSON.stringify(socket)} + '?client_id=${WIDGET_KEY}&access_token=' + token);
      game.onmessage = ({ data }) => {
        (window.told ??= []).push(JSON.parse(data));
      };
      window.game = game;
    } else {
      say('no token: ' + fragment.get('error'));
    }
  }
</script>`;

test.use({ settings: ['--interactive-sync-addr', '127.0.0.1:0'] });

/** The other site, whose address is registered with the widget key. */
async function open(server, registered = true, socket = `${server.interactiveSync}/`) {
  const site = await serve({ '/': gamePage({ authorize: `${server.url}/oauth2/authorize`, socket }) });
  await fetch(`${server.url}/v1/widget-keys/${WIDGET_KEY}/redirect-uris`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: registered ? [site.origin] : [] }),
  });
  return site;
}

const signIn = async (page) => {
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
};

/** What the game was told as the answer of that place, the first being 0. */
const told = (page, place) => expect.poll(() => page.evaluate((place) => window.told?.at(place), place));

const show = (page, interface_) =>
  page.evaluate((data) => window.game.send(JSON.stringify({ context: 'user_interface', data })), interface_);

/** The notices of the room's stream, as a viewer's page hears them. */
const viewer = async (page, url) => {
  await page.evaluate((url) => {
    const heard = (window.heard = []);
    window.stream = new EventSource(`${url}/subscribe/1`);
    window.stream.onmessage = ({ data }) => heard.push(JSON.parse(data));
  }, url);
  const notices = () => page.evaluate(() => window.heard.map(({ type, message }) => ({ type, ...message })));
  await expect.poll(async () => (await notices())[0]?.type).toBe('init');
  return { notices, token: (await notices())[0].token };
};

for (const [where, socketOf] of [
  ['a port of its own', (server) => `${server.interactiveSync}/`],
  ['the main address', (server) => `${server.url.replace('http', 'ws')}/interactive-sync`],
]) {
  test(`a page signs its user in, shows buttons and hears of presses, by ${where}`, async ({ visit, server }) => {
    const site = await open(server, true, socketOf(server));
    const page = await visit({ origin: site.origin, hydrated: false });
    await page.getByRole('button', { name: 'Connect' }).click();
    await signIn(page);
    await expect(page.getByRole('heading')).toHaveText('Let a game run a room?');
    await expect(page.getByText(site.origin)).toBeVisible();
    await page.getByLabel('Room').selectOption('1: Live chat');
    await page.getByRole('button', { name: 'Allow' }).click();

    await expect(page.locator('#heard li')).toHaveText(['state: round 1 & 100% + "é"']);
    await told(page, 0).toEqual({
      status: 'ok',
      context: 'connection',
      message: 'You are well connected with the channel',
      data: { displayName: 'Live chat', channelId: '1' },
    });
    expect(page.url().startsWith(`${site.origin}/#access_token=`)).toBe(true);

    const watching = await viewer(await visit(), server.url);
    await show(page, { id: '1', panel: { components: [{ type: 'button', name: 'jump', label: 'Jump!' }] } });
    const shown = 'Message was well received and transfered to Twitch API.';
    await told(page, 1).toEqual({ status: 'ok', context: 'message', message: shown, data: null });
    await expect
      .poll(async () => (await watching.notices()).find(({ status }) => status === 'interface')?.interface?.panel.components[0])
      .toMatchObject({ name: 'jump', label: 'Jump!', cooldown: { duration: 10_000, broadcast: true } });

    const pressed = await fetch(`${server.url}/interactive-sync/action/input`, {
      method: 'POST',
      headers: { authorization: `Bearer ${watching.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'jump', view: 'panel', username: 'Robin' }),
    });
    expect(pressed.status).toBe(200);
    expect(await pressed.json()).toEqual({ duration: 10_000, broadcast: true });
    const payload = { id: 'jump', view: 'panel', username: 'Robin' };
    await told(page, 2).toEqual({ status: 'ok', context: 'emit', message: null, data: { type: 'input', payload } });
    await expect
      .poll(async () => (await watching.notices()).find(({ status }) => status === 'cooldown'))
      .toMatchObject({ action: 'jump', duration: 10_000 });

    // What cannot be parsed is a warning, as the original server has it; the guide says that it is an error.
    await page.waitForTimeout(1_000); // the least pause between two frames
    await page.evaluate(() => window.game.send('{'));
    const refused = 'A parsing error occured with the JSON received ; message is ignored.';
    await told(page, 3).toEqual({ status: 'warning', context: 'message', message: refused, data: null });

    await page.evaluate(() => window.game.close());
    await expect
      .poll(async () => (await watching.notices()).filter(({ status }) => status === 'interface').at(-1).interface)
      .toBe(null);
    await page.close();
    site.close();
  });
}

test('a user who refuses is sent back without a token', async ({ visit, server }) => {
  const site = await open(server);
  const page = await visit({ origin: site.origin, hydrated: false });
  await page.getByRole('button', { name: 'Connect' }).click();
  await signIn(page);
  await page.getByRole('button', { name: 'Refuse' }).click();
  await expect(page.locator('#heard li')).toHaveText(['state: round 1 & 100% + "é"', 'no token: access_denied']);
  // It may still be loading something.
  await page.close();
  site.close();
});

test.describe('what is refused', () => {
  test.use({ networkErrors: true });

  test('a page whose address is not registered gets nobody back', async ({ visit, server }) => {
    const site = await open(server, false);
    const page = await visit({ origin: site.origin, hydrated: false });
    await page.getByRole('button', { name: 'Connect' }).click();
    await expect(page.getByRole('heading')).toHaveText('This sign-in cannot begin');
    expect(page.url().startsWith(server.url)).toBe(true);
    await page.close();
    site.close();
  });

  test('the admin key lets no game in', async ({ server }) => {
    const game = new WebSocket(`${server.interactiveSync}/?client_id=${WIDGET_KEY}&access_token=${ADMIN_KEY}`);
    const first = await new Promise((resolve) => game.once('message', (json) => resolve(JSON.parse(json))));
    expect(first).toMatchObject({ status: 'error', context: 'connection', data: null });
    expect(first.message).toContain('/oauth2/authorize');
  });
});
