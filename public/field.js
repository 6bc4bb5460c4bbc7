// What the message field can do beyond being typed into: it offers the names of people and emoji, and recalls what was sent. The
// page runs this when it has come to life. What it shows stands ready in the page's template, with its words; who speaks, in the
// list. It uses no more than HTML, so that a browser downloads a third of what the same takes in WebAssembly.

const OFFERS = 6;
const RECALLED = 50;

const form = document.getElementById('form');
const input = document.getElementById('message');
input.after(document.getElementById('tools').content);
const people = document.getElementById('people');
const failed = document.getElementById('emoji-failed');
const attributes = { role: 'combobox', 'aria-autocomplete': 'list', 'aria-controls': 'people', 'aria-expanded': false, 'aria-keyshortcuts': '/' };
for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);

/** Tells the form that the field holds something else. */
const edited = () => input.dispatchEvent(new InputEvent('input', { bubbles: true }));

/** Writes in place of what stands between `start` and the caret, and of what is selected. */
function insert(start, text) {
  input.setRangeText(text, start, input.selectionEnd, 'end');
  edited();
  input.focus();
}

// What was sent, oldest first; and how far back in it the field is: 0 if it holds something else.

const sent = Array.from(document.querySelectorAll('#list .own .text'), (text) => text.textContent);
let back = 0;

form.addEventListener('submit', () => {
  if (input.value.trim() && input.value !== sent.at(-1)) sent.push(input.value);
  if (sent.length > RECALLED) sent.shift();
  back = 0;
});

/** Puts the text into the field that was sent before the one that is there, or after it. What somebody has typed or changed stays. */
function recall(step) {
  if (!input.value) back = 0;
  else if (back === 0 || input.value !== sent.at(-back)) return false;
  const next = back + step;
  if (next < 0 || next > sent.length) return back > 0;
  back = next;
  input.value = back ? sent.at(-back) : '';
  edited();
  return true;
}

// The names that fit what is typed after an `@`.

const names = () => Array.from(people.children, (option) => option.textContent);
const chosen = () => people.querySelector('[aria-selected=true]');
const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** What is being typed after an `@` that begins a mention (`src/app/mention.rs`), and where. After a space it is done. */
function typed() {
  const before = input.value.slice(0, input.selectionStart);
  const found = /(?<![\p{L}\p{M}\p{N}_@/+%=-])@([^@]*[^@\s])$/u.exec(before);
  return found && { at: found.index, name: found[1] };
}

/** Whoever speaks here but the reader, who has spoken last first. */
function speakers() {
  const own = new Set(Array.from(document.querySelectorAll('#list .own .name'), (name) => name.textContent));
  own.add(document.getElementById('username').value.trim());
  const all = Array.from(document.querySelectorAll('#list .name'), (name) => name.textContent.trim()).reverse();
  return [...new Set(all)].filter((name) => name && !own.has(name));
}

function offer() {
  const name = document.activeElement === input && typed()?.name;
  const fitting = name ? speakers().filter((speaker) => plain(speaker).startsWith(plain(name))) : [];
  people.replaceChildren(
    ...fitting.slice(0, OFFERS).map((name, n) => {
      const option = document.createElement('li');
      Object.assign(option, { id: `person-${n}`, role: 'option', dir: 'auto', textContent: name });
      return option;
    }),
  );
  choose(0);
}

function choose(n) {
  const options = [...people.children];
  options.forEach((option, at) => option.setAttribute('aria-selected', at === n));
  people.hidden = options.length === 0;
  input.setAttribute('aria-expanded', !people.hidden);
  if (people.hidden) input.removeAttribute('aria-activedescendant');
  else input.setAttribute('aria-activedescendant', options[n].id);
}

function dismiss() {
  people.replaceChildren();
  choose(0);
}

function take(option) {
  insert(typed().at, `@${option.textContent} `);
}

input.addEventListener('input', () => {
  failed.hidden = true;
  offer();
});
input.addEventListener('blur', dismiss);
input.addEventListener('click', dismiss);
// The field keeps the focus.
people.addEventListener('mousedown', (event) => event.preventDefault());
people.addEventListener('click', ({ target }) => target.role === 'option' && take(target));

// The keys.

/** What a key does in the form; whether it does anything. */
function pressed({ key, target, shiftKey }) {
  const count = people.children.length;
  const at = [...people.children].indexOf(chosen());
  if (key === 'Escape') {
    // Else to where the keys scroll what was said.
    if (count) dismiss();
    else document.getElementById('log').focus();
    return true;
  }
  if (target !== input || shiftKey) return false;
  const step = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (step && count) choose((at + step + count) % count);
  else if (step) return recall(-step);
  else if (count && (key === 'Enter' || key === 'Tab')) take(chosen());
  else {
    // With the caret somewhere else, somebody else is meant.
    if (['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(key)) dismiss();
    return false;
  }
  return true;
}

document.addEventListener('keydown', (event) => {
  const { key, target, ctrlKey, altKey, metaKey, isComposing } = event;
  // Whoever composes a character chooses it with the same keys. What is open on top of the page has its own.
  if (ctrlKey || altKey || metaKey || isComposing || event.defaultPrevented || document.querySelector('dialog[open]')) return;
  if (form.contains(target)) {
    if (pressed(event)) event.preventDefault();
  } else if (key === '/' && !target.closest('input, textarea, select, [contenteditable]')) {
    input.focus();
    // A form that is not shown takes no focus: then the key is the browser's.
    if (document.activeElement === input) event.preventDefault();
  }
});

// Emoji. Any button with `data-emoji` opens the picker, and is told what was chosen by an event `emoji`, which has it as `detail`.

document.addEventListener('click', async ({ target }) => {
  const button = target.closest?.('[data-emoji]');
  if (!button) return;
  failed.hidden = true;
  try {
    const emoji = await pick(button);
    if (emoji) button.dispatchEvent(new CustomEvent('emoji', { detail: emoji, bubbles: true }));
  } catch {
    failed.hidden = false;
  }
});

document.getElementById('emoji').addEventListener('emoji', ({ detail }) => insert(input.selectionStart, detail));

let attempt = 0;

/** A module that could not be fetched is not fetched again under the same address (HTML, "fetch a single module script"). */
async function pick(button) {
  const panel = await import(`/emoji/panel.js${attempt ? `?${attempt}` : ''}`).catch((error) => {
    attempt += 1;
    throw error;
  });
  return panel.pick(button, button.ariaLabel);
}
