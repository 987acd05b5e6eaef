import assert from "node:assert/strict";
import { test } from "node:test";
import { inSlices } from "./in-slices.ts";

test("inSlices() begins at once, gives the loop back after what costs five hundred, and keeps the order", async () => {
  const done: number[] = [];
  const turns: number[] = [];
  let isOver = false;
  const all = inSlices(Array.from({ length: 25 }).keys(), (thing) => {
    done.push(thing);
    return 50;
  }).then(() => {
    isOver = true;
  });
  turns.push(done.length);
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    if (turns.at(-1) !== done.length) turns.push(done.length);
  }
  await all;
  assert.deepEqual(turns, [10, 20, 25]);
  assert.deepEqual(done, [...Array.from({ length: 25 }).keys()]);
});

test("inSlices() takes the things that there were at the beginning", async () => {
  const things = new Set(["a", "b"]);
  const done: string[] = [];
  await inSlices(things, (thing) => {
    done.push(thing);
    things.delete("b");
    things.add("c");
    return 5_000;
  });
  assert.deepEqual(done, ["a", "b"]);
});
