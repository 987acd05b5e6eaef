// Stores in processes that may have few files open.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { FileStore } from "./file-store.ts";

const OPTIONS = { blockBytes: 4096, segmentBytes: 16 * 1024, segments: 3, directBytes: 1500, ballastBytes: 4096 };
const STREAMS = 40;

/** A disk on which no more than `max` files may be open at once. */
function diskWith(max: () => number): SimDisk {
  const disk = new SimDisk({ record: false });
  disk.fault = (call) => (call === "open" && disk.openFiles >= max() ? "EMFILE" : null);
  return disk;
}

function append(log: StreamLog): void {
  log.append(new MessageDraft().set("a", "x".repeat(400)));
}

test("a store closes files that it can do without when there are no more, and goes on", async () => {
  let max = 1000;
  const disk = diskWith(() => max);
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  const logs: StreamLog[] = [];
  for (let i = 0; i < STREAMS; i++) logs.push(await store.createStream(`S${i}`, NO_LIMITS, new Uint8Array(0)));
  for (const log of logs) for (let i = 0; i < 30; i++) append(log);
  await store.durable();
  await store.checkpointNow();
  max = 12;
  for (const log of logs) for (let seq = 1; seq <= 30; seq++) assert.equal(log.load(seq)?.seq, seq);
  await store.createStream("more", NO_LIMITS, new Uint8Array(0));
  append(logs[0]!);
  await store.durable();
  assert.equal(store.health().failure, null);
  await store.stop();
  assert.equal(disk.openFiles, 0);
});

test("readers are told, and timers wait, while no file can be opened or the folder is gone", async () => {
  for (const code of ["EMFILE", "ENOENT"]) {
    const disk = new SimDisk({ record: false });
    const clock = new SimClock();
    const options = { ...OPTIONS, scrub: { bytesPerSecond: 1e6, everyMs: 1000 } };
    const store = await FileStore.open(disk, clock, new SimRandom(1), options);
    const log = await store.createStream("S", { ...NO_LIMITS, maxAgeMs: 10_000 }, new Uint8Array(0));
    for (let i = 0; i < 100; i++) append(log);
    await store.durable();
    await store.checkpointNow();
    store.pool.closeClean();
    disk.fault = (call) => (call === "open" ? code : null);
    assert.throws(() => log.load(5), { name: "StoreError", code: code === "EMFILE" ? "BUSY" : "DAMAGED" });
    for (let i = 0; i < 15; i++) clock.advance(1000); // the scrub and the expiry
    assert.equal(log.deletedRanges().next().done, true);
    disk.fault = () => null;
    for (let i = 0; i < 30 && log.load(100) !== null; i++) {
      clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual([log.state().messages, log.state().lost], [0, []], code);
    assert.equal(store.health().failure, null);
    await store.stop();
  }
});

test("without a file that could be closed appends are refused with BUSY, until there is one", async () => {
  let max = 1000;
  const disk = diskWith(() => max);
  const clock = new SimClock();
  const store = await FileStore.open(disk, clock, new SimRandom(1), { ...OPTIONS, directBytes: 1 << 30 });
  const logs: StreamLog[] = [];
  for (let i = 0; i < STREAMS; i++) logs.push(await store.createStream(`S${i}`, NO_LIMITS, new Uint8Array(0)));
  append(logs[0]!);
  await store.durable();
  max = 0; // others have them all
  let stored = 1;
  let refusal: unknown = null;
  for (let i = 0; i < 1000 && refusal === null; i++) {
    try {
      append(logs[i % STREAMS]!);
      stored++;
    } catch (error) {
      refusal = error;
    }
  }
  assert.ok(refusal instanceof StoreError);
  assert.equal(refusal.code, "BUSY");
  assert.match(refusal.message, /too many files are open.*ulimit/);
  assert.equal(store.health().failure, null);
  max = 1000;
  for (let i = 0; i < 20; i++) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  append(logs[0]!);
  await store.durable();
  await store.stop();
  const again = await FileStore.open(disk, new SimClock(), new SimRandom(2), OPTIONS);
  let messages = 0;
  for (const log of again.streams()) messages += log.state().messages;
  assert.equal(messages, stored + 1);
  assert.equal(again.streams().flatMap((log) => log.state().lost).length, 0);
  await again.stop();
});
