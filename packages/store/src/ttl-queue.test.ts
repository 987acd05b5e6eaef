import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SimClock, SimRandom } from "@myelin/platform/sim";
import { IndexBlock, traitsOf } from "./index/record-index.ts";
import { StreamIndex } from "./index/stream-index.ts";
import { MemoryStore } from "./memory-store.ts";
import { MessageDraft, type Rollup } from "./message-draft.ts";
import { NO_LIMITS } from "./store.ts";
import { TtlHeap } from "./ttl-heap.ts";
import { TtlQueue } from "./ttl-queue.ts";

const RECORD_BYTES = 64;

/** An index to which messages of one subject are added. */
function emptyIndex(): StreamIndex {
  const index = new StreamIndex();
  index.records.push(new IndexBlock(1, 1, 0));
  return index;
}

function addMessage(index: StreamIndex, ttl: boolean): number {
  const seq = index.lastSeq + 1;
  const subject = index.subjects.intern(Uint8Array.of(97), 0, 1);
  index.add(seq, subject, traitsOf(false, ttl, false, 0), RECORD_BYTES);
  return seq;
}

test("the queue gives what is there in order of time, whatever goes and comes while it is swept", () => {
  const random = new SimRandom(5);
  const index = emptyIndex();
  const queue = new TtlQueue(index.records);
  const due = new Map<number, number>();
  let sweeps = 0;
  for (let i = 0; i < 60_000; i++) {
    // Far more go than expire, in some stretches of time; in others they stay.
    const removals = i % 10_000 < 5_000 ? 3 : random.uint32() % 2;
    const seq = addMessage(index, true);
    due.set(seq, random.uint32() % 100_000);
    const swept = queue.sweeping;
    queue.add(due.get(seq)!, seq);
    if (!swept && queue.sweeping) sweeps++;
    for (let left = Math.min(removals, index.messages - 1); left > 0; left--) {
      const gone = index.firstSeq;
      index.remove(index.records.find(gone)!, gone);
      due.delete(gone);
      queue.changed(1);
    }
    if (i % 3000 === 0) queue.sweep(random.uint32() % 100);
    assert.ok(queue.nextDueMs <= (due.get(index.firstSeq) ?? Number.POSITIVE_INFINITY));
  }
  assert.ok(sweeps > 3, `${sweeps} sweeps went over several changes`);
  const left: number[] = [];
  for (; queue.size > 0; queue.take()) if (due.has(queue.nextSeq)) left.push(queue.nextDueMs);
  assert.deepEqual(
    left,
    [...due.values()].sort((a, b) => a - b),
  );
  assert.equal(queue.nextSeq, 0);
});

test("the queue has at most twice as many entries as there are messages with a time to live, and some", () => {
  const index = emptyIndex();
  const queue = new TtlQueue(index.records);
  let most = 0;
  for (let i = 0; i < 100_000; i++) {
    queue.add(i, addMessage(index, true));
    addMessage(index, false);
    for (; index.messages > 1000; queue.changed(1)) index.remove(index.records.find(index.firstSeq)!, index.firstSeq);
    most = Math.max(most, queue.size);
  }
  assert.ok(most < 2 * 500 + 1024 + 1500, `${most} entries for 500 messages`);
  // Messages that go while nothing comes take their entries along.
  while (index.messages > 0) {
    index.remove(index.records.find(index.firstSeq)!, index.firstSeq);
    queue.changed(1);
  }
  assert.ok(queue.size <= 2048, `${queue.size} entries for no message`);
});

test("messages that one call takes away leave a queue that is swept in steps", () => {
  const index = emptyIndex();
  const queue = new TtlQueue(index.records);
  const heap = new TtlHeap();
  for (let i = 0; i < 50_000; i++) heap.add(50_000 - i, addMessage(index, true));
  queue.restore(heap);
  assert.deepEqual([queue.size, queue.sweeping], [50_000, false], "all of them are there");
  index.keepNewest();
  queue.changed(49_999);
  assert.ok(queue.sweeping && queue.size > 40_000);
  while (queue.sweeping) queue.sweep(256);
  assert.deepEqual([queue.size, queue.nextSeq, queue.nextDueMs], [1, 50_000, 1]);
});

test("memory does not grow with the messages that came and went, however they did", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const ways: Record<string, (draft: MessageDraft, i: number) => Rollup> = {
    "the limit of messages": () => "none",
    "rollups of their subject": () => "subject",
    "rollups of everything, now and then": (_draft, i) => (i % 500 === 0 ? "all" : "none"),
  };
  for (const [what, rollupOf] of Object.entries(ways)) {
    const store = new MemoryStore(new SimClock());
    const log = await store.createStream("S", { ...NO_LIMITS, maxMsgs: 1000 }, new Uint8Array(0));
    const before = bytesUsed(collect);
    const draft = new MessageDraft().set("a", "x");
    draft.ttlSeconds = 86_400;
    for (let i = 0; i < 200_000; i++) {
      draft.rollup = rollupOf(draft, i);
      log.append(draft);
    }
    const grown = bytesUsed(collect) - before;
    await store.stop();
    // 16 bytes for each would be 3.2 MB. A block is 1 MiB, and there may be two.
    assert.ok(grown < 2_600_000, `${what}: ${grown} bytes more`);
  }
});

function bytesUsed(collect: () => void): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
