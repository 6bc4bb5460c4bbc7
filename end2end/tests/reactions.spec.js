import AxeBuilder from '@axe-core/playwright';
import { expect, live, messages, say, test } from './fixtures.js';

/** The row of a message. */
const row = (page, text) => messages(page).filter({ hasText: text });

/** A reaction's button below a message. */
const chip = (page, text, label) => row(page, text).getByRole('button', { name: label, exact: true });

/** Opens the menu of a message with the mouse. */
async function menu(page, text) {
  await row(page, text).hover();
  await row(page, text).getByRole('button', { name: /^Options for/ }).click();
  const menu = page.getByRole('dialog', { name: 'Options for the message' });
  await expect(menu).toBeVisible();
  return menu;
}

async function react(page, text, emoji) {
  await (await menu(page, text)).getByRole('button', { name: emoji }).click();
}

const idOf = (page, text) => row(page, text).getAttribute('id');

test('a reaction is counted in every window, taken back, and kept', async ({ visit, server }) => {
  const [ann, bob] = [await visit(), await visit()];
  await live(ann);
  await live(bob);
  await say(ann, 'hello', 'Ann');
  await react(bob, 'hello', '🎉');
  await expect(chip(bob, 'hello', '🎉 1, including you')).toHaveAttribute('aria-pressed', 'true');
  await expect(bob.getByRole('dialog', { name: 'Options for the message' })).toBeHidden();
  await expect(chip(ann, 'hello', '🎉 1')).toHaveAttribute('aria-pressed', 'false');
  await chip(ann, 'hello', '🎉 1').click();
  await expect(chip(bob, 'hello', '🎉 2, including you')).toBeVisible();
  await expect(chip(ann, 'hello', '🎉 2, including you')).toBeVisible();
  expect((await new AxeBuilder({ page: ann }).analyze()).violations).toEqual([]);

  await bob.reload();
  await expect(chip(bob, 'hello', '🎉 2, including you')).toBeVisible();
  await live(bob);
  await chip(bob, 'hello', '🎉 2, including you').click();
  await expect(chip(ann, 'hello', '🎉 1, including you')).toBeVisible();
  await expect(chip(bob, 'hello', '🎉 1')).toHaveAttribute('aria-pressed', 'false');
  await chip(ann, 'hello', '🎉 1, including you').click();
  for (const page of [ann, bob]) await expect(row(page, 'hello').getByRole('button', { name: /🎉/ })).toHaveCount(0);

  await react(bob, 'hello', '👍');
  await expect(chip(ann, 'hello', '👍 1')).toBeVisible();
  await server.delete(`messages/${await idOf(bob, 'hello')}`);
  await expect(messages(bob)).toHaveCount(0);
  await expect(ann.getByRole('button', { name: /👍/ })).toHaveCount(0, 'not even its author sees them');
});

test('reactions need no pointer', async ({ visit, server }) => {
  await (await server.guest('Ann')).say('hello');
  const page = await visit();
  await live(page);
  await row(page, 'hello').getByRole('button', { name: 'Options for the message of Ann' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Options for the message' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: '👍' })).toBeFocused();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Options for the message' })).toBeHidden();
  const opener = row(page, 'hello').getByRole('button', { name: 'Options for the message of Ann' });
  await expect(opener).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(chip(page, 'hello', '❤️ 1, including you')).toBeVisible();
  await expect(opener).toBeFocused();
  await page.keyboard.press('ArrowRight');
  await expect(chip(page, 'hello', '❤️ 1, including you')).toBeFocused();
  const other = await server.guest('Bob');
  await other.react(await idOf(page, 'hello'), '❤️');
  await expect(chip(page, 'hello', '❤️ 2, including you')).toBeFocused();
  await page.keyboard.press('Space');
  await expect(chip(page, 'hello', '❤️ 1')).toBeFocused();
});

for (const [name, options] of [
  ['at a desk', {}],
  ['on a phone', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
  ['from right to left', { locale: 'ar' }],
]) {
  test(`any emoji can be a reaction, ${name}`, async ({ visit, server }) => {
    await (await server.guest('Ann')).say('hello');
    const page = await visit(options);
    await expect(page.locator('#emoji')).toBeVisible();
    const press = (button) => (options.hasTouch ? button.tap() : button.click());
    const picker = page.locator('dialog.emoji-panel');
    const choose = async () => {
      await row(page, 'hello').hover();
      await press(row(page, 'hello').locator('.more'));
      await press(page.locator('#actions .other'));
      await expect(picker).toBeInViewport({ ratio: 1 });
      await expect(page.locator('#actions')).toBeHidden();
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
      await picker.getByRole('combobox').fill('rocket');
      await press(picker.getByRole('option', { name: /^🚀,/ }));
      await expect(picker).toBeHidden();
    };
    await choose();
    await expect(row(page, 'hello').locator('.chip')).toContainText('🚀 1');
    await expect(page.locator('#message')).toHaveValue('');
    // The same again takes it back.
    await choose();
    await expect(row(page, 'hello').locator('.chip:visible')).toHaveCount(0);
  });
}

test.describe('the network goes away', () => {
  test.use({ networkErrors: true });

  test('who comes back has the counts that hold, and who could not react is told so', async ({ visit, server }) => {
    const guests = [await server.guest('Ann'), await server.guest('Bob'), await server.guest('Cy')];
    await guests[0].say('one');
    await guests[0].say('two');
    const page = await visit();
    await live(page);
    await guests[0].react(await idOf(page, 'one'), '👍');
    await expect(chip(page, 'one', '👍 1')).toBeVisible();
    // The menu is loaded when it is first asked for.
    const options = await menu(page, 'two');
    await page.keyboard.press('Escape');
    await expect(options).toBeHidden();
    await page.context().setOffline(true);
    await expect(page.getByRole('status').filter({ hasText: 'Offline' })).toBeVisible();
    await react(page, 'two', '😂');
    await expect(page.getByRole('alert').filter({ hasText: 'There is no connection. Please try again.' })).toBeVisible();
    await expect(row(page, 'two').getByRole('button', { name: /😂/ })).toHaveCount(0);
    for (const guest of guests) await guest.react(await idOf(page, 'two'), '🚀');
    await guests[1].react(await idOf(page, 'one'), '👍');
    await guests[0].react(await idOf(page, 'one'), '👍', 'DELETE');
    await guests[2].react(await idOf(page, 'one'), '👀');
    await page.context().setOffline(false);
    await expect(chip(page, 'two', '🚀 3')).toBeVisible();
    await expect(chip(page, 'one', '👀 1')).toBeVisible();
    await expect(chip(page, 'one', '👍 1')).toBeVisible();
  });

  test('a reaction that is refused is taken back with the reason', async ({ visit, server }) => {
    await (await server.guest('Ann')).say('hello');
    const page = await visit();
    await live(page);
    await server.administer('1/settings', { paused: true });
    await expect(page.getByText('A moderator has paused this chat.')).toBeVisible();
    await react(page, 'hello', '👍');
    const told = page.getByRole('alert').filter({ hasText: 'A moderator has paused this chat.' });
    await expect(told).toBeVisible();
    await expect(row(page, 'hello').getByRole('button', { name: /👍/ })).toHaveCount(0);
    await server.administer('1/settings', { paused: false });
    await react(page, 'hello', '👍');
    await expect(told).toBeHidden();
    await expect(chip(page, 'hello', '👍 1, including you')).toBeVisible();
  });
});

test('older messages come with their reactions, and count on', async ({ visit, server }) => {
  await server.fill(60);
  const guest = await server.guest('Ann');
  const id = (await server.log())[0].id;
  await guest.react(id, '👍');
  const page = await visit();
  await live(page);
  await page.getByRole('button', { name: 'Load older messages' }).press('Enter');
  await expect(messages(page)).toHaveCount(60);
  const first = messages(page).first();
  await expect(first.getByRole('button', { name: '👍 1', exact: true })).toBeVisible();
  await (await server.guest('Bob')).react(id, '👍');
  await expect(first.getByRole('button', { name: '👍 2', exact: true })).toBeVisible();
});

test.describe('where nobody writes', () => {
  test('a read-only embed counts, and an overlay does not', async ({ visit, server }) => {
    const guest = await server.guest('Ann');
    await guest.say('hello');
    const page = await visit({ path: '/embed/1?readonly=1' });
    await live(page);
    await guest.react(await idOf(page, 'hello'), '👍');
    await expect(chip(page, 'hello', '👍 1')).toBeDisabled();
    await expect(page.getByRole('button', { name: /^Options for/ })).toHaveCount(0);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    const overlay = await visit({ path: '/overlay/1' });
    await expect(row(overlay, 'hello')).toBeVisible();
    await expect(overlay.getByText('👍')).toBeHidden();
  });

  test('without JavaScript they stand in the page', async ({ visit, server }) => {
    const guest = await server.guest('Ann');
    await guest.say('hello');
    const { id } = (await server.log())[0];
    await guest.react(id, '👍');
    await guest.reply('to that', id);
    const page = await visit({ javaScriptEnabled: false, hydrated: false });
    await expect(chip(page, 'hello', '👍 1')).toBeVisible();
    await expect(row(page, 'to that').getByRole('link', { name: 'Ann: hello' })).toBeVisible();
    await row(page, 'to that').getByRole('link', { name: 'Ann: hello' }).click();
    await expect(page.getByText('These are older messages.')).toBeVisible();
    await expect(messages(page).last()).toContainText('hello');
  });
});

test('a reply shows what it quotes in every window, until that is deleted', async ({ visit, server }) => {
  const [ann, bob] = [await visit(), await visit()];
  await live(ann);
  await live(bob);
  await say(ann, 'what time is it?', 'Ann');
  await (await menu(bob, 'what time')).getByRole('button', { name: 'Reply' }).click();
  await expect(bob.getByLabel('Message', { exact: true })).toBeFocused();
  await expect(bob.getByText('Replying to Ann')).toBeVisible();
  expect((await new AxeBuilder({ page: bob }).analyze()).violations).toEqual([]);
  await bob.keyboard.press('Escape');
  await expect(bob.getByText('Replying to Ann')).toBeHidden();
  await (await menu(bob, 'what time')).getByRole('button', { name: 'Reply' }).click();
  await bob.getByRole('button', { name: /Cancel the reply/ }).click();
  await expect(bob.getByText('Replying to Ann')).toBeHidden();
  await (await menu(bob, 'what time')).getByRole('button', { name: 'Reply' }).click();
  await say(bob, 'half past nine', 'Bob');
  await expect(bob.getByText('Replying to Ann')).toBeHidden();
  for (const page of [ann, bob]) {
    await expect(row(page, 'half past nine').getByRole('link', { name: 'Ann: what time is it?' })).toBeVisible();
  }
  await expect(row(ann, 'half past nine')).toHaveClass(/for-reader/);
  await expect(row(bob, 'half past nine')).not.toHaveClass(/for-reader/);
  expect((await new AxeBuilder({ page: ann }).analyze()).violations).toEqual([]);
  await say(bob, 'and no reply');
  await expect(row(ann, 'and no reply')).toBeVisible();
  await expect(row(ann, 'and no reply').getByRole('link')).toHaveCount(0);

  await server.delete(`messages/${await messages(bob).first().getAttribute('id')}`);
  for (const page of [ann, bob]) {
    await expect(row(page, 'half past nine')).toContainText('Quoted message was deleted');
    await expect(row(page, 'half past nine')).not.toContainText('what time');
  }
  await bob.reload();
  await expect(row(bob, 'half past nine')).toContainText('Quoted message was deleted');
});

test('a quote leads to its message, in the list or on a page of older ones', async ({ visit, server }) => {
  const guest = await server.guest('Ann');
  await guest.say('the first');
  await server.fill(180);
  const page = await visit();
  await live(page);
  const log = await server.log();
  await guest.reply('to the first', log[0].id);
  await guest.reply('to another', log[150].id);
  await guest.reply('to nothing', 'AAAAAAAAAAAA');
  await expect(row(page, 'to nothing')).toBeVisible();
  await expect(row(page, 'to nothing').getByRole('link')).toHaveCount(0);
  await row(page, 'to another').getByRole('link', { name: 'Robin: message 150' }).click();
  await expect(page.locator(`[id="${log[150].id}"]`)).toBeInViewport();
  await row(page, 'to the first').getByRole('link', { name: 'Ann: the first' }).click();
  await expect(page.getByText('These are older messages.')).toBeVisible();
  await expect(messages(page).last()).toContainText('the first');
});

test('all of a spammer goes, their reactions too', async ({ visit, server }) => {
  const [ann, spammer] = [await server.guest('Ann'), await server.guest('Spam')];
  await ann.say('hello');
  const page = await visit();
  await live(page);
  await spammer.react(await idOf(page, 'hello'), '💩');
  await expect(chip(page, 'hello', '💩 1')).toBeVisible();
  await server.delete(`users/${spammer.userId}/messages`);
  await expect(row(page, 'hello').getByRole('button', { name: /💩/ })).toHaveCount(0);
});
