import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { duplexPair } from "./duplex-pair.ts";
import type { Duplex, DuplexSink } from "./network.ts";

/** Keeps what it is told, in order. */
class Recorder implements DuplexSink {
  readonly bytes: number[] = [];
  readonly told: string[] = [];
  readonly #inCall: () => boolean;

  constructor(inCall: () => boolean = () => false) {
    this.#inCall = inCall;
  }

  received(bytes: Uint8Array, start: number, end: number): void {
    this.#check();
    for (let i = start; i < end; i++) this.bytes.push(bytes[i] as number);
    this.told.push(`received ${end - start}`);
    bytes.fill(255); // the owner may write to it
  }

  written(): void {
    this.#check();
    this.told.push("written");
  }

  ended(): void {
    this.#check();
    this.told.push("ended");
  }

  closed(error: Error | null): void {
    this.#check();
    this.told.push(`closed ${error === null ? "null" : error.message}`);
  }

  #check(): void {
    assert.equal(this.#inCall(), false, "the owner was called from inside its own call");
  }
}

function openPair(): { a: Duplex; b: Duplex; atA: Recorder; atB: Recorder } {
  const [a, b] = duplexPair();
  const atA = new Recorder();
  const atB = new Recorder();
  a.open(atA);
  b.open(atB);
  return { a, b, atA, atB };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("write() copies, and writes before the delivery arrive as one", async () => {
  const { a, atB } = openPair();
  const bytes = new Uint8Array([1, 2, 3]);
  assert.equal(a.write(bytes), true);
  bytes.fill(9);
  a.write(new Uint8Array([4]));
  await turn();
  assert.deepEqual(atB.bytes, [1, 2, 3, 4]);
  assert.deepEqual(atB.told, ["received 4"]);
});

test("bytes of any sizes arrive whole and in order, whatever is paused meanwhile", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("write" as const), size: fc.integer({ min: 0, max: 5_000 }) }),
    fc.record({ kind: fc.constantFrom("pause" as const, "resume" as const, "turn" as const), size: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let inCall = false;
      const [a, b] = duplexPair();
      const atB = new Recorder(() => inCall);
      a.open(new Recorder(() => inCall));
      b.open(atB);
      const sent: number[] = [];
      for (const { kind, size } of steps) {
        inCall = true;
        if (kind === "write") {
          const bytes = Uint8Array.from({ length: size }, (_, i) => (sent.length + i) % 251);
          sent.push(...bytes);
          a.write(bytes);
        } else if (kind === "pause") b.pause();
        else if (kind === "resume") b.resume();
        inCall = false;
        if (kind === "turn") await turn();
      }
      b.resume();
      a.close();
      await turn();
      assert.deepEqual(atB.bytes, sent);
      assert.equal(atB.told.at(-1), "ended");
    }),
    { numRuns: 60 },
  );
});

test("write() returns false when the other side is far behind, and written() comes when it has caught up", async () => {
  const { a, b, atA, atB } = openPair();
  b.pause();
  const piece = new Uint8Array(300_000);
  assert.deepEqual([a.write(piece), a.write(piece), a.write(piece)], [true, true, true]);
  assert.equal(a.write(piece), false);
  await turn();
  assert.deepEqual(atA.told, []);
  b.resume();
  await turn();
  assert.deepEqual(atA.told, ["written"]);
  assert.equal(atB.bytes.length, 1_200_000);
});

test("close() delivers what was written, then both sides know", async () => {
  const { a, b, atA, atB } = openPair();
  a.write(new Uint8Array([1]));
  a.close();
  await turn();
  assert.deepEqual(atB.told, ["received 1", "ended"]);
  assert.deepEqual(atA.told, ["closed null"]);
  assert.equal(b.write(new Uint8Array([1])), true);
  b.close();
  await turn();
  assert.deepEqual(atB.told, ["received 1", "ended", "closed null"]);
  assert.deepEqual(atA.told, ["closed null"]);
});

test("destroy() loses what was not delivered", async () => {
  const { a, atB } = openPair();
  a.write(new Uint8Array([1]));
  a.destroy();
  await turn();
  assert.deepEqual(atB.told, ["ended"]);
});

test("open() may come after the other side has written and closed", async () => {
  const [a, b] = duplexPair();
  a.open(new Recorder());
  a.write(new Uint8Array([7]));
  a.close();
  await turn();
  const atB = new Recorder();
  b.open(atB);
  await turn();
  assert.deepEqual(atB.told, ["received 1", "ended"]);
});
