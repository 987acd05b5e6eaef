// What happens while a checkpoint, or the compaction behind it, is under way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { RestlessClock } from "../testing/restless-clock.ts";
import { FileStore } from "./file-store.ts";

function open(disk: SimDisk): Promise<FileStore> {
  return FileStore.open(disk, new SimClock(), new SimRandom(4), FILLED_OPTIONS);
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

function fill(log: StreamLog, count: number): void {
  for (let i = 0; i < count; i++) log.append(new MessageDraft().set("s", `payload ${i} `.repeat(8)));
}

/** Sequences that have a message. */
function live(log: StreamLog): number[] {
  const seqs: number[] = [];
  for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1)) seqs.push(view.seq);
  return seqs;
}

test("a confirmed removal stays when messages before it go during the checkpoint that saves it, and that is lost", async () => {
  const disk = new SimDisk({ record: false });
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  fill(log, 10);
  log.remove(5);
  await store.durable();
  const journal = new Map([...disk.image()].filter(([path]) => path.endsWith(".seg")));
  disk.holdSyncs = true;
  const saved = store.checkpointNow();
  for (const seq of [1, 2, 3, 4]) log.remove(seq);
  disk.holdSyncs = false;
  await saved;
  // What went meanwhile never reached the device.
  const image: DiskImage = new Map([...disk.image()].map(([path, bytes]) => [path, journal.get(path) ?? bytes]));
  const again = await open(new SimDisk({ image, record: false }));
  assert.deepEqual(live(again.stream("S")!), [1, 2, 3, 4, 6, 7, 8, 9, 10]);
  await again.stop();
  await store.stop();
});

test("blocks that go while a checkpoint syncs one before them are not opened again", async () => {
  const disk = new SimDisk({ record: false, syncTurns: (path) => (path.endsWith("00000001.blk") ? 20 : 1) });
  // A large segment, so that no checkpoint comes before.
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(4), {
    blockBytes: 4096,
    segmentBytes: 1 << 20,
  });
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  // One in each turn: then blocks end without a sync.
  for (let i = 0; i < 100; i++) {
    fill(log, 1);
    await store.durable();
  }
  const saved = store.checkpointNow();
  await log.purge();
  await store.durable();
  await saved;
  fill(log, 3);
  await store.durable();
  assert.deepEqual(live(log), [101, 102, 103]);
  await store.stop();
});

/** A store whose checkpoint is about to compact sparse blocks: the syncs of the new files are held. */
async function compacting(disk: SimDisk): Promise<{ store: FileStore; log: StreamLog; saved: Promise<void> }> {
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  fill(log, 120);
  for (let seq = 2; seq <= 120; seq++) if (seq % 4 !== 0) log.remove(seq);
  await store.durable();
  let making = false;
  disk.fault = (call, path) => {
    if (call === "sync" && path.endsWith(".blk.new")) {
      making = true;
      disk.holdSyncs = true;
    }
    return null;
  };
  const saved = store.checkpointNow();
  for (let i = 0; i < 200 && !making; i++) await turns(1);
  assert.ok(making, "a block is being written anew");
  return { store, log, saved };
}

test("a message that is erased while its block is written anew is nowhere afterwards", async () => {
  const disk = new SimDisk({ record: false });
  const { store, log, saved } = await compacting(disk);
  disk.fault = () => null;
  const payload = Buffer.from(log.load(8)!.payload).toString();
  assert.equal(log.erase(8), true);
  disk.holdSyncs = false;
  await saved;
  await store.settled();
  for (const [path, bytes] of disk.image()) assert.ok(bytes === null || !Buffer.from(bytes).includes(payload), path);
  await store.stop();
  const again = await open(disk);
  assert.equal(again.stream("S")!.load(8), null);
  assert.deepEqual(again.stream("S")!.state().lost, []);
  await again.stop();
});

test("a stream that is truncated while its block is written anew ends where it was truncated", async () => {
  const disk = new SimDisk({ record: false });
  const { store, log, saved } = await compacting(disk);
  disk.fault = () => null;
  const truncated = log.truncate(10);
  disk.holdSyncs = false;
  await saved;
  await truncated;
  assert.deepEqual(live(log), [1, 4, 8]);
  fill(log, 3);
  await store.stop();
  const again = await open(disk);
  assert.deepEqual(live(again.stream("S")!), [1, 4, 8, 11, 12, 13]);
  assert.deepEqual(again.stream("S")!.state().lost, []);
  await again.stop();
});

test("tombstone files that have grown are written anew, and say the same", async () => {
  const disk = new SimDisk({ record: false });
  const options = { ...FILLED_OPTIONS, blockBytes: 1 << 20, segmentBytes: 1 << 20 };
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(4), options);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 8001; i++) log.append(new MessageDraft().set("s", "x"));
  for (let seq = 3; seq <= 8000; seq += 2) log.remove(seq);
  await store.checkpointNow();
  const grown = disk.stat("streams/00000001/deleted.0")!.size;
  for (let seq = 4; seq <= 8000; seq += 2) if (seq % 1000 !== 0) log.remove(seq);
  await store.checkpointNow();
  assert.ok(disk.stat("streams/00000001/deleted.0")!.size < grown / 10, "runs were joined");
  const expected = [1, 2, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 8001];
  assert.deepEqual(live(log), expected);
  await store.stop();
  const again = await FileStore.open(disk, new SimClock(), new SimRandom(4), options);
  assert.deepEqual(live(again.stream("S")!), expected);
  assert.deepEqual(again.stream("S")!.state().lost, []);
  await again.stop();
});

test("a truncation to below the stream's first sequence is there after reopening", async () => {
  const disk = new SimDisk({ record: false });
  let store = await open(disk);
  let log = await store.createStream("F", NO_LIMITS, new Uint8Array(0), 100);
  fill(log, 3);
  await log.truncate(50);
  assert.deepEqual([log.state().firstSeq, log.state().lastSeq], [51, 50]);
  for (const filled of [0, 1, 2]) {
    await store.stop();
    store = await open(disk);
    log = store.stream("F")!;
    const { firstSeq, lastSeq, messages, lost } = log.state();
    assert.deepEqual(
      { firstSeq, lastSeq, messages, lost },
      { firstSeq: 51, lastSeq: 50 + filled, messages: filled, lost: [] },
    );
    fill(log, 1);
  }
  assert.deepEqual(store.health().reports, []);
  await store.stop();
});

test("a checkpoint of many streams that have nothing to sync lets others run between them", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new RestlessClock(), new SimRandom(4), FILLED_OPTIONS);
  for (let i = 0; i < 60; i++) await store.createStream(`S${i}`, NO_LIMITS, new Uint8Array(0));
  await store.checkpointNow();
  let others = 0;
  let done = false;
  const other = (): void => {
    others++;
    if (!done) setImmediate(other);
  };
  other();
  await store.checkpointNow();
  done = true;
  assert.ok(others >= 60, `${others} turns`);
  await store.stop();
});

test("a state of a consumer that fills the turn is in the checkpoint that this begins", async () => {
  const disk = new SimDisk({ record: false });
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  const padding = "x".repeat(FILLED_OPTIONS.segmentBytes! / 4); // more than a turn takes
  for (let i = 0; i < 12; i++) {
    log.consumer("C").save(Buffer.from(`${i} ${padding}`));
    await store.durable();
    await turns(30); // the checkpoint, if one has begun
    const again = await open(new SimDisk({ image: disk.image(), record: false }));
    const states = again
      .stream("S")!
      .consumers()
      .map(({ state }) => Buffer.from(state!).toString());
    assert.deepEqual(states, [`${i} ${padding}`]);
    await again.stop();
  }
  await store.stop();
});
