// What strangers, sites and moderators may call things and say of them, tried as an attack on every page that shows it.
import { ADMIN_KEY, ADMIN_PASSWORD, WIDGET_KEY } from './server.js';
import { expect, messages, test } from './fixtures.js';

const HIT = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';
/** The same out of an attribute, out of a script, and out of an element whose text is not escaped. */
const ATTACKS = [`">${HIT}`, `</script>${HIT}`, `</title></textarea>${HIT}`, `{{constructor.constructor('window.hit=1')()}}`];

test.use({ networkErrors: true });

for (const attack of ATTACKS) {
  test(`nothing that has a name runs: ${attack.slice(0, 12)}`, async ({ visit, server }) => {
    const name = attack.slice(0, 64);
    await server.administer('1/settings', { name: attack.slice(0, 128) });
    const [eve, bob] = [await server.guest(name), await server.guest('Bob')];
    await eve.say(attack);
    await eve.send(JSON.stringify({ type: 'chat', username: name, message_text: `@${name} ${attack}`, video_time: attack, x: attack }));
    await bob.say('hello');
    const log = await server.log();
    await bob.reply(attack, log[0].id);
    await server.administer('1/settings', { pinned_message: log[0].id, blocked_words: [attack.slice(0, 60)] });
    await server.delete(`messages/${log[2].id}?reason=${encodeURIComponent(attack.slice(0, 200))}`);
    await server.decide(eve.userId, 'ban', { reason: attack.slice(0, 200), address: false });
    await server.administer('1/settings', { hold_newcomers: true, blocked_words: [] });
    await (await server.guest(`${name.slice(0, 60)} 2`)).say(attack);
    const { link } = await server.administer('1/invites', { name });
    const key = await fetch(`${server.url}/v1/widget-keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name, allowed_origins: ['https://fans.example'] }),
    });
    expect(key.status).toBe(200);
    const picture = [`https://site.example/x" onerror="window.hit=1`, 'javascript:window.hit=1'];
    const line = (picture) => JSON.stringify({ sent_at: '2026-01-01T00:00:00Z', author_id: 'ann', picture, role: attack, message: { username: name, message_text: attack } });
    const imported = await fetch(`${server.url}/v1/streams/import?name=${encodeURIComponent(name)}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      body: picture.map(line).join('\n'),
    });
    expect(imported.status).toBe(200);

    const page = await visit({ path: '/admin', hydrated: false });
    await page.getByLabel('Password').fill(ADMIN_PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { name: 'Rooms' })).toBeVisible();
    const pages = ['/', '/rooms/2', '/?lang=ar', `/?before=${log[2].id}`, '/rooms/1/replay?at=0', '/embed/1', '/overlay/1', link];
    const admin = ['/admin', '/admin/rooms/1', '/admin/rooms/1/log', '/admin/rooms/1/queue', '/admin/keys', `/admin/keys/${WIDGET_KEY}/revoke`, '/admin/people'];
    for (const path of [...pages, ...admin]) {
      await page.goto(server.url + path);
      if (await page.locator('#log').count()) await expect(page.locator('[data-hydrated="true"]')).toHaveCount(1);
      expect(await page.evaluate(() => window.hit), path).toBeUndefined();
      const planted = await page.locator('[onerror], [src="x"], a[href^="javascript:"]').count();
      expect(planted, path).toBe(0);
    }
    // And what arrives while somebody looks.
    await page.goto(server.url + '/rooms/1');
    await expect(page.locator('[data-hydrated="true"]')).toBeVisible();
    const before = await messages(page).count();
    await server.administer('1/settings', { hold_newcomers: false, name: attack.slice(0, 100) });
    await bob.say(attack);
    await expect(messages(page)).toHaveCount(before + 1);
    expect(await page.evaluate(() => window.hit)).toBeUndefined();
    expect(await page.locator('[onerror], [src="x"]').count()).toBe(0);
  });
}
