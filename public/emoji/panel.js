// The emoji picker, as the page opens it. It is fetched when somebody first asks for it: the element that shows the emoji is
// in vendor/, and what it knows of them comes from database.js.

/** How far the panel keeps from what it stands at, and from the window's edges, in CSS pixels. */
const GAP = 8;
const HEIGHT = 400;

/** The interface languages of the element, but for English, which is in it; and those of the emoji's names. */
const WORDS = ['de', 'ar'];
const NAMES = ['de', 'en'];

const STYLE = `
  .emoji-panel {
    width: min(22rem, 100vw - ${2 * GAP}px);
    padding: 0;
    margin: 0;
    overflow: hidden;
    background: none;
    border: 0;
    border-radius: var(--radius);
    outline: 0;
    box-shadow: var(--shadow);
  }
  .emoji-panel::backdrop {
    background: none;
  }
  emoji-picker {
    width: 100%;
    height: 100%;
    color-scheme: var(--raised-tone, inherit);
    --background: var(--raised);
    --border-color: var(--line);
    --border-radius: var(--radius);
    --indicator-color: var(--accent);
    --input-border-color: var(--line-strong);
    --input-border-radius: calc(var(--radius) - 0.25rem);
    --input-font-color: var(--text);
    --input-padding: 0.375rem 0.75rem;
    --input-placeholder-color: var(--muted);
    --outline-color: var(--accent);
    --category-font-color: var(--muted);
    --category-font-size: 0.8125rem;
    --button-active-background: var(--own);
    --button-hover-background: var(--hover);
    --category-emoji-size: 1.125rem;
    --emoji-padding: 0.4375rem;
  }
  @media (max-width: 22rem) {
    emoji-picker {
      --emoji-padding: 0.3125rem;
    }
  }`;

let made;
let choosing;

/**
 * Has somebody choose an emoji in a dialog above `anchor`, or below it where there is more room, that is called `label`. Resolves
 * with the emoji, or with nothing if they close the dialog; rejects if it cannot be fetched, and may be tried again.
 */
function pick(anchor, label) {
  // Pressed again before it was there, it opens once.
  choosing ??= choose(anchor, label).finally(() => (choosing = undefined));
  return choosing;
}

async function choose(anchor, label) {
  made ??= make().catch((error) => {
    made = undefined;
    throw error;
  });
  const { dialog, picker } = await made;
  const shown = visible(anchor);
  const placed = () => place(dialog, shown);
  dialog.ariaLabel = label;
  dialog.returnValue = '';
  dialog.showModal();
  placed();
  window.addEventListener('resize', placed);
  const search = picker.shadowRoot.querySelector('input[type=search]');
  search.value = '';
  search.dispatchEvent(new Event('input'));
  // On a phone its keyboard would take the room that the emoji need: there the dialog itself has the focus.
  (matchMedia('(pointer: coarse)').matches ? dialog : search).focus();
  await new Promise((closed) => dialog.addEventListener('close', closed, { once: true }));
  window.removeEventListener('resize', placed);
  return dialog.returnValue || undefined;
}

async function make() {
  const [language] = document.documentElement.lang.split('-');
  const names = NAMES.includes(language) ? language : 'en';
  const dataSource = new URL(`vendor/${names}.json`, import.meta.url).href;
  const [{ default: Picker }, { default: Database }, words] = await Promise.all([
    import('./vendor/picker.js'),
    import('./database.js'),
    WORDS.includes(language) ? import(`./vendor/${language}.js`) : {},
  ]);
  // Before it is shown, so that one who is offline is told so once, by the page.
  await Database.fetch(dataSource);

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  document.adoptedStyleSheets.push(sheet);
  const picker = new Picker({ dataSource, locale: names, ...(words.default && { i18n: words.default }) });
  const dialog = document.createElement('dialog');
  dialog.className = 'emoji-panel';
  dialog.tabIndex = -1;
  dialog.append(picker);
  // All of it is the picker's: what is pressed on the dialog itself is beside it.
  dialog.addEventListener('click', ({ target }) => target === dialog && dialog.close());
  picker.addEventListener('emoji-click', ({ detail }) => dialog.close(detail.unicode));
  document.body.append(dialog);
  return { dialog, picker };
}

/** What the panel is to stand at: the anchor, or what has the focus, where the anchor was in a menu that has closed. */
function visible(anchor) {
  return [anchor, document.activeElement].find((element) => element !== document.body && element?.checkVisibility());
}

/** Where there is more room, and wholly in the window. (These are coordinates of the window, which know no writing direction.) */
function place(dialog, anchor) {
  const { innerWidth, innerHeight } = window;
  const { top, bottom, left, right } = anchor?.getBoundingClientRect() ?? new DOMRect(innerWidth, innerHeight);
  const [above, below] = [top - 2 * GAP, innerHeight - bottom - 2 * GAP];
  const isAbove = above >= Math.min(HEIGHT, below);
  const height = Math.min(HEIGHT, Math.max(above, below));
  const isRtl = document.dir === 'rtl';
  const wished = isRtl ? left : right - dialog.offsetWidth;
  dialog.style.height = `${height}px`;
  dialog.style.top = `${isAbove ? top - GAP - height : bottom + GAP}px`;
  dialog.style.left = `${Math.max(GAP, Math.min(wished, innerWidth - GAP - dialog.offsetWidth))}px`;
}

// For `src/app/components/emoji_button.rs`.
window.emojiPanel = { pick };
