import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { SeqSorter } from "./seq-sorter.ts";

/** Runs to its end, and counts how often it could have been paused. */
function sorted(seqs: readonly number[]): { result: Float64Array; pauses: number } {
  const sorter = new SeqSorter();
  for (const seq of seqs) sorter.add(seq);
  const steps = sorter.sorted();
  for (let pauses = 0; ; pauses++) {
    const { done, value } = steps.next();
    if (done) return { result: value, pauses };
  }
}

test("SeqSorter gives back what was added, in order, and can be paused while it merges", () => {
  const random = new SimRandom(11);
  const orders: Record<string, (i: number) => number> = {
    "in order": (i) => i + 1,
    backwards: (i) => 2 ** 52 - i,
    "at random": () => 1 + (random.uint32() % 1_000_000) * 2 ** 20,
    "in two halves": (i) => (i < 20_000 ? i + 50_000 : i),
    "nearly in order": (i) => (i % 9000 === 5 ? 0 : i + 1),
  };
  for (const [order, seqOf] of Object.entries(orders)) {
    for (const count of [0, 1, 2, 8191, 8192, 8193, 16_384, 40_000]) {
      const seqs = Array.from({ length: count }, (_, i) => seqOf(i));
      const { result, pauses } = sorted(seqs);
      assert.deepEqual(result, Float64Array.from(seqs).sort(), `${count} ${order}`);
      assert.ok(count <= 8192 ? pauses === 0 : pauses > count / 1000, `${pauses} pauses`);
    }
  }
});
