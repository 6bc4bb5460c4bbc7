// What the picker knows of its emoji: the `Database` of emoji-picker-element, in memory. The library's own needs IndexedDB, which a
// private window or another site's frame may not have, and `crypto.subtle`, which there is over HTTPS alone.

/** Where a browser keeps the skin tone, and how often each emoji was chosen. */
const KEY = 'live-chat.emoji';

const sources = new Map();
const kept = { tone: 0, counts: {} };
try {
  Object.assign(kept, JSON.parse(localStorage.getItem(KEY)));
} catch {
  // It keeps nothing, or something else: for as long as the page is open it is known all the same.
}

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // As above.
  }
}

/** A text by its words, without accents: each behind a space. */
const words = (text) => {
  const plain = text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
  return plain.split(/[^\p{L}\p{N}]+/u).filter(Boolean).map((word) => ` ${word}`);
};

async function load(dataSource) {
  const response = await fetch(dataSource);
  if (!response.ok) throw new Error(`${dataSource}: ${response.status}`);
  const emoji = (await response.json()).sort((a, b) => a.order - b.order);
  return emoji.map(({ emoji, skins, ...rest }) => ({
    ...rest,
    unicode: emoji,
    skins: skins?.map(({ emoji, ...skin }) => ({ ...skin, unicode: emoji })),
    words: words([rest.annotation, ...(rest.tags ?? [])].join(' ')).join(''),
  }));
}

export default class Database {
  customEmoji = [];
  #emoji;

  /** Has that file at hand. */
  static fetch(dataSource) {
    if (!sources.has(dataSource)) {
      sources.set(dataSource, load(dataSource));
      sources.get(dataSource).catch(() => sources.delete(dataSource));
    }
    return sources.get(dataSource);
  }

  constructor({ dataSource, locale }) {
    Object.assign(this, { dataSource, locale });
    this.#emoji = Database.fetch(dataSource);
  }

  async ready() {
    await this.#emoji;
  }

  async getEmojiByGroup(group) {
    return (await this.#emoji).filter((emoji) => emoji.group === group);
  }

  /** Those of which each word of the query begins a word. */
  async getEmojiBySearchQuery(query) {
    const asked = words(query);
    return (await this.#emoji).filter((emoji) => asked.length > 0 && asked.every((word) => emoji.words.includes(word)));
  }

  async getEmojiByUnicodeOrName(unicode) {
    const is = (emoji) => emoji.unicode === unicode || emoji.skins?.some((skin) => skin.unicode === unicode);
    return (await this.#emoji).find(is) ?? null;
  }

  async getPreferredSkinTone() {
    return kept.tone;
  }

  async setPreferredSkinTone(tone) {
    kept.tone = tone;
    keep();
  }

  async incrementFavoriteEmojiCount(unicode) {
    kept.counts[unicode] = (kept.counts[unicode] ?? 0) + 1;
    keep();
  }

  async getTopFavoriteEmoji(limit) {
    const most = Object.entries(kept.counts).sort(([, a], [, b]) => b - a).slice(0, limit);
    const found = await Promise.all(most.map(([unicode]) => this.getEmojiByUnicodeOrName(unicode)));
    return found.filter(Boolean);
  }

  async close() {}
}
