import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
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
    const expected: [number, number][] = [];
    for (const seq of [...plain].sort((a, b) => a - b)) {
      if (expected.at(-1)?.[1] === seq - 1) expected.at(-1)![1] = seq;
      else expected.push([seq, seq]);
    }
    assert.deepEqual(runs.list(), expected);
  }
});
