// A chat of another site, as inLive's published tutorial taught to write one: an EventSource down, fetch up, nothing about ids,
// positions or reconnecting. The address of the server and the widget key come from this page's own address.
const settings = new URLSearchParams(location.search);
const server = settings.get('server');
const widgetKey = settings.get('widget_key');
const streamId = 1;

const list = document.getElementById('list');
const form = document.getElementById('form');
const error = document.getElementById('error');
let token;

function show({ message }) {
  if (!message || !message.username || !message.message_text) return;
  const item = document.createElement('li');
  item.textContent = `${message.username}: ${message.message_text}`;
  list.append(item);
}

async function publish(body) {
  const response = await fetch(`${server}/publish/${streamId}?token=${token}`, {
    method: 'post',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...body, widget_key: widgetKey }),
  });
  const answer = await response.json();
  error.textContent = answer.code === 200 ? '' : answer.message;
  return answer.code === 200;
}

const source = new EventSource(`${server}/subscribe/${streamId}`);
source.onmessage = (event) => {
  const data = JSON.parse(event.data);
  if (data.type === 'init') {
    token = data.message.token;
    publish({ type: 'request' });
  } else if (Array.isArray(data.message)) {
    data.message.filter((item) => item.message.type === 'chat').forEach(show);
  } else {
    show(data);
  }
};

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const message = { type: 'chat', username: form.username.value, message_text: form.message.value };
  if (await publish({ type: 'broadcast', message })) form.message.value = '';
});
