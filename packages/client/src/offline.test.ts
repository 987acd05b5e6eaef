// A server that stays away must not cost memory, however often it is looked for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FakeServer } from "./fixtures/fake-server.ts";
import { until } from "./fixtures/until.ts";
import { connect, type NatsConnection, SILENT_LOGGER, wsconnect } from "./node.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function heapAfter(nc: NatsConnection, attempts: number): Promise<number> {
  let seen = 0;
  const off = nc.on("reconnectFailed", () => seen++);
  await until(`${attempts} attempts have failed`, () => seen >= attempts);
  off();
  collect();
  return process.memoryUsage().heapUsed;
}

for (const [name, open, scheme] of [
  ["TCP", connect, "nats"],
  ["WebSocket", wsconnect, "ws"],
] as const) {
  test(`failed attempts over ${name} leave nothing behind`, async (t) => {
    const gone = await FakeServer.start(() => {});
    await gone[Symbol.asyncDispose]();
    const nc = await open({
      servers: `${scheme}://127.0.0.1:${gone.port}`,
      retryOnFailedConnect: true,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => 0,
      logger: SILENT_LOGGER,
    });
    t.after(() => nc.close()); // or it goes on trying when the test has failed
    let heap = await heapAfter(nc, 100);
    // What leaks grows every time; what is compiled or cached on the way does not.
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 3; round++) {
      const grown = await heapAfter(nc, 300);
      least = Math.min(least, (grown - heap) / 300);
      heap = grown;
    }
    assert.ok(least < 1024, `${Math.round(least)} bytes per attempt`);
    await nc.close();
    await until("no socket is left", () => !process.getActiveResourcesInfo().some((name) => name.startsWith("TCP")));
  });
}
