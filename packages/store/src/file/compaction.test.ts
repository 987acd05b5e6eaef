import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { Slices } from "../slices.ts";
import { NO_LIMITS } from "../store.ts";
import { RestlessClock } from "../testing/restless-clock.ts";
import { CopyScratch } from "./block-rewrite.ts";
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
  await compactBlocks(hasty, backing!, saver.checkpointed!, new CopyScratch());
  assert.equal(log.state().lastSeq, lastSeq, "the truncation is still under way");
  const image = disk.image();
  await truncated;
  await store.stop();
  const again = await FileStore.open(new SimDisk({ image, record: false }), new SimClock(), new SimRandom(1), options);
  const found = again.stream("S")!.state();
  assert.deepEqual([found.messages, found.lastSeq, found.lost], [messages, lastSeq, []]);
  await again.stop();
});

test("large blocks are written anew in pieces, whatever is closed, taken away or stored meanwhile", async () => {
  const disk = new SimDisk({ record: false });
  const random = new SimRandom(1);
  // Each step is a slice of its own, and files are closed in every pause.
  const options = { ...OPTIONS, blockBytes: 1 << 20, segmentBytes: 1 << 20, openFilesMax: 1 };
  const store = await FileStore.open(disk, new RestlessClock(), new SimRandom(1), options);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  const other = await store.createStream("T", NO_LIMITS, new Uint8Array(0));
  const expected = new Map<number, string>();
  const append = (size: number): void => {
    const payload = `${size} `.repeat(size / 4);
    expected.set(log.append(new MessageDraft().set("s", payload)), payload);
  };
  // Some messages are larger than what is read at once.
  for (let i = 0; i < 1200; i++) append(i % 400 === 7 ? 200_000 : 1 + (random.uint32() % 3000));
  await store.durable();
  await store.checkpointNow();
  const remove = (seq: number): void => {
    if (log.remove(seq)) expected.delete(seq);
  };
  for (let seq = 1; seq <= 1000; seq++) if (seq % 3 !== 0 && seq % 400 !== 8) remove(seq);
  const { bytes } = log.state();
  const checkpoint = store.checkpointNow();
  let done = false;
  void checkpoint.then(() => {
    done = true;
  });
  for (let turn = 0; !done; turn++) {
    if (turn % 8 === 0) remove(1 + (random.uint32() % 1200));
    if (turn % 16 === 0) append(100);
    if (turn % 4 === 0) other.append(new MessageDraft().set("t", "x"));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await checkpoint;
  await store.durable();
  const assertSame = (found: FileStore): void => {
    const seen = new Map<number, string>();
    for (let view = found.stream("S")!.next("", 0); view !== null; view = found.stream("S")!.next("", view.seq + 1))
      seen.set(view.seq, Buffer.from(view.payload).toString());
    assert.deepEqual([...seen.keys()], [...expected.keys()]);
    assert.deepEqual(seen, expected);
    assert.deepEqual(found.health().reports, []);
  };
  assertSame(store);
  await store.stop();
  let blocks = 0;
  for (const [path, content] of disk.image()) if (/00000001.*blk$/.test(path)) blocks += content!.length;
  assert.ok(blocks < bytes * 2, `${blocks} bytes in blocks of ${bytes}`);
  const again = await FileStore.open(disk, new SimClock(), new SimRandom(1), options);
  assertSame(again);
  await again.stop();
});
