import { createServer } from 'node:http';

/** Another site, on an origin of its own: each of `pages` by its path, with more `headers`. Listens on 127.0.0.1, and is visited as `localhost`. */
export async function serve(pages, headers = {}) {
  const http = createServer((request, response) => {
    const page = pages[new URL(request.url, 'http://site').pathname];
    if (page === undefined) return response.writeHead(204).end();
    response.writeHead(200, { 'content-type': 'text/html', ...headers });
    response.end(page);
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const close = () => {
    http.closeAllConnections();
    http.close();
  };
  return { origin: `http://localhost:${http.address().port}`, close };
}
