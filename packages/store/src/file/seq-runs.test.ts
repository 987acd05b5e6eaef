import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { SeqRuns } from "./seq-runs.ts";

function runsOf(list: SeqRuns): [number, number][] {
  return Array.from({ length: list.length }, (_, run) => [list.first(run), list.count(run)]);
}

function sequencesOf(list: SeqRuns): number[] {
  return runsOf(list).flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
}

test("SeqRuns joins neighbours at either end of the newest run, and keeps the order", () => {
  const list = new SeqRuns();
  for (const seq of [5, 6, 7, 4, 9, 8, 2 ** 40, 2 ** 40 + 1, 3]) list.add(seq);
  list.addRun(4, 2);
  list.addRun(100, 0);
  list.addRun(20, 3);
  assert.deepEqual(runsOf(list), [
    [4, 4],
    [8, 2],
    [2 ** 40, 2],
    [3, 3],
    [20, 3],
  ]);
  list.clear();
  list.add(21);
  assert.deepEqual(runsOf(list), [[21, 1]], "what was there before clear() is continued no more");
});

test("SeqRuns holds what a plain list holds, over many chunks", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = new SimRandom(seed);
    const list = new SeqRuns();
    const other = new SeqRuns();
    const plain: number[] = [];
    const otherPlain: number[] = [];
    for (let i = 0, seq = 1; i < 30_000; i++) {
      seq += 1 + (random.uint32() % 3);
      (i % 7 === 0 ? other : list).add(seq);
      (i % 7 === 0 ? otherPlain : plain).push(seq);
    }
    const limit = plain[random.uint32() % plain.length]!;
    assert.deepEqual(
      sequencesOf(list.upTo(limit)),
      plain.filter((seq) => seq <= limit),
    );
    assert.deepEqual(
      [...list.from(limit)].flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i)),
      plain.filter((seq) => seq >= limit),
    );
    list.addAll(other);
    assert.deepEqual(sequencesOf(list), [...plain, ...otherPlain]);
    list.clear();
    assert.equal(list.length, 0);
  }
});
