// A server that replies are pushed to.  Give its URL to the account.

import { createServer } from "node:http";
import { once } from "node:events";

/** Listen, and keep each reply once, however often it is pushed. */
export async function receive(port = 0) {
  const replies = new Map();
  const server = createServer((request, answer) => {
    const { searchParams } = new URL(request.url, "http://localhost");
    const push = Object.fromEntries(searchParams);
    const key = JSON.stringify([push.message_id, push.date, push.response]);
    if (!replies.has(key)) replies.set(key, push);
    answer.end("ok"); // what the platform wants to read
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/mo`,
    get replies() {
      return [...replies.values()];
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
