// The server's judgement of JSON against the browser's own parser: what it accepts is what JSON.parse reads without loss of meaning.
import { WIDGET_KEY } from './server.js';
import { expect, messages, test } from './fixtures.js';

// What is refused is a 400, which Chromium writes to its console.
test.use({ networkErrors: true });

const SEED = 20_261_129;
const CASES = 600;

/** Numbers from 0 up to 1, the same in every run (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Writes JSON at random, some of it at the edge of the rule or beyond it. */
class Writer {
  constructor(seed) {
    this.next = random(seed);
  }

  below(count) {
    return Math.floor(this.next() * count);
  }

  pick(all) {
    return all[this.below(all.length)];
  }

  blank() {
    return this.pick(['', '', '', ' ', '\n', '\t\r\n']);
  }

  /** A string as JSON, whose characters are written in any way. */
  string(characters) {
    const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    const write = (character) => {
      const mustEscape = /["\\\u0000-\u001f]/.test(character);
      return mustEscape || this.below(4) === 0 ? character.split('').map(escaped).join('') : character;
    };
    return `"${Array.from({ length: this.below(6) }, () => write(this.pick(characters))).join('')}"`;
  }

  number() {
    const digits = () => String(this.below(1_000_000));
    const ways = [
      () => digits(),
      () => `-${digits()}.${digits()}`,
      () => `${digits()}e${this.below(330) - 20}`,
      () => `${digits()}E-${this.below(400)}`,
      () => `1${'0'.repeat(this.below(320))}`,
      () => this.pick(['0', '-0', '1e308', '1.8e308', '1.7976931348623157e308', '1.7976931348623159e308', '-1e309', '5e-324', '1e-999']),
      () => this.pick(['01', '1.', '.5', '+1', 'NaN', '1e', '0x10']),
    ];
    return ways[this.below(40) === 0 ? 6 : this.below(6)]();
  }

  value(depth) {
    const strings = ['a', 'é', '😀', '\u2028', '"', '\\', '\n', '\u0000', '‮'];
    if (this.below(60) === 0) return this.pick(['"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"', '"\\uD83Dx"']);
    if (this.below(80) === 0) return '['.repeat(this.below(40)) + this.number() + ']'.repeat(this.below(40));
    if (this.below(60) === 0) {
      const levels = 28 + this.below(8);
      return '['.repeat(levels) + ']'.repeat(levels);
    }
    if (depth === 0 || this.below(3) === 0) {
      return this.pick([() => this.number(), () => this.string(strings), () => this.pick(['true', 'false', 'null'])])();
    }
    const all = (one) => Array.from({ length: this.below(4) }, one).join(this.blank() + ',' + this.blank());
    const key = () => (this.below(50) === 0 ? '"\\ud800"' : this.pick(['"a"', '"b"', '"\\u0061"', '"c"', '"d"', '"e"', '""', '"__proto__"', '"A"']));
    const member = () => `${key()}${this.blank()}:${this.blank()}${this.value(depth - 1)}`;
    return this.below(2) ? `[${this.blank()}${all(() => this.value(depth - 1))}]` : `{${all(member)}${this.blank()}}`;
  }

  /** A JSON text, sometimes with one character too many or too few. */
  text() {
    const text = this.blank() + this.value(4) + this.blank();
    if (this.below(12)) return text;
    const at = this.below(text.length + 1);
    return text.slice(0, at) + this.pick(['', ',', '}', '"', ' ', '\\', '0']) + text.slice(at + this.below(2));
  }
}

/** What a text is by `JSON.parse`: its value in one spelling if every parser can read it, and else nothing. Runs in the browser. */
function judge(text) {
  let members = 0;
  let isReadable = true;
  const visit = function (key, value) {
    const isMember = !Array.isArray(this) && this !== undefined;
    if (isMember) members += 1;
    if (!key.isWellFormed()) isReadable = false;
    if (typeof value === 'number' && !Number.isFinite(value)) isReadable = false;
    if (typeof value === 'string' && !value.isWellFormed()) isReadable = false;
    return value;
  };
  const depth = (value) => (value instanceof Object ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0);
  try {
    const value = JSON.parse(text, visit);
    // The parser keeps the last of equal keys: then there are fewer members than colons outside of strings. (The root is one.)
    const colons = text.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
    if (members - 1 !== colons || depth(value) > 32 || !isReadable) return null;
    return JSON.stringify(value);
  } catch {
    return null;
  }
}

test('what is accepted is what the browser reads, and it is relayed as that', async ({ visit, server }) => {
  const page = await visit();
  const guest = await server.guest('Robin');
  const writer = new Writer(SEED);
  let accepted = 0;
  for (let n = 0; n < CASES; n++) {
    const text = writer.text();
    const expected = await page.evaluate(judge, text);
    const response = await fetch(`${server.url}/publish/1?token=${guest.token}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"widget_key":"${WIDGET_KEY}","type":"broadcast","message":${text}}`,
    });
    const answer = await response.json();
    expect(response.status, `${JSON.stringify(text)}: ${answer.message}`).toBe(expected === null ? 400 : 200);
    if (expected === null) continue;
    accepted += 1;
    const told = await (await fetch(`${server.url}/v1/streams/1/messages/${answer.data.id}`)).text();
    const relayed = /"data":.*?"message":(.*)\}\}$/s.exec(told)[1];
    expect(await page.evaluate(judge, relayed), JSON.stringify(text)).toBe(expected);
    // Nothing but whitespace between tokens is gone.
    const strings = (json) => json.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
    expect(strings(relayed)).toEqual(strings(text));
  }
  expect(accepted).toBeGreaterThan(CASES / 4);
  expect(CASES - accepted).toBeGreaterThan(CASES / 20);
});

test('a text is displayed as the browser reads it, whatever way it is written', async ({ visit, server }) => {
  const page = await visit();
  const guest = await server.guest('Robin');
  const writer = new Writer(SEED + 1);
  for (let n = 1; n <= 40; n++) {
    const text = `"x${writer.string(['a', 'é', '😀', '"', '\\', '<b>', '&amp;', 'ß', '中', "'"]).slice(1)}`;
    await guest.send(`{"type":"chat","username":"Robin","z":${n},"message_\\u0074ext":${text}}`);
    await expect(messages(page)).toHaveCount(n);
    const expected = await page.evaluate((text) => JSON.parse(text), text);
    expect(await messages(page).last().locator('.text').textContent()).toBe(expected);
  }
  // As the server renders it.
  await page.reload();
  await expect(messages(page)).toHaveCount(40);
});

test('a text that is too high, or that nobody sees, is refused with the reason', async ({ visit, server }) => {
  const page = await visit();
  const guest = await server.guest('Robin');
  await expect(guest.say(`x${'\n'.repeat(21)}x`)).rejects.toThrow('21 line breaks, and at most 20');
  await page.getByLabel('Username').fill('Robin');
  const field = page.getByLabel('Message', { exact: true });
  const rows = [
    [`x${'\u0301'.repeat(9)}`, /more than 8 marks/],
    ['\u3164\u200b\u00ad', /The message is empty/],
  ];
  for (const [text, reason] of rows) {
    await field.fill(text);
    await field.press('Enter');
    await expect(page.getByText(reason)).toBeVisible();
    await expect(messages(page)).toHaveCount(0);
  }
});
