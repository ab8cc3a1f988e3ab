// What these tests command an emulator; its control API has the rest.

import { randomUUID } from "node:crypto";

const url = process.env.SMSCLOUDS_URL ?? "http://127.0.0.1:7672";

async function command(method, path, body, token = "demo") {
  const answer = await fetch(`${url}/_emulator/${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** Open a world of its own, whose clock stands at noon in Mexico City. */
export async function openWorld() {
  const name = randomUUID();
  const token = `world-${name}`;
  await command("POST", "worlds", { name, clock: "2026-03-02T18:00:00Z" });
  const ask = (method, path, body) => command(method, path, body, token);
  return {
    url,
    token,
    advance: (seconds) => ask("POST", "clock/advance", { seconds }),
    settle: () => ask("POST", "clock/settle", {}),
    reply: (number, text) => ask("POST", "inbound", { number, text }),
    fault: (rule) => ask("POST", "faults", rule),
    pushTo: (push_url) => ask("PATCH", "account", { push_url }),
    messages: async () => (await ask("GET", "messages")).messages,
    orders: async () =>
      (await ask("GET", "journal?operation=createCampaign")).exchanges,
    close: () => ask("DELETE", "world"),
  };
}
