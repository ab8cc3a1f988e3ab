import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { receive } from "./receiver.js";
import { Refused, Smsclouds, Unanswered } from "./smsclouds.js";
import { openWorld } from "./emulator.js";

const PHONE = "4498987282";
const NOON = "2026-03-02 12:00:00";

let world, client;

beforeEach(async () => {
  world = await openWorld();
  client = new Smsclouds(world.url, world.token, { pause: 0 });
});

afterEach(() => world.close());

test("send and poll", async () => {
  const campaign = await client.send("hola", [PHONE], "order 1");

  await world.advance(10);
  assert.deepEqual(await client.progress(campaign), {
    percentage: 0,
    statuses: { [PHONE]: "in progress" },
  });

  await world.advance(1);
  assert.deepEqual(await client.progress(campaign), {
    percentage: 100,
    statuses: { [PHONE]: "sent" },
  });
});

test("a reply is polled", async () => {
  await client.send("hola", [PHONE], "order 2");
  await world.settle();

  await world.reply(PHONE, "BAJA");

  const [reply] = await client.replies(NOON);
  assert.equal(reply.campaign_name, "order 2");
  assert.equal(reply.response, "BAJA");
});

test("a reply that is pushed twice is one", async () => {
  const receiver = await receive();
  try {
    await world.pushTo(receiver.url);
    await world.fault({ operation: "moPush", effect: { push: "duplicated" } });
    await client.send("hola", [PHONE], "order 3");
    await world.settle();

    await world.reply(PHONE, "BAJA");
    await world.settle();

    const told = receiver.replies.map((each) => [each.cellphone, each.response]);
    assert.deepEqual(told, [[PHONE, "BAJA"]]);
  } finally {
    receiver.close();
  }
});

for (const phase of ["before", "after"]) {
  for (const effect of [{ status: 500 }, { wire: "close" }]) {
    const failure = `${JSON.stringify(effect)} ${phase} the platform's work`;
    test(`${failure} is no second message`, async () => {
      await world.fault({ operation: "createCampaign", phase, first: 1, effect });

      const campaign = await client.send("hola", [PHONE], "order 4");

      assert.equal((await world.messages()).length, 1);
      assert.equal(campaign === null, phase === "after");
    });
  }
}

test("a campaign without a number is known by its name", async () => {
  const effect = { status: 500 };
  await world.fault({ operation: "createCampaign", phase: "after", effect });
  await client.send("hola", [PHONE], "order 5");
  await world.settle();

  await world.reply(PHONE, "Si");

  assert.equal((await client.replies(NOON))[0].campaign_name, "order 5");
});

test("sending side by side mixes up no answers", async () => {
  const effect = { status: 500 };
  await world.fault({ operation: "createCampaign", every: 2, effect });

  const orders = Array.from({ length: 8 }, (_, i) =>
    client.send("hola", [PHONE], `order ${i}`),
  );
  await Promise.all(orders);

  assert.equal((await world.messages()).length, 8);
});

test("what the platform refuses is not tried again", async () => {
  await assert.rejects(client.send("hola", ["123"], "order 6"), Refused);

  assert.equal((await world.orders()).length, 1);
});

test("a platform that keeps failing gets nothing", async () => {
  await world.fault({ operation: "createCampaign", effect: { status: 500 } });

  await assert.rejects(client.send("hola", [PHONE], "order 7"), Unanswered);

  assert.deepEqual(await world.messages(), []);
});
