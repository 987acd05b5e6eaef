import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, ratio } from "./statistics.ts";

test("median() takes the middle, or the mean of the two middle ones, of unsorted samples", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([10, 9, 100]), 10, "numbers, not strings, are compared");
  assert.ok(Number.isNaN(median([])));
});

test("median() leaves its samples in order", () => {
  const samples = [3, 1, 2];
  median(samples);
  assert.deepEqual(samples, [3, 1, 2]);
});

test("percentile() is the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile(hundred, 0), 1);
  assert.equal(percentile([7], 0.99), 7);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test("ratio() is null where it would mislead", () => {
  assert.equal(ratio(1, 4), 0.25);
  assert.equal(ratio(0, 4), 0);
  assert.equal(ratio(1, 0), null);
  assert.equal(ratio(null, 4), null);
  assert.equal(ratio(1, null), null);
  assert.equal(ratio(Number.NaN, 4), null);
});
