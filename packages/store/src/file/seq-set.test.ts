import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { SeqSet } from "./seq-set.ts";

test("SeqSet holds what a plain set holds, across pages and with long runs", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SimRandom(seed);
    const set = new SeqSet();
    const plain = new Set<number>();
    for (let i = 0; i < 60; i++) {
      const first = 65_000 + (random.uint32() % 1200);
      const count = i % 20 === 0 ? 5000 : 1 + (random.uint32() % 4);
      set.add(first, count);
      for (let seq = first; seq < first + count; seq++) plain.add(seq);
    }
    const from = 65_000 + (random.uint32() % 900);
    for (let seq = 64_990; seq < 71_500; seq++) assert.equal(set.has(seq), plain.has(seq), `has(${seq})`);
    const found = new Set<number>();
    for (const [first, count] of set.runs(from)) for (let seq = first; seq < first + count; seq++) found.add(seq);
    assert.deepEqual(
      [...found].sort((a, b) => a - b),
      [...plain].filter((seq) => seq >= from).sort((a, b) => a - b),
    );
    for (let seq = 64_990; seq < 71_500; seq++) {
      let [inside, outside] = [seq, seq];
      while (!plain.has(inside) && inside < 72_000) inside++;
      while (plain.has(outside)) outside++;
      assert.equal(set.next(seq), inside < 72_000 ? inside : Number.POSITIVE_INFINITY, `next(${seq})`);
      assert.equal(set.nextOutside(seq), outside, `nextOutside(${seq})`);
    }
  }
});

test("SeqSet joins neighbours", () => {
  const set = new SeqSet();
  for (const seq of [7, 5, 6, 9]) set.add(seq, 1);
  assert.deepEqual(
    [...set.runs(1)],
    [
      [5, 3],
      [9, 1],
    ],
  );
  assert.deepEqual(
    [...set.runs(6)],
    [
      [6, 2],
      [9, 1],
    ],
  );
});

test("SeqSet steps over what is far away, and over runs of any length, at once", () => {
  const set = new SeqSet();
  set.add(10, 2 ** 50);
  set.add(2 ** 50 + 10, 3);
  set.add(2 ** 51, 1);
  assert.deepEqual([set.next(1), set.nextOutside(9), set.nextOutside(10)], [10, 9, 2 ** 50 + 13]);
  assert.deepEqual([set.next(2 ** 50 + 13), set.next(2 ** 51 + 1)], [2 ** 51, Number.POSITIVE_INFINITY]);
});
