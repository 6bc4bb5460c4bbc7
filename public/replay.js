// Plays a room again from the moment that the page shows: what was said comes when it was said, as it came then.
const nav = document.querySelector('.replay');
const button = document.getElementById('play');
const input = document.getElementById('at');
const { room, length, moment } = nav.dataset;

/** How much of the room's time is fetched before it is due, in milliseconds, and how often it is looked what is. */
const AHEAD = 30_000;
const TICK = 200;
/** Messages that are fetched at once. */
const LIMIT = 500;
const TIMEOUT = 10_000;

const end = length * 1_000;
const words = { play: button.textContent, pause: button.dataset.pause };

let at = nav.dataset.at * 1_000; // Where it stands, in milliseconds from the room's start.
let known = at + 1; // Up to where it is known what was said.
let queue = []; // What is known and not due yet, the oldest first.
let timer;
let before; // When it was looked last, by the browser's clock.
let isFetching = false;

/** A time as players show it: `1:02:03`. */
function clock(seconds) {
  const part = (unit) => String(Math.floor(seconds / unit) % 60).padStart(2, '0');
  return `${Math.floor(seconds / 3_600)}:${part(60)}:${part(1)}`;
}

/** Leads a link to a moment, if there is one to lead to. */
function lead(link, seconds, isThere) {
  link.toggleAttribute('href', isThere);
  if (isThere) link.href = `?at=${seconds}${timer ? '&play' : ''}`;
  if (isThere) link.removeAttribute('aria-disabled');
  else link.setAttribute('aria-disabled', 'true');
}

function show(failed = '') {
  const seconds = Math.floor(at / 1_000);
  const values = { at: clock(seconds), length: clock(length) };
  nav.querySelector('.moment').textContent = failed || moment.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  button.textContent = timer ? words.pause : words.play;
  if (input !== document.activeElement) input.value = seconds;
  const links = [...nav.querySelectorAll('.step')];
  for (const link of links.filter(({ dataset }) => dataset.step)) {
    const step = Number(link.dataset.step);
    lead(link, Math.min(Math.max(seconds + step, 0), length), step < 0 ? seconds > 0 : seconds < length);
  }
  lead(links[0], 0, seconds > 0);
  if (queue.length) lead(links.at(-1), Math.ceil(queue[0].offset / 1_000), true);
  else if (known > end) lead(links.at(-1), 0, false);
}

/** Fetches what was said next, as far as it may soon be due. */
async function fetchAhead() {
  const from = known;
  const to = Math.min(Math.max(at, from) + AHEAD, end + 1);
  const fetched = [];
  for (let after = ''; after !== undefined; ) {
    const address = `/v1/streams/${room}/replay?from=${from}&to=${to}&limit=${LIMIT}${after && `&after=${after}`}`;
    const answer = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT) });
    if (!answer.ok) throw new Error(answer.status);
    const { data, meta } = await answer.json();
    fetched.push(...data);
    after = meta.has_more ? data.at(-1).id : undefined;
  }
  queue.push(...fetched);
  known = to;
}

function tick() {
  const now = performance.now();
  // The page must have come to life to show anything.
  const isReady = document.querySelector('[data-hydrated="true"]') && (known > end || known > at + TICK);
  if (isReady) at = Math.min(at + now - before, known - 1);
  before = now;
  while (queue.length && queue[0].offset <= at) {
    document.dispatchEvent(new CustomEvent('said', { detail: JSON.stringify(queue.shift()) }));
  }
  if (known <= end && known < at + AHEAD / 2 && !isFetching) {
    isFetching = true;
    fetchAhead()
      .catch(() => pause(nav.dataset.failed))
      .finally(() => (isFetching = false));
  }
  if (at >= end) pause();
  else show();
}

function play() {
  before = performance.now();
  timer = setInterval(tick, TICK);
  tick();
}

function pause(failed) {
  clearInterval(timer);
  timer = undefined;
  show(failed);
}

button.addEventListener('click', () => {
  if (timer) pause();
  // From its end, it plays from its start.
  else if (at >= end) location.search = '?at=0&play';
  else play();
});
button.hidden = end === 0;
if (new URLSearchParams(location.search).has('play') && at < end) play();
