import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { Slices } from "../slices.ts";
import { NO_LIMITS } from "../store.ts";
import { RestlessClock } from "../testing/restless-clock.ts";
import { compactBlocks } from "./compaction.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { FileStore } from "./file-store.ts";

const OPTIONS = { blockBytes: 4096, segmentBytes: 16 * 1024, segments: 3, ballastBytes: 4096 };

test("blocks with few messages left are written anew, and nothing of what is left is lost", async () => {
  const disk = new SimDisk({ record: false });
  const random = new SimRandom(1);
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  const log = await store.createStream("KV", { ...NO_LIMITS, maxMsgsPerSubject: 1 }, new Uint8Array(0));
  const last = new Map<string, string>();
  for (let i = 0; i < 4000; i++) {
    // Most keys change all the time; a few are written once and keep their old blocks alive.
    const key = i % 100 === 0 ? `rare.${i}` : `often.${random.uint32() % 10}`;
    const value = `${i} `.repeat(10);
    log.append(new MessageDraft().set(key, value));
    last.set(key, value);
    if (i % 50 === 0) await store.durable();
  }
  await store.checkpointNow();
  let bytes = 0;
  for (const [path, content] of disk.image()) if (path.endsWith(".blk")) bytes += content!.length;
  const live = log.state().bytes;
  assert.ok(bytes < live * 3 + 2 * OPTIONS.blockBytes, `${bytes} bytes for ${live} bytes of messages`);
  for (const [key, value] of last) assert.equal(Buffer.from(log.last(key)!.payload).toString(), value);
  const state = log.state();
  await store.stop();
  const again = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  assert.deepEqual(again.stream("KV")!.state(), state);
  for (const [key, value] of last) assert.equal(Buffer.from(again.stream("KV")!.last(key)!.payload).toString(), value);
  assert.deepEqual(again.health().reports, []);
  await again.stop();
});

test("a truncation while a block is written anew wins: what it took away stays away", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 200; i++) log.append(new MessageDraft().set("s", `${i} `.repeat(20)));
  await store.durable();
  // Of the first block only the last messages are left.
  for (let seq = 1; seq <= 22; seq++) log.remove(seq);
  await store.durable();
  disk.holdSyncs = true;
  const checkpoint = store.checkpointNow();
  const writesAnew = (): boolean => [...disk.image().keys()].some((path) => path.endsWith(".blk.new"));
  for (let turn = 0; !writesAnew(); turn++) {
    assert.ok(turn < 1000, "no block is written anew");
    disk.holdSyncs = false;
    disk.holdSyncs = true;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const truncating = log.truncate(24);
  disk.holdSyncs = false;
  await Promise.all([checkpoint, truncating]);
  assert.equal(log.append(new MessageDraft().set("s", "new")), 25);
  const seqs: number[] = [];
  for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1)) seqs.push(view.seq);
  assert.deepEqual(seqs, [23, 24, 25]);
  assert.equal(Buffer.from(log.load(25)!.payload).toString(), "new");
  const state = log.state();
  await store.stop();
  const again = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  assert.deepEqual(again.stream("S")!.state(), state);
  assert.deepEqual(again.health().reports, []);
  await again.stop();
});

test("while a stream is truncated in slices, no block is written anew without what is going: a crash may keep it all", async () => {
  const disk = new SimDisk({ record: false });
  const options = { ...OPTIONS, blockBytes: 128 * 1024, segmentBytes: 1 << 20 };
  const store = await FileStore.open(disk, new RestlessClock(), new SimRandom(1), options);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  let backing: FileBacking | null = null;
  const enterTurn = store.enterTurn.bind(store);
  store.enterTurn = (stream, bytes) => {
    backing = stream;
    enterTurn(stream, bytes);
  };
  for (let i = 0; i < 15_000; i++) log.append(new MessageDraft().set("s", "x"));
  await store.durable();
  await store.checkpointNow();
  const { messages, lastSeq } = log.state();
  const { index, saver } = backing!;
  const truncated = log.truncate(10);
  // A slice is less than a block: of one the last messages are out of the index, the first ones are not.
  const newest = saver.checkpointed!.block;
  const isCut = (): boolean =>
    index.records.blocks.some(({ number, live, slots }) => number < newest && live > 0 && live < slots / 2);
  for (let turn = 0; !isCut(); turn++) {
    assert.ok(turn < 100, "no block is cut in two slices");
    await new Promise((resolve) => setImmediate(resolve));
  }
  const hasty = Object.create(store, { slices: { value: new Slices(new SimClock()) } }) as FileStoreCore;
  await compactBlocks(hasty, backing!, saver.checkpointed!);
  assert.equal(log.state().lastSeq, lastSeq, "the truncation is still under way");
  const image = disk.image();
  await truncated;
  await store.stop();
  const again = await FileStore.open(new SimDisk({ image, record: false }), new SimClock(), new SimRandom(1), options);
  const found = again.stream("S")!.state();
  assert.deepEqual([found.messages, found.lastSeq, found.lost], [messages, lastSeq, []]);
  await again.stop();
});
