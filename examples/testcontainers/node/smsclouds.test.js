// npm install --save-dev testcontainers

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { GenericContainer, TestContainers, Wait } from "testcontainers";

import { receive } from "./receiver.js"; // both are in examples/node
import { Smsclouds } from "./smsclouds.js";

const PHONE = "4498987282";

let container, receiver, url;

before(async () => {
  receiver = await receive();
  const port = Number(new URL(receiver.url).port);
  await TestContainers.exposeHostPorts(port);
  container = await new GenericContainer("smsclouds-emulator:0.1.0")
    .withEnvironment({
      EMULATOR_MO_URL: `http://host.testcontainers.internal:${port}/mo`,
    })
    .withExposedPorts(7672)
    .withWaitStrategy(Wait.forHttp("/_emulator/readyz", 7672))
    .start();
  url = `http://${container.getHost()}:${container.getMappedPort(7672)}`;
});

after(async () => {
  await container?.stop();
  receiver?.close();
});

function command(path, body) {
  const headers = {
    Authorization: "Bearer world-one",
    "Content-Type": "application/json",
  };
  const options = { method: "POST", headers, body: JSON.stringify(body) };
  return fetch(`${url}/_emulator/${path}`, options);
}

test("a reply comes out of the container", async () => {
  await new Smsclouds(url, "world-one").send("hola", [PHONE], "order 1");
  await command("clock/settle", {});

  await command("inbound", { number: PHONE, text: "BAJA" });
  await command("clock/settle", {}); // answers once the push was answered

  assert.equal(receiver.replies[0].response, "BAJA");
});
