// Keeps what is marked with `data-live` as the server has it now, for as long as somebody looks: a figure as a whole; of a list with
// ids, what is new, what is gone, and what has changed. What somebody types in, or has the focus on, stays as it is.
const every = 5_000;

const isInUse = (element) =>
  element.contains(document.activeElement) ||
  [...element.querySelectorAll('input')].some((input) => input.value !== input.defaultValue);

function refresh(shown, fresh) {
  const keyed = (element) => [...element.children].filter((child) => child.id);
  if (!shown.matches('ol, tbody')) {
    if (shown.innerHTML !== fresh.innerHTML && !isInUse(shown)) shown.replaceChildren(...fresh.childNodes);
    return;
  }
  for (const child of keyed(shown)) {
    if (!keyed(fresh).some(({ id }) => id === child.id) && !isInUse(child)) child.remove();
  }
  for (const child of keyed(fresh)) {
    const same = keyed(shown).find(({ id }) => id === child.id);
    if (!same) shown.append(child);
    else if (same.innerHTML !== child.innerHTML && !isInUse(same)) same.replaceChildren(...child.childNodes);
  }
  shown.hidden = !shown.children.length;
}

async function look() {
  const answer = await fetch(location.href);
  // A reader whose access was revoked, or who has signed out, finds another page there: asking again would not change that.
  if (answer.redirected || [401, 403, 404].includes(answer.status)) {
    clearInterval(looking);
    document.getElementById('access-ended').hidden = false;
    return;
  }
  if (!answer.ok) return;
  // The policy of the page that is shown knows no styles of another one.
  const text = (await answer.text()).replace(/<style[^]*?<\/style>/g, '');
  const page = new DOMParser().parseFromString(text, 'text/html');
  for (const shown of document.querySelectorAll('[data-live]')) {
    const fresh = page.querySelector(`[data-live="${shown.dataset.live}"]`);
    if (fresh) refresh(shown, fresh);
  }
}

const looking = setInterval(() => {
  // Without an answer the next look is as good.
  if (!document.hidden) look().catch(() => {});
}, every);
