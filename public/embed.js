// Puts a room of the chat into another site's page. It stands there as
//   <script src="https://chat.example/embed.js" data-room="1" async></script>
// or, where no script can stand by itself (bundled, or run by another script), at each element of this kind:
//   <div data-live-chat="https://chat.example" data-room="1"></div>
// and reads data-theme, data-accent, data-readonly, data-lang, data-height and data-title, if they are there.
(() => {
  const SCRIPTS = 'script[src*="/embed.js"]';
  const PLACES = '[data-live-chat]';

  /** Makes the chat's frame of what an element says. */
  const frameFor = (element, base) => {
    const { room = '1', theme, accent, readonly, lang, height = '', title = 'Live chat' } = element.dataset;
    const url = new URL(`embed/${encodeURIComponent(room)}`, base);
    const query = { theme, accent: accent?.replace('#', ''), readonly, lang };
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);

    const frame = document.createElement('iframe');
    frame.src = url.href;
    frame.title = title;
    frame.loading = 'lazy';
    // What the chat needs; not to lead the page that it stands in to another address.
    frame.sandbox = 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox';
    frame.style.cssText = 'display: block; width: 100%; height: clamp(20rem, 75vh, 40rem); border: 0';
    // A number is one of pixels. What is no length changes nothing.
    frame.style.height = /^\d+$/.test(height) ? `${height}px` : height || frame.style.height;
    return frame;
  };

  /** Inserts a frame, unless the same one is there: frameworks run an effect twice, and page builders a script. */
  const insert = (frame, parent, place) => {
    const isSame = (other) =>
      other.localName === 'iframe' && other.src === frame.src && other.title === frame.title && other.style.height === frame.style.height;
    if (![...parent.children].some(isSame)) place(frame);
  };

  const whenParsed = (act) => {
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', act, { once: true });
    else act();
  };

  const show = (element) => {
    const base = element.dataset.liveChat || element.src;
    if (!base) return explain();
    const frame = frameFor(element, base);
    if (element.matches(PLACES)) return insert(frame, element, () => element.append(frame));
    if (element.parentNode && !element.closest('head')) return insert(frame, element.parentNode, () => element.after(frame));
    // Nothing in a head is shown: from there, it goes to the end of the page.
    whenParsed(() => insert(frame, document.body, () => document.body.append(frame)));
  };

  const explain = () => {
    console.error(
      'Live chat: the script does not know where the chat is to stand. Add <div data-live-chat="https://chat.example" data-room="1"></div>, ' +
        'with the address of your chat, or an <iframe src="https://chat.example/embed/1" title="Live chat"></iframe>.',
    );
  };

  // A module, or a script that another one runs, has no element of its own.
  const own = document.currentScript;
  if (own && (own.dataset.room !== undefined || own.matches(SCRIPTS))) return show(own);
  whenParsed(() => {
    const places = document.querySelectorAll(`${PLACES}, ${SCRIPTS}`);
    if (places.length) places.forEach(show);
    else explain();
  });
})();
