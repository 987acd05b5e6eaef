import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import { SERVERS } from "./fixtures/servers.ts";
import { connect, SILENT_LOGGER } from "./node.ts";

for (const kind of SERVERS) {
  test(`diagnostics channels tell of publishing, delivering, requesting and connecting, ${kind.name}`, {
    skip: kind.skip,
  }, async () => {
    await using server = await kind.start();
    const told: string[] = [];
    const listeners = ["publish", "deliver", "request", "connect"].map((name) => {
      const listener = (message: unknown): void => {
        const { subject, msg, status } = message as {
          subject?: string;
          msg?: { subject: string };
          status?: { type: string };
        };
        told.push(`${name} ${subject ?? msg?.subject ?? status?.type}`.replace(/_INBOX.*/, "inbox"));
      };
      subscribe(`myelin:client:${name}`, listener);
      return { name, listener };
    });
    const nc = await connect({ port: server.port, logger: SILENT_LOGGER });
    nc.subscribe("a", { callback: (_error, msg) => void msg.respond("b") });
    await nc.request("a", "x");
    await nc.close();
    for (const { name, listener } of listeners) unsubscribe(`myelin:client:${name}`, listener);
    assert.deepEqual(told, [
      "connect connect",
      "publish a",
      "deliver a",
      "publish inbox",
      "deliver inbox",
      "request a",
      "connect close",
    ]);
  });
}
