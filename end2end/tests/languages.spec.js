import AxeBuilder from '@axe-core/playwright';
import { expect, messages, test } from './fixtures.js';
import { ADMIN_PASSWORD } from './server.js';
import { serve } from './site.js';

// What is refused on purpose.
test.use({ provoked: /status of 4\d\d/ });

const violations = async (page) => {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
};

const connected = (page, words) => expect(page.getByRole('status').filter({ hasText: words })).toBeVisible();

/** Says something by the labels of a language. */
async function say(page, [username, message], name, text) {
  await page.getByLabel(username).fill(name);
  await page.getByLabel(message, { exact: true }).fill(text);
  await page.getByLabel(message, { exact: true }).press('Enter');
}

test('a German page speaks German, and so does the server', async ({ visit, server }) => {
  await server.administer('1/settings', { slow_mode_seconds: 1 });
  const page = await visit({ locale: 'de-AT' });
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
  await connected(page, 'Live');
  await expect(page.getByText('1 schaut zu')).toBeVisible();
  await expect(page.getByText('Langsamer Modus: 1 s')).toBeVisible();
  const labels = ['Name', 'Nachricht'];
  // What the browser itself finds,
  await say(page, labels, 'Anna', '   ');
  await expect(page.getByRole('alert').filter({ hasText: 'Die Nachricht ist leer.' })).toBeVisible();
  await say(page, labels, 'Anna', 'x'.repeat(501));
  await expect(page.getByRole('alert').filter({ hasText: 'Die Nachricht ist zu lang: 501 Zeichen' })).toBeVisible();
  // and what the server finds, beside its field.
  await say(page, labels, 'admin', 'Hallo');
  const taken = page.getByRole('alert').filter({ hasText: 'Der Name ist denen vorbehalten, die diesen Chat betreiben.' });
  await expect(taken).toHaveAttribute('id', 'username-error');
  await say(page, labels, 'Anna', 'Hallo');
  await expect(messages(page)).toHaveCount(1);
  await expect(messages(page).locator('.day')).toHaveText('Heute');
});

test('an error of the server is in the language of the page, whatever the browser would say', async ({ visit }) => {
  const page = await visit({ locale: 'ar', path: '/?lang=de' });
  await say(page, ['Name', 'Nachricht'], 'admin', 'Hallo');
  await expect(page.getByRole('alert').filter({ hasText: 'Der Name ist denen vorbehalten' })).toBeVisible();
});

test('an Arabic page runs from right to left, and counts as Arabic does', async ({ visit, server }) => {
  await server.fill(30);
  const page = await visit({ locale: 'ar-EG' });
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  await connected(page, 'مباشر');
  await expect(page.getByText('مشاهد واحد')).toBeVisible();
  const others = [await visit({ locale: 'ar' })];
  await expect(page.getByText('مشاهدان')).toBeVisible();
  others.push(await visit());
  await expect(page.getByText('3 مشاهدين')).toBeVisible();
  await expect(others[1].getByText('3 watching')).toBeVisible();

  // The reader looks around in the list; what arrives is counted.
  await page.getByRole('log').evaluate((log) => log.scrollTo(0, 0));
  const jump = page.locator('.jump');
  const nura = await server.guest('نورا');
  for (const words of ['رسالة جديدة واحدة', 'رسالتان جديدتان', '3 رسائل جديدة']) {
    await nura.say('مرحبا');
    await expect(jump).toHaveText(words);
  }
  await jump.click();
  await expect(jump).toBeHidden();

  await say(page, ['الاسم', 'الرسالة'], 'admin', 'hello, مرحبا');
  await expect(page.getByRole('alert').filter({ hasText: 'الاسم محجوز لمن يديرون هذه الدردشة' })).toBeVisible();
  expect(await violations(page)).toEqual([]);

  // A name stands where its language begins, its message where its own does.
  const first = page.locator('#list .first').last();
  const badge = await first.locator('.badge').boundingBox();
  const text = await first.locator('.text').boundingBox();
  expect(badge.x).toBeGreaterThan(text.x + text.width);
});

for (const [locale, words] of [
  ['de', 'Noch keine Nachrichten.'],
  ['ar', 'لا توجد رسائل بعد.'],
  ['fr-CA', 'Aucun message pour l’instant.'],
  ['es-MX', 'Todavía no hay mensajes.'],
  ['pt-BR', 'Ainda não há mensagens.'],
  ['ja-JP', 'まだメッセージはありません。'],
  ['zh-CN', '还没有消息，来打个招呼吧！'],
]) {
  test(`${locale}: what the server has rendered stays as it is when the page comes to life`, async ({ visit, server }) => {
    // All but how many watch, and how the connection is.
    const shown = (page) =>
      page.locator('main').evaluate((main) => {
        const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
        const texts = [];
        while (walker.nextNode()) {
          if (!walker.currentNode.parentElement.closest('.presence, [hidden]')) texts.push(walker.currentNode.data.trim());
        }
        return texts.filter((text) => text !== '');
      });
    const still = await visit({ locale, hydrated: false, javaScriptEnabled: false });
    await expect(still.getByText(words)).toBeVisible();
    const before = await shown(still);
    const page = await visit({ locale });
    expect(await shown(page)).toEqual(before);
    expect(before.length).toBeGreaterThan(4);
    await expect(page.getByText(words)).toBeVisible();
  });
}

/** What a page says in letters of Latin, beside names, keys, addresses and times. */
const latin = (page) =>
  page.evaluate(() => {
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const { data, parentElement: element } = walker.currentNode;
      const words = data.replace(/https:\S+|\b(UTC|OBS|a-z)\b|\u2068[^\u2069]*\u2069/g, '');
      if (/[a-z]/i.test(words) && !element.closest('bdi, code, time, textarea, option, td[dir], .text, .badge, [hidden]')) found.push(data);
    }
    return found;
  });

test('every page of the owner is in Arabic, from right to left, and accessible', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('hello');
  const eve = await server.guest('Eve');
  await server.decide(eve.userId, 'ban', { reason: 'إعلانات' });
  await server.administer('1/settings', { slow_mode_seconds: 3 });
  const page = await visit({ locale: 'ar', path: '/admin', hydrated: false });
  await page.getByLabel('كلمة المرور').fill('wrong');
  await page.getByRole('button', { name: 'تسجيل الدخول' }).click();
  await expect(page.getByRole('alert')).toHaveText('كلمة المرور غير صحيحة.');
  expect(await latin(page)).toEqual([]);
  await page.getByLabel('كلمة المرور').fill(ADMIN_PASSWORD);
  await page.getByRole('button', { name: 'تسجيل الدخول' }).click();
  await expect(page.getByRole('heading', { name: 'الغرف' })).toBeVisible();
  const key = await page.evaluate(async () => (await (await fetch('/admin/keys')).text()).match(/admin\/keys\/([^/"]+)\/revoke/)[1]);
  for (const path of ['', '/rooms/1', '/rooms/1/log', '/keys', `/keys/${key}/revoke`, '/people']) {
    await page.goto(`${server.url}/admin${path}`);
    await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
    expect(await latin(page), path).toEqual([]);
    expect(await violations(page), path).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), path).toBe(true);
  }
  await page.getByLabel('الاسم').fill('نورا');
  await page.getByRole('button', { name: 'دعوة' }).click();
  const link = await page.locator('.made code').innerText();
  const guest = await visit({ locale: 'ar', path: new URL(link).pathname, hydrated: false });
  await expect(guest.getByText('للإشراف على كل الغرف باسم نورا.')).toBeVisible();
  expect(await latin(guest)).toEqual([]);

  // And in German, with an error beside its field.
  const german = await page.context().browser().newContext({ locale: 'de', storageState: await page.context().storageState() });
  const rooms = await german.newPage();
  await rooms.goto(`${server.url}/admin/rooms/1`);
  await rooms.getByLabel('Kurzname').fill('Groß');
  await rooms.getByRole('group', { name: 'Allgemein' }).getByRole('button', { name: 'Speichern' }).click();
  await expect(rooms.getByLabel('Kurzname')).toHaveAttribute('aria-invalid', 'true');
  await rooms.getByLabel('Kurzname').fill('klein');
  await rooms.getByRole('group', { name: 'Allgemein' }).getByRole('button', { name: 'Speichern' }).click();
  await expect(rooms.getByText('Gespeichert.')).toBeVisible();
  await german.close();
});

test('a room in Arabic says nothing in English', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('hello');
  const page = await visit({ locale: 'ar' });
  await connected(page, 'مباشر');
  expect(await latin(page)).toEqual([]);
  for (const path of ['/rooms/9', '/rooms/1/replay']) {
    const other = await visit({ locale: 'ar', path, hydrated: false });
    expect(await latin(other), path).toEqual([]);
  }
});

test('a site chooses the language of its chat', async ({ visit, server }) => {
  const site = await serve({ '/': `<script src="${server.url}/embed.js" data-lang="de" async></script>` });
  const page = await visit({ locale: 'ar', origin: site.origin, hydrated: false });
  await expect(page.frameLocator('iframe').getByRole('button', { name: 'Nachricht senden' })).toBeVisible();
  site.close();
});
