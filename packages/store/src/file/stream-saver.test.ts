// What a checkpoint may leave out, when it is interrupted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crashImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { FileStore } from "./file-store.ts";

/** So many tombstones take more than the files that are not worth rewriting. */
const REMOVED = 6000;

test("what was removed stays removed when the power goes while tombstones below a new first message are left out", async () => {
  // What the turn says of the new first message is written before the tombstones are, and durable long after.
  const disk = new SimDisk({ syncTurns: (path) => (path.startsWith("journal/") ? 100 : 1) });
  const clock = new SimClock();
  let store = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
  let log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 2 * REMOVED + 2; i++) {
    log.append(new MessageDraft().set("a", "x"));
    if (i % 100 === 99) await store.durable();
  }
  for (let i = 1; i <= REMOVED; i++) {
    log.remove(2 * i);
    if (i % 100 === 0) await store.durable();
  }
  await store.stop();
  store = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
  log = store.stream("S")!;
  const sizeOf = (): number => disk.stat("streams/00000001/deleted.0")!.size;
  const from = disk.trace.length;
  const before = sizeOf();
  const compacted = log.compact(2 * REMOVED - 1);
  assert.equal(log.state().firstSeq, 2 * REMOVED - 1, "the turn is not over, and no record tells of it");
  log.remove(2 * REMOVED + 1);
  await store.checkpointNow();
  await compacted;
  const to = disk.trace.length;
  await store.stop();
  for (let at = from; at <= to; at++) {
    const image = crashImage(disk.startImage, disk.trace, at, at % 2 === 0 ? "drop-all" : "mixed", new SimRandom(at));
    const again = await FileStore.open(new SimDisk({ image, record: false }), clock, new SimRandom(2), FILLED_OPTIONS);
    const { messages, lost } = again.stream("S")!.state();
    assert.ok(messages <= REMOVED + 2, `cut at ${at}: ${messages} messages`);
    assert.deepEqual(lost, []);
    await again.stop();
  }
  store = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
  log = store.stream("S")!;
  for (let i = 0; i < 3; i++) log.append(new MessageDraft().set("a", "x"));
  log.remove(log.state().lastSeq - 1);
  await store.checkpointNow();
  assert.ok(sizeOf() < before / 10, "left out in the end");
  await store.stop();
});
