// Starts the islands of a page. What cannot start leaves the page as it was without scripts, which works.
const islands = [...document.querySelectorAll("leptos-island")];

/** Takes over what the reader has already typed into the fields of another copy of an island. */
const keepTyped = (from, to) => {
  for (const field of from.querySelectorAll("input[id], textarea[id]")) {
    const same = to.querySelector(`#${field.id}`);
    if (!same) continue;
    same.value = field.value;
    same.checked = field.checked;
  }
};

/** Puts an island back as the server sent it. */
const restore = (island) => {
  const clean = island.sent.cloneNode(true);
  clean.sent = island.sent;
  keepTyped(island, clean);
  const focused = island.contains(document.activeElement) && document.activeElement.id;
  island.replaceWith(clean);
  if (focused) document.getElementById(focused)?.focus();
  const log = document.getElementById("log");
  if (log) log.scrollTop = log.scrollHeight;
  return clean;
};

/** Whether the reader has typed something that a reload would lose. */
const hasTyped = () =>
  [...document.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue && field.id !== "username");

const fail = (reason) => {
  console.info("The page could not start and goes on without its script.", reason);
  for (const island of document.querySelectorAll("leptos-island")) if (island.sent) restore(island);
  const isReload = performance.getEntriesByType?.("navigation")[0]?.type === "reload";
  // Once: a page that was just reloaded would only fail again.
  if (!isReload && !hasTyped()) return location.reload();
  document.documentElement.dataset.failed = "";
  const notice = document.getElementById("failed");
  if (notice) notice.hidden = false;
};

try {
  const app = await import(SCRIPT);
  await app.default({ module_or_path: MODULE });
  app.hydrate();
  for (const island of islands) {
    // Translation, extensions and data detectors may have changed what is to be taken over.
    const isAsSent = !island.sent || island.isEqualNode(island.sent);
    const taken = isAsSent ? island : restore(island);
    app[taken.dataset.component](taken);
  }
  app.started();
} catch (error) {
  fail(error);
}
