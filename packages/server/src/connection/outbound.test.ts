import assert from "node:assert/strict";
import { test } from "node:test";
import type { Duplex, DuplexSink } from "@myelin/platform";
import { createPlainArena } from "@myelin/platform/node";
import { SimClock, SimRandom } from "@myelin/platform/sim";
import { latin1Bytes } from "@myelin/protocol";
import { FlushQueue } from "./flush-queue.ts";
import { Outbound, type OutboundOwner } from "./outbound.ts";

const MIB = 1024 * 1024;

/** A duplex that takes what it is allowed to, and keeps reading from the rest as a socket does. */
class StubDuplex implements Duplex {
  readonly remote: null = null;
  readonly local: null = null;
  readonly transport = "tcp";
  blocked = false;
  readonly sent: string[] = [];
  #held: Uint8Array | null = null;

  open(_sink: DuplexSink): void {}
  write(bytes: Uint8Array): boolean {
    assert.equal(this.#held, null, "one write at a time");
    if (!this.blocked) {
      this.sent.push(Buffer.from(bytes).toString("latin1"));
      return true;
    }
    this.#held = bytes;
    return false;
  }
  /** Reads the bytes of the write under way only now: whoever changed them meanwhile is found out. */
  takeHeld(): void {
    assert.ok(this.#held, "a write is under way");
    this.sent.push(Buffer.from(this.#held).toString("latin1"));
    this.#held = null;
  }
  pause(): void {}
  resume(): void {}
  close(): void {}
  destroy(): void {}
}

function set(limits: { maxPendingBytes?: number; arenaBytes?: number } = {}) {
  const arena = createPlainArena(limits.arenaBytes ?? 4 * MIB);
  const taken = arena.takenBytes();
  const duplex = new StubDuplex();
  const clock = new SimClock();
  const told: string[] = [];
  const owner: OutboundOwner = {
    slowConsumer: (reason) => told.push(reason),
    caughtUp: () => told.push("caught up"),
    drained: () => {},
    sent: (msgs, bytes) => told.push(`sent ${msgs} ${bytes}`),
  };
  const all = { maxPendingBytes: limits.maxPendingBytes ?? MIB, writeDeadlineMs: 10_000 };
  const queue = new FlushQueue();
  const out = new Outbound(arena, queue, duplex, clock, all, owner);
  return { arena, clock, duplex, out, queue, told, leaked: () => arena.takenBytes() - taken };
}

/** Writes as the message path does: reserve, then straight into the arena. */
function put(at: ReturnType<typeof set>, text: string): boolean {
  const { arena, out } = at;
  if (out.at + text.length > out.cap && !out.reserve(text.length)) return out.append(latin1Bytes(text));
  arena.bytes.set(latin1Bytes(text), out.at);
  out.at += text.length;
  if (!out.queuedForFlush) out.queueFlush();
  return true;
}

test("flush() sends what was put in one write and gives the slab back", () => {
  const at = set();
  put(at, "a");
  put(at, "b");
  assert.equal(at.out.pendingBytes, 2);
  at.queue.flushAll();
  assert.deepEqual(at.duplex.sent, ["ab"]);
  assert.equal(at.leaked(), 0);
  assert.equal(at.out.pendingBytes, 0);
});

test("the queue flushes a connection once, whatever was added", async () => {
  const at = set();
  for (let i = 0; i < 10; i++) put(at, "x");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(at.duplex.sent, ["xxxxxxxxxx"]);
});

test("64 KiB are sent without waiting for the end of the turn", () => {
  const at = set();
  for (let i = 0; i < 70; i++) put(at, "x".repeat(1024));
  assert.equal(at.duplex.sent.length, 1);
  at.queue.flushAll();
  assert.equal(at.duplex.sent.join("").length, 70 * 1024);
});

test("bytes stay in order over blocked writes, sealed slabs, spills and large payloads", () => {
  const random = new SimRandom(11);
  for (let round = 0; round < 30; round++) {
    const at = set({ maxPendingBytes: 64 * MIB, arenaBytes: round % 3 === 0 ? MIB : 4 * MIB });
    let wanted = "";
    let number = 0;
    const tag = (length: number): string => `${number++}:`.padEnd(length, "abcdefgh");
    for (let step = 0; step < 200; step++) {
      const kind = random.uint32() % 10;
      if (kind < 6) {
        const text = tag(1 + (random.uint32() % 30_000));
        assert.ok(put(at, text));
        wanted += text;
      } else if (kind === 6) {
        const text = tag(1 + (random.uint32() % 200_000));
        at.out.appendOwned(latin1Bytes(text));
        wanted += text;
      } else if (kind === 7) {
        at.queue.flushAll();
      } else {
        at.duplex.blocked = kind === 8;
        if (at.out.blocked) {
          at.duplex.takeHeld();
          at.out.written();
        }
      }
    }
    at.duplex.blocked = false;
    while (at.out.blocked) {
      at.duplex.takeHeld();
      at.out.written();
    }
    at.queue.flushAll();
    const sent = at.duplex.sent.join("");
    assert.equal(sent.length, wanted.length, `round ${round}`);
    assert.ok(sent === wanted, `round ${round}: the bytes are the ones that were put`);
    assert.equal(at.leaked(), 0);
    assert.equal(at.out.pendingBytes, 0);
  }
});

test("an arena that has nothing left loses nothing", () => {
  const at = set({ arenaBytes: MIB });
  while (at.arena.take(12) !== 0);
  assert.ok(put(at, "hello"));
  at.queue.flushAll();
  assert.deepEqual(at.duplex.sent, ["hello"]);
});

test("more than max_pending makes a slow consumer, exactly", () => {
  const at = set({ maxPendingBytes: 1000 });
  at.duplex.blocked = true;
  put(at, "x".repeat(400));
  at.queue.flushAll();
  assert.ok(put(at, "y".repeat(600)));
  assert.deepEqual(at.told, []);
  assert.equal(put(at, "z"), false);
  assert.deepEqual(at.told, ["SLOW_CONSUMER_PENDING_BYTES"]);
});

test("what could be sent does not count as pending", () => {
  const at = set({ maxPendingBytes: 1000 });
  for (let i = 0; i < 100; i++) assert.ok(put(at, "x".repeat(500)));
  assert.deepEqual(at.told, []);
});

test("producers are told above three quarters, and again when there is room", () => {
  const at = set({ maxPendingBytes: 1000 });
  at.duplex.blocked = true;
  put(at, "x".repeat(700));
  at.queue.flushAll();
  assert.equal(at.out.congested, false);
  put(at, "y".repeat(100));
  assert.equal(at.out.congested, true);
  at.duplex.blocked = false;
  at.duplex.takeHeld();
  at.out.written();
  assert.equal(at.out.congested, false);
  assert.deepEqual(at.told, ["caught up"]);
});

test("a write that is not taken within the deadline makes a slow consumer, at that moment", () => {
  const at = set();
  at.duplex.blocked = true;
  put(at, "x");
  at.queue.flushAll();
  at.clock.advance(9_999);
  assert.deepEqual(at.told, []);
  at.clock.advance(1);
  assert.deepEqual(at.told, ["SLOW_CONSUMER_WRITE_DEADLINE"]);
});

test("what is added after a write began has a deadline of its own", () => {
  const at = set();
  at.duplex.blocked = true;
  put(at, "x");
  at.queue.flushAll();
  at.clock.advance(6_000);
  put(at, "y");
  at.duplex.takeHeld();
  at.out.written();
  at.clock.advance(6_000);
  assert.deepEqual(at.told, []);
  at.clock.advance(4_000);
  assert.deepEqual(at.told, ["SLOW_CONSUMER_WRITE_DEADLINE"]);
  assert.equal(at.clock.pendingTimers, 0);
});

test("release() gives back every slab, also that of the write under way", () => {
  const at = set({ maxPendingBytes: 64 * MIB });
  at.duplex.blocked = true;
  for (let i = 0; i < 200; i++) put(at, "x".repeat(10_000));
  at.queue.flushAll();
  assert.ok(at.leaked() > 0);
  at.out.close();
  assert.ok(at.leaked() > 0, "the socket still reads from it");
  at.out.release();
  assert.equal(at.leaked(), 0);
  assert.equal(at.clock.pendingTimers, 0);
});

test("no byte of the pool that was not written is ever sent", () => {
  const at = set({ maxPendingBytes: 64 * MIB });
  // A canary in all free memory: 0xAA is never put by the test.
  at.arena.bytes.fill(0xaa);
  const random = new SimRandom(3);
  for (let step = 0; step < 400; step++) {
    at.duplex.blocked = random.uint32() % 3 === 0;
    put(at, "m".repeat(1 + (random.uint32() % 40_000)));
    if (random.uint32() % 4 === 0) at.queue.flushAll();
    if (at.out.blocked && random.uint32() % 2 === 0) {
      at.duplex.takeHeld();
      at.out.written();
    }
  }
  assert.ok(!at.duplex.sent.join("").includes("\u00aa"));
});

test("limits can change: a lower one counts for what is added next, a deadline under way stays", () => {
  const at = set();
  at.duplex.blocked = true;
  put(at, "a");
  at.queue.flushAll();
  at.out.limits = { maxPendingBytes: 8, writeDeadlineMs: 1_000 };
  at.clock.advance(9_999);
  assert.deepEqual(at.told, []);
  put(at, "123456789");
  assert.deepEqual(at.told, ["SLOW_CONSUMER_PENDING_BYTES"]);
});
