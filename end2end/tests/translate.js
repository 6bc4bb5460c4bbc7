/**
 * Does to a page what a browser's translation does to it: each text, what is added later too, is put into two `font` elements, in other
 * words, and its own node is taken away. For `page.evaluate`.
 */
export function translatePage() {
  const skipped = 'script, style, template, input, textarea, [translate=no], font';
  const translate = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      if (!text.data.trim() || !text.parentElement || text.parentElement.closest(skipped)) continue;
      const [outer, inner] = [document.createElement('font'), document.createElement('font')];
      inner.textContent = `«${text.data}»`;
      outer.append(inner);
      text.replaceWith(outer);
    }
  };
  translate(document.body);
  new MutationObserver((records) => {
    for (const { addedNodes, target, type } of records) {
      if (type === 'characterData' && target.parentElement) translate(target.parentElement);
      for (const node of addedNodes) translate(node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement ?? node);
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}
