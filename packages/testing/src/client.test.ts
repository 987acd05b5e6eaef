// Myelin's own client, over each way there is to a server under test.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type NatsConnection } from "@myelin/client";
import { startServer } from "./start-server.ts";

test("the client of this repository connects in process, by URL, and by way of a proxy", async () => {
  await using server = await startServer({ run: "in-process" });
  const proxy = await server.proxy();
  const ways: ReadonlyArray<() => Promise<NatsConnection>> = [
    () => connect({ inProcessServer: server }),
    () => connect({ inProcessServer: proxy }),
    () => connect({ servers: server.url }),
    () => connect({ servers: proxy.url }),
  ];
  for (const way of ways) {
    const nc = await way();
    nc.subscribe("greet", { callback: (_error, message) => void message.respond("hello") });
    assert.equal((await nc.request("greet")).string(), "hello");
    await nc.close();
  }
});
