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
