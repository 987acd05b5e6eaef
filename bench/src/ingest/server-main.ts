// Entry of the server that the ingest benchmark measures: the core server of this checkout, with the streams of ingest.ts over a
// file store.
//
//   --port N            on the loopback address
//   --store FOLDER      where the store is
//   --sync always|MS    when an acknowledgement goes out: after the sync, or after the write with a sync every so many milliseconds

import { parseArgs } from "node:util";
import { NodeClock, NodeDisk, NodeNetwork, NodeRandom, sharedArena } from "@myelin/platform/node";
import { Server, SILENT_LOGGER } from "@myelin/server";
import { FileStore, MessageDraft, NO_LIMITS, type SyncMode } from "@myelin/store";
import { Ingest } from "./ingest.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    store: { type: "string" },
    sync: { type: "string", default: "always" },
  },
});
if (values.store === undefined || values.port === undefined) throw new Error("--port N and --store FOLDER are needed");
const sync: SyncMode = values.sync === "always" ? "always" : { intervalMs: Number(values.sync) };

const outside = {
  clock: new NodeClock(),
  random: new NodeRandom(),
  network: new NodeNetwork(),
  arena: sharedArena(),
  logger: SILENT_LOGGER,
};
const store = await FileStore.open(new NodeDisk(values.store), outside.clock, outside.random, { sync });
store.onFailure = (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
};
// Filling the journal's first segment with zeros takes the disk half a second: once in a store's life, not part of what is measured.
const first = await store.createStream("first", NO_LIMITS, new Uint8Array(0));
first.append(new MessageDraft().set("first", ""));
await store.durable();
await store.deleteStream("first");

const server = new Server({ host: "127.0.0.1", port: Number(values.port) }, outside);
await server.start();
new Ingest(server, outside.arena, store, sync);
process.once("SIGTERM", () => {
  // What the store holds goes with its folder: there is nothing to save.
  process.exit(0);
});
