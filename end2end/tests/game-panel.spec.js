// What a game shows to the viewers of a room: a game's client of ours shows it by WebSocket, people press it in their browsers, and the
// game hears of that.
import AxeBuilder from '@axe-core/playwright';
import WebSocket from 'ws';
import { expect, live, say, test } from './fixtures.js';
import { WIDGET_KEY } from './server.js';

/** A game that runs room 1. */
class Game {
  #socket;
  #rounds = 0;
  /** What it was told, oldest first. */
  told = [];

  static async connect(server) {
    const game = new Game();
    const url = `${server.url.replace('http', 'ws')}/interactive-sync?client_id=${WIDGET_KEY}&access_token=${await server.gameToken()}`;
    game.#socket = new WebSocket(url);
    game.#socket.on('message', (data) => game.told.push(JSON.parse(data)));
    await expect.poll(() => game.told[0]?.status).toBe('ok');
    return game;
  }

  /** Shows an interface, whose text `edit` may change, and waits until viewers can see it. */
  async show(interface_, edit = (text) => text) {
    this.#rounds += 1;
    const before = this.told.length;
    const data = { id: `round${this.#rounds}`, ...interface_ };
    this.#socket.send(edit(JSON.stringify({ context: 'user_interface', data })));
    await expect.poll(() => this.told[before]).toMatchObject({ status: 'ok', context: 'message' });
  }

  /** The presses that it was told of. */
  get presses() {
    return this.told.filter(({ context }) => context === 'emit').map(({ data }) => data);
  }

  close() {
    this.#socket.close();
  }
}

const button = (name, label, more = {}) => ({ type: 'button', name, label, ...more });
const panel = (page) => page.getByRole('region', { name: 'Game' });
const violations = async (page) => (await new AxeBuilder({ page }).include('.game').analyze()).violations;

let game;
test.beforeEach(async ({ server }) => {
  game = await Game.connect(server);
});
test.afterEach(() => game.close());

/** The file that holds the panel. */
const PART = /\/split_build_game\.wasm$/;

test('a room without a game loads nothing of the panel', async ({ visit, server }) => {
  const page = await visit({ hydrated: false });
  const parts = [];
  page.on('request', (request) => PART.test(new URL(request.url()).pathname) && parts.push(request.url()));
  await page.reload();
  await live(page);
  await (await server.guest('Ann')).say('hello');
  await expect(page.locator('#list .message')).toHaveCount(1);
  expect(parts).toEqual([]);
  await expect(panel(page)).toHaveCount(0);
  // It comes with the first interface, and once.
  await game.show({ panel: { components: [button('jump', 'Jump!')] } });
  await expect(panel(page).getByRole('button', { name: 'Jump!' })).toBeVisible();
  await page.waitForTimeout(1_000); // the least pause between two frames of a game
  await game.show({ panel: { components: [button('duck', 'Duck!')] } });
  await expect(panel(page).getByRole('button', { name: 'Duck!' })).toBeVisible();
  await expect(panel(page).getByRole('button')).toHaveCount(1);
  expect(parts).toHaveLength(1);
});

test.describe('a panel that cannot be loaded', () => {
  test.use({ provoked: /Failed to fetch|ERR_FAILED|HTTP status code is not ok|Incorrect response MIME type/ });

  const failed = (page) => page.getByRole('alert').getByRole('button', { name: 'The game could not be loaded. Press to try again.' });

  /** A page to which the panel does not come. */
  const without = async (visit) => {
    const page = await visit();
    await page.route(PART, (route) => route.abort());
    await page.reload();
    return page;
  };

  test('is told, and tried again when the reader asks', async ({ visit, server }) => {
    await game.show({ panel: { components: [button('jump', 'Jump!', { cooldown: { duration: 20_000, broadcast: true } })] } });
    const page = await without(visit);
    await live(page);
    await expect(failed(page)).toBeVisible();
    await expect(panel(page)).toHaveCount(0);
    // The chat goes on, and what happens meanwhile is not lost.
    await say(page, 'hello', 'Ann');
    await expect(page.locator('#list .message')).toHaveCount(1);
    const guest = await server.guest('Bob');
    const pressed = await fetch(`${server.url}/interactive-sync/action/input`, {
      method: 'POST',
      headers: { authorization: `Bearer ${guest.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'jump', view: 'panel' }),
    });
    expect(pressed.status).toBe(200);
    await failed(page).click();
    await expect(failed(page)).toBeVisible();
    await page.unrouteAll();
    await failed(page).click();
    await expect(panel(page).getByRole('button', { name: /^Jump! \d+ s/ })).toHaveAttribute('aria-disabled', 'true');
    await expect(failed(page)).toBeHidden();
  });

  test('is tried again when the game shows something else, and is not missed without a game', async ({ visit }) => {
    await game.show({ panel: { components: [button('jump', 'Jump!')] } });
    const page = await without(visit);
    await expect(failed(page)).toBeVisible();
    await page.unrouteAll();
    await page.waitForTimeout(1_000); // the least pause between two frames of a game
    await game.show({ panel: { components: [button('duck', 'Duck!')] } });
    await expect(panel(page).getByRole('button', { name: 'Duck!' })).toBeVisible();
    await expect(failed(page)).toBeHidden();

    const other = await without(visit);
    await expect(failed(other)).toBeVisible();
    game.close();
    await expect(failed(other)).toBeHidden();
    await expect(panel(page)).toBeHidden();
  });
});

test('a button is shown with the page, is pressed, and counts down for everybody', async ({ visit, server }) => {
  await game.show({ panel: { components: [{ type: 'title', label: 'Round 1' }, button('jump', 'Jump!'), button('duck', 'Duck!')] } });
  const [ann, bob] = [await visit(), await visit({ colorScheme: 'dark' })];
  for (const page of [ann, bob]) {
    await live(page);
    await expect(panel(page).getByRole('heading', { name: 'Round 1' })).toBeVisible();
    expect(await violations(page)).toEqual([]);
  }
  await say(ann, 'hello', 'Ann');
  const jump = panel(ann).getByRole('button', { name: /^Jump!/ });
  await jump.focus();
  await ann.keyboard.press('Enter');
  await expect.poll(() => game.presses).toEqual([{ type: 'input', payload: { id: 'jump', view: 'panel', username: 'Ann' } }]);
  await expect(panel(ann).getByRole('status')).toHaveText('The game has received it.');
  for (const page of [ann, bob]) {
    await expect(panel(page).getByRole('button', { name: /^Jump! \d+ s/ })).toHaveAttribute('aria-disabled', 'true');
    expect(await violations(page)).toEqual([]);
  }
  await expect(jump).toBeFocused();
  // Somebody else is not held back by Ann's own pause, and Ann is for a moment.
  await panel(bob).getByRole('button', { name: /^Duck!/ }).click();
  await expect.poll(() => game.presses.at(-1)?.payload.id).toBe('duck');
  await expect(panel(ann).getByRole('button', { name: /^Duck!/ })).toHaveAttribute('aria-disabled', 'true');

  // A page that comes later is told what is closed.
  const eve = await visit();
  await expect(panel(eve).getByRole('button', { name: /^Jump!/ })).toHaveAttribute('aria-disabled', 'true');
});

test('a dialog asks for what the game wants to know', async ({ visit }) => {
  const extension = {
    title: { label: 'Your move' },
    submit: { label: 'Play' },
    components: [
      { type: 'input', name: 'team', label: 'Team', placeholder: 'Reds' },
      { type: 'radio', name: 'side', label: 'Side', template: 'button', values: { z: 'Left', _10: 'Right', _9: 'Up' } },
      { type: 'checkbox', name: 'extras', label: 'Extras', template: 'classic', values: { c: 'Lamp', b: 'Map', a: 'Rope' } },
    ],
  };
  // A script's own object would have numbers before all other keys, and in their order.
  await game.show({ panel: { components: [button('move', 'Move', { extension })] } }, (text) => text.replaceAll('"_', '"'));
  const page = await visit();
  await live(page);
  await panel(page).getByRole('button', { name: 'Move' }).click();
  const dialog = page.getByRole('dialog', { name: 'Your move' });
  await expect(dialog).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(panel(page).getByRole('button', { name: 'Move' })).toBeFocused();
  await panel(page).getByRole('button', { name: 'Move' }).click();
  await dialog.getByLabel('Team').fill('Blues');
  await dialog.getByRole('radio', { name: 'Right' }).check();
  const values = (role) => dialog.getByRole(role).evaluateAll((inputs) => inputs.map((input) => input.value));
  expect([await values('radio'), await values('checkbox')]).toEqual([['z', '10', '9'], ['c', 'b', 'a']]);
  await dialog.getByRole('checkbox', { name: 'Rope' }).check();
  await dialog.getByRole('checkbox', { name: 'Lamp' }).check();
  await dialog.getByRole('button', { name: 'Play' }).click();
  await expect(dialog).toBeHidden();
  await expect
    .poll(() => game.presses[0]?.payload)
    .toMatchObject({ id: 'move', view: 'panel', values: { team: 'Blues', side: '10', extras: ['c', 'a'] } });
});

test('styles hold inside the panel alone', async ({ visit }) => {
  const style = { backgroundColor: 'rgb(1, 2, 3)', position: 'fixed', width: 4000, height: '200vh', margin: '-500px', cursor: 'url(x)' };
  await game.show({ panel: { components: [button('jump', 'Jump!', { style }), { type: 'text', text: 'red', style: { color: 'rgb(200, 0, 0)' } }] } });
  const page = await visit();
  await live(page);
  const jump = panel(page).getByRole('button', { name: 'Jump!' });
  await expect(jump).toHaveCSS('background-color', 'rgb(1, 2, 3)');
  await expect(jump).toHaveCSS('position', 'relative');
  await expect(panel(page).getByText('red')).toHaveCSS('color', 'rgb(200, 0, 0)');
  // Whatever its size, the rest of the page is where it was and can be used.
  await say(page, 'still here', 'Ann');
  await expect(page.locator('#list .message')).toHaveCount(1);
  const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement);
  expect(scrollWidth).toBe(clientWidth);
});

test('phones show what is meant for them, and what there is otherwise', async ({ visit }) => {
  await game.show({
    mobile: { title: { label: 'On the phone' }, components: [button('tap', 'Tap')] },
    panel: { components: [button('jump', 'Jump!')] },
  });
  const phone = await visit({ viewport: { width: 390, height: 844 } });
  const desk = await visit({ viewport: { width: 1280, height: 800 } });
  for (const page of [phone, desk]) await live(page);
  await expect(panel(phone).getByRole('heading', { name: 'On the phone' })).toBeVisible();
  await expect(panel(phone).getByRole('button', { name: 'Jump!' })).toBeHidden();
  await expect(panel(desk).getByRole('button', { name: 'Tap' })).toBeHidden();
  await panel(phone).getByRole('button', { name: 'Tap' }).click();
  await expect.poll(() => game.presses[0]?.payload).toMatchObject({ id: 'tap', view: 'mobile' });
  await expect(phone.locator('#message')).toBeInViewport();
  await phone.waitForTimeout(1_000); // the least pause between two frames of a game
  await game.show({ panel: { components: [button('jump', 'Jump!')] } });
  await expect(panel(phone).getByRole('button', { name: 'Jump!' })).toBeVisible();
  await expect(panel(desk).getByRole('button', { name: 'Jump!' })).toBeVisible();
});

test('an embed has the panel, and an overlay what lies over the video', async ({ visit }) => {
  await game.show({
    panel: { components: [button('jump', 'Jump!')] },
    video_overlay: { left: { components: [button('left', 'Go left')] }, bottom: { components: [{ type: 'title', label: 'Score' }] }, mouse: [{ type: 'mousedown' }] },
  });
  const embed = await visit({ path: '/embed/1' });
  await expect(panel(embed).getByRole('button', { name: 'Go left' })).toBeHidden();
  await panel(embed).getByRole('button', { name: 'Jump!' }).click();
  await expect.poll(() => game.presses[0]?.payload).toMatchObject({ id: 'jump', view: 'panel' });

  const overlay = await visit({ path: '/overlay/1', viewport: { width: 800, height: 600 } });
  await expect(panel(overlay).getByRole('heading', { name: 'Score' })).toBeVisible();
  await expect(overlay.getByRole('button', { name: 'Jump!' })).toHaveCount(0);
  await panel(overlay).getByRole('button', { name: 'Go left' }).click();
  await expect.poll(() => game.presses[1]?.payload).toMatchObject({ id: 'left', view: 'video_overlay' });
  await overlay.mouse.click(600, 200);
  await expect
    .poll(() => game.presses[2])
    .toMatchObject({ type: 'mousedown', payload: { clientWidth: 800, clientHeight: 600, clientX: 600, clientY: 200 } });
});

test.describe('a press that fails', () => {
  test.use({ networkErrors: true });

  test('says why', async ({ visit, server }) => {
    await game.show({ panel: { components: [button('jump', 'Jump!')] } });
    const page = await visit();
    await live(page);
    const said = panel(page).getByRole('status');
    await page.route('**/interactive-sync/action/input', (route) => route.abort(), { times: 1 });
    await panel(page).getByRole('button', { name: 'Jump!' }).click();
    await expect(said).toHaveText('It could not be sent. Check your connection and try again.');
    await page.route(
      '**/interactive-sync/action/input',
      (route) => route.fulfill({ status: 200, contentType: 'text/html', body: '<p>Sign in' }),
      { times: 1 },
    );
    await panel(page).getByRole('button', { name: 'Jump!' }).click();
    await expect(said).toHaveText('It could not be sent. Check your connection and try again.');
    const fault = { statusCode: 409, error: 'Conflict', message: 'no game', reason: 'no_game' };
    await page.route('**/interactive-sync/action/input', (route) => route.fulfill({ status: 409, json: fault }), { times: 1 });
    await panel(page).getByRole('button', { name: 'Jump!' }).click();
    await expect(said).toHaveText('No game is connected, so nobody would hear of it.');
    expect(game.presses).toEqual([]);
    // It is gone with its game.
    game.close();
    await expect(panel(page)).toBeHidden();
    await expect(page.locator('#message')).toBeEnabled();
    expect(await (await fetch(server.url)).text()).not.toContain('Jump!');
  });
});

test('500 viewers press, and the game hears of each once', async ({ visit, server }) => {
  test.setTimeout(120_000);
  const cooldown = { duration: 3_000, broadcast: false };
  await game.show({ panel: { components: [button('vote', 'Vote', { cooldown })] } });
  const page = await visit();
  await live(page);
  const press = async (n) => {
    const stopped = new AbortController();
    const stream = await fetch(`${server.url}/subscribe/1`, { signal: stopped.signal });
    const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!/data: .*"type":"init".*\n/.test(text)) text += (await reader.read()).value;
    const { token } = JSON.parse(/data: (.*"type":"init".*)\n/.exec(text)[1]).message;
    const answer = await fetch(`${server.url}/interactive-sync/action/input`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'vote', view: 'panel', username: `Viewer ${n}` }),
    });
    stopped.abort();
    return answer.status;
  };
  for (let begin = 0; begin < 500; begin += 50) {
    const statuses = await Promise.all(Array.from({ length: 50 }, (_, n) => press(begin + n)));
    expect(statuses).toEqual(Array(50).fill(200));
  }
  await panel(page).getByRole('button', { name: 'Vote' }).click();
  await expect(panel(page).getByRole('status')).toHaveText('The game has received it.');
  await expect.poll(() => game.presses.length).toBe(501);
  const names = new Set(game.presses.map(({ payload }) => payload.username));
  for (let n = 0; n < 500; n += 1) expect(names).toContain(`Viewer ${n}`);
});
