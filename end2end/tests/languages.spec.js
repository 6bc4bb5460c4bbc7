import AxeBuilder from '@axe-core/playwright';
import { expect, messages, test } from './fixtures.js';

// A name that is reserved is refused with 409.
test.use({ provoked: /status of 409/ });

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
  await expect(messages(page).locator('.day')).toHaveText(/tag, \d+\. \p{L}+ \d{4}$/u);
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

for (const [locale, words] of [['de', 'Noch keine Nachrichten.'], ['ar', 'لا توجد رسائل بعد.']]) {
  test(`${locale}: what the server has rendered stays as it is when the page comes to life`, async ({ visit, server }) => {
    const shown = async (page) =>
      page.locator('main').evaluate((main) => {
        const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
        const texts = [];
        while (walker.nextNode()) texts.push(walker.currentNode.data.trim());
        return texts.filter((text) => text !== '');
      });
    const still = await visit({ locale, hydrated: false, javaScriptEnabled: false });
    await expect(still.getByText(words)).toBeVisible();
    const before = await shown(still);
    const page = await visit({ locale });
    const after = await shown(page);
    // All but how the connection is, and how many watch.
    expect(after.slice(4)).toEqual(before.slice(4));
    expect(before.length).toBeGreaterThan(8);
    await expect(page.getByText(words)).toBeVisible();
  });
}
