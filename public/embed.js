// Puts a room of the chat where this script stands. All it reads is its own element:
//   <script src="https://chat.example/embed.js" data-room="1" async></script>
// and, if they are there, data-theme, data-accent, data-readonly, data-lang, data-height and data-title.
(() => {
  const script = document.currentScript;
  const { room = '1', theme, accent, readonly, lang, height = '', title = 'Live chat' } = script.dataset;

  const url = new URL(`embed/${encodeURIComponent(room)}`, script.src);
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

  // Nothing in a head is shown: from there, it goes to the end of the page.
  if (!script.closest('head')) script.after(frame);
  else if (document.body && document.readyState !== 'loading') document.body.append(frame);
  else document.addEventListener('DOMContentLoaded', () => document.body.append(frame));
})();
