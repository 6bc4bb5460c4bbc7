import { ENTER, expect, test } from './webkit.js';

const texts = (webkit) => webkit.evaluate(() => Array.from(document.querySelectorAll('#list .text'), (text) => text.textContent));
const status = (webkit) => webkit.evaluate(() => document.querySelector('.presence [role=status]')?.textContent.trim());
const field = (webkit) => webkit.evaluate(() => document.getElementById('message').value);

/** Opens the chat and waits until it is live. */
async function open(webkit, server) {
  await webkit.goto(server.url);
  await expect.poll(() => status(webkit)).toBe('Live');
}

test.describe('in WebKit', () => {
  test('people read and write, over a restart of the server', async ({ webkit, server }) => {
    const bob = await server.guest('Bob');
    await bob.say('before');
    await open(webkit, server);
    expect(await texts(webkit)).toEqual(['before']);
    await webkit.type('#username', 'Ann');
    await webkit.type('#message', `hello${ENTER}`);
    await expect.poll(() => texts(webkit)).toEqual(['before', 'hello']);
    expect(await field(webkit)).toBe('');
    await bob.say('hi Ann 👋');
    await expect.poll(() => texts(webkit)).toEqual(['before', 'hello', 'hi Ann 👋']);
    await server.stop();
    await expect.poll(() => status(webkit)).toMatch(/^Reconnecting/);
    await server.start();
    await bob.say('again');
    await expect.poll(() => texts(webkit), { timeout: 30_000 }).toEqual(['before', 'hello', 'hi Ann 👋', 'again']);
    await expect.poll(() => status(webkit)).toBe('Live');
  });

  test('a name is completed, and Enter that confirms a composition does neither that nor send', async ({ webkit, server }) => {
    const anna = await server.guest('Anna');
    await anna.say('one');
    await open(webkit, server);
    await webkit.type('#username', 'Bob');
    await webkit.type('#message', '@An');
    const options = () => webkit.evaluate(() => Array.from(document.querySelectorAll('#people [role=option]:not([hidden])'), (option) => option.textContent));
    await expect.poll(options).toEqual(['Anna']);
    // The order of events in Safari: the composition has ended when the key comes, which only its code tells.
    const confirm = () =>
      webkit.evaluate(() => {
        const message = document.getElementById('message');
        message.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }));
        message.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }));
        const key = new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true });
        return message.dispatchEvent(key);
      });
    await confirm();
    expect([await field(webkit), await options()]).toEqual(['@An', ['Anna']]);
    await webkit.type('#message', ENTER);
    await expect.poll(() => field(webkit)).toBe('@Anna ');
    await webkit.type('#message', 'hi');
    await confirm();
    expect(await field(webkit)).toBe('@Anna hi');
    await webkit.type('#message', ENTER);
    await expect.poll(() => texts(webkit)).toEqual(['one', '@Anna hi']);
  });
});
