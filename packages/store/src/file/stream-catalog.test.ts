// Streams that come and go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS } from "../store.ts";
import { RestlessClock } from "../testing/restless-clock.ts";
import { FileStore } from "./file-store.ts";

const OPTIONS = { blockBytes: 4096, segmentBytes: 16 * 1024, segments: 3, directBytes: 1500, ballastBytes: 4096 };

test("whoever still reads a stream that was deleted gets its messages or CLOSED, and no file is opened for it", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 100; i++) log.append(new MessageDraft().set("a", "x".repeat(200)));
  await store.durable();
  const read = (): string[] => {
    const results = new Set<string>();
    for (let seq = 1; seq <= 100; seq++) {
      try {
        results.add(log.load(seq)?.seq === seq ? "read" : "nothing");
      } catch (error) {
        assert.ok(error instanceof StoreError, String(error));
        assert.match(error.message, /its stream was deleted/);
        results.add(error.code);
      }
    }
    return [...results];
  };
  const deleted = store.deleteStream("S");
  assert.deepEqual(read(), ["read"]);
  await deleted;
  assert.ok(read().includes("CLOSED"));
  assert.ok(!read().includes("nothing"));
  await store.stop();
  assert.equal(disk.openFiles, 0);
});

test("the files of a stream that was deleted go one after the other, and the store waits for them when it stops", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new RestlessClock(), new SimRandom(1), OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 300; i++) log.append(new MessageDraft().set("a", "x".repeat(200)));
  await store.durable();
  await store.checkpointNow();
  const files = [...disk.image().keys()].filter((path) => path.startsWith("streams/")).length;
  let inTurn = 0;
  let most = 0;
  let removed = 0;
  disk.fault = (call, path) => {
    if (call === "remove" && path.startsWith("streams/")) {
      removed++;
      most = Math.max(most, ++inTurn);
      setImmediate(() => {
        inTurn = 0;
      });
    }
    return null;
  };
  const deleted = store.deleteStream("S");
  await store.stop();
  await deleted;
  assert.ok(files > 20 && removed >= files, `${removed} of ${files}`);
  assert.ok(most <= 3, `${most} files in one turn of the event loop`);
  assert.deepEqual(
    [...disk.image().keys()].filter((path) => path.startsWith("streams/")),
    [],
  );
});
