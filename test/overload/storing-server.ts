// A process with a server and a store: whatever is published to `x` is appended, and answered when it has been synced. For
// login-storm.ts, which starts it with the server's configuration as its argument, and hears its port.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@myelin/client";
import { NodeClock, NodeDisk, NodeRandom } from "@myelin/platform/node";
import { createServer } from "@myelin/server";
import { FileStore, MessageDraft, NO_LIMITS } from "@myelin/store";

const folder = mkdtempSync(join(tmpdir(), "myelin-login-storm-"));
try {
  const server = await createServer({ configText: process.argv[2] ?? "" });
  const store = await FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom());
  const log = await store.createStream("x", NO_LIMITS, new Uint8Array(0));
  const client = await connect({ inProcessServer: server, user: "a", pass: "a" });
  const draft = new MessageDraft();
  client.subscribe("x", {
    callback: (_error, message) => {
      log.append(draft.set("x", message.data));
      void store.durable().then(() => message.respond());
    },
  });
  await client.flush();
  process.send?.(server.port);
  await once(process, "disconnect");
  await client.close();
  await server.close();
  await store.stop();
} finally {
  rmSync(folder, { recursive: true });
}
