// What a moderator may do about a message: the page says in an event `moderate` about which, and with which token.
const dialog = document.getElementById('moderation');
const [heading, name, quote, reason, error] = ['h2', 'bdi', '.quote', 'input', '.error'].map((part) => dialog.querySelector(part));
const byAddress = dialog.querySelector('#by-address');
const others = dialog.querySelector('.by-address span');
const buttons = [...dialog.querySelectorAll('[data-act]')];

/** A request without an answer within this time has failed, in milliseconds. */
const TIMEOUT = 10_000;

let about; // The message that the dialog is open for.
let busy = false;

document.addEventListener('moderate', ({ detail }) => {
  about = JSON.parse(detail);
  name.textContent = about.name;
  quote.textContent = about.text;
  reason.value = '';
  fail('');
  byAddress.checked = false;
  byAddress.disabled = true;
  others.textContent = '';
  dialog.querySelector('.by-address').hidden = about.own;
  if (!about.own) countOthers(about);
  for (const button of buttons) {
    const { act, aboutAuthor } = button.dataset;
    // Nobody needs to be kept from what they say themselves.
    button.hidden = (about.own && aboutAuthor !== undefined) || act === (about.pinned ? 'pin' : 'unpin');
  }
  if (!dialog.open) dialog.showModal();
  // Its first field would have the focus, and on a phone bring up the keyboard.
  heading.focus();
});

/** Says how many other people a decision by address would hold for. */
async function countOthers(now) {
  const answer = await fetch(`/v1/streams/${now.room}/users/${encodeURIComponent(now.author)}/address`, {
    headers: { authorization: `Bearer ${now.token}` },
    signal: AbortSignal.timeout(TIMEOUT),
  }).catch(() => undefined);
  const told = answer?.ok ? await answer.json().catch(() => undefined) : undefined;
  if (about !== now || !told) return;
  byAddress.disabled = !told.data.known;
  const count = new Intl.NumberFormat(document.documentElement.lang).format(told.data.others);
  others.textContent = told.data.known ? dialog.dataset.others.replace('{count}', count) : dialog.dataset.unknown;
}

function fail(words) {
  error.textContent = words;
  error.hidden = !words;
}

function close() {
  dialog.close();
  // The button that opened it may be gone with its message.
  document.getElementById('log')?.focus();
}

/** The request that an act is: method, place and body. */
function request({ dataset: { act }, value }) {
  const user = `users/${encodeURIComponent(about.author)}`;
  const query = `?reason=${encodeURIComponent(reason.value)}`;
  switch (act) {
    case 'pin':
      return ['POST', 'settings', { pinned_message: about.id }];
    case 'unpin':
      return ['POST', 'settings', { pinned_message: '' }];
    case 'delete':
      return ['DELETE', `messages/${about.id}${query}`];
    case 'delete_all':
      return ['DELETE', `${user}/messages${query}`];
    case 'timeout':
      return ['POST', `${user}/timeout`, { seconds: Number(value), reason: reason.value, address: byAddress.checked }];
    case 'ban':
      return ['POST', `${user}/ban`, { reason: reason.value, address: byAddress.checked }];
    default:
      return ['POST', `${user}/${act}`, { reason: reason.value }];
  }
}

async function carryOut(button) {
  if (busy) return;
  busy = true;
  const now = about;
  const [method, place, body] = request(button);
  const answer = await fetch(`/v1/streams/${now.room}/${place}`, {
    method,
    headers: { authorization: `Bearer ${now.token}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT),
  }).catch(() => undefined);
  const told = await answer?.json().catch(() => undefined);
  busy = false;
  // It may have been closed meanwhile, and opened for another message.
  if (about !== now || !dialog.open) return;
  if (answer?.ok) return close();
  const { signedOut, notDone, noConnection } = dialog.dataset;
  if (!answer) fail(noConnection);
  else if (answer.status === 401 || answer.status === 403) fail(signedOut);
  else fail(told?.message ?? notDone);
}

for (const button of buttons) button.addEventListener('click', () => carryOut(button));
dialog.querySelector('.cancel').addEventListener('click', close);
