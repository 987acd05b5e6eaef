import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { runsOf } from "../testing/seqs-of.ts";
import { LostRuns } from "./lost-runs.ts";

test("LostRuns holds what a plain set holds, as runs that do not touch each other", () => {
  const random = new SimRandom(8);
  const runs = new LostRuns();
  let plain = new Set<number>();
  for (let step = 0; step < 2000; step++) {
    const first = 1 + (random.uint32() % 300);
    const last = first + (random.uint32() % 8);
    if (step % 7 === 0) {
      const to = first + 250;
      runs.keep(first, to);
      plain = new Set([...plain].filter((seq) => seq >= first && seq <= to));
    } else {
      assert.equal(
        runs.overlaps(first, last),
        [...plain].some((seq) => seq >= first && seq <= last),
      );
      runs.add(first, last);
      for (let seq = first; seq <= last; seq++) plain.add(seq);
    }
    const sorted = [...plain].sort((a, b) => a - b);
    assert.deepEqual(runs.list(), runsOf(sorted));
    assert.deepEqual([runs.first, runs.last], [sorted[0] ?? Number.POSITIVE_INFINITY, sorted.at(-1) ?? 0]);
    const around = Array.from({ length: last - first + 40 }, (_, i) => first - 20 + i);
    assert.deepEqual([...runs.outside(first - 20, last + 19)], runsOf(around.filter((seq) => !plain.has(seq))));
  }
});
