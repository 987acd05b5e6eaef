import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { durationProblem, formatDuration, goDuration, parseDuration } from "./duration.ts";

const CASES: ReadonlyArray<readonly [text: string, ms: number | null]> = [
  ["0", 0],
  ["+0", 0],
  ["0s", 0],
  ["1ns", 1e-6],
  ["1us", 1e-3],
  ["1\u00b5s", 1e-3],
  ["1\u03bcs", 1e-3],
  ["250ms", 250],
  ["1.5s", 1500],
  [".5s", 500],
  ["1.s", 1000],
  ["2m", 120_000],
  ["1h30m10s", 5_410_000],
  ["-5s", -5000],
  ["+5s", 5000],
  ["2562047h", 2_562_047 * 3_600_000],
  ["2562048h", null],
  ["", null],
  ["5", null],
  ["s", null],
  [".s", null],
  ["5 s", null],
  ["5d", null],
  ["5S", null],
  ["1m 30s", null],
  ["--5s", null],
];

for (const [text, ms] of CASES) {
  test(`parseDuration() reads ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), ms));
}

test("formatDuration() and goDuration() write what parseDuration() reads", () => {
  fc.assert(fc.property(fc.nat(10 ** 9), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)));
  fc.assert(fc.property(fc.nat(10 ** 9), (ms) => assert.equal(parseDuration(goDuration(ms)), ms)));
  assert.equal(formatDuration(120_000), "2m");
  assert.equal(formatDuration(5_400_000), "1h30m");
  assert.equal(formatDuration(90_500), "1m30.5s");
});

for (const [text, problem] of [
  ["", 'time: invalid duration ""'],
  ["s", 'time: invalid duration "s"'],
  ["--5s", 'time: invalid duration "--5s"'],
  ["9999999999999h", 'time: invalid duration "9999999999999h"'],
  ["5", 'time: missing unit in duration "5"'],
  ["1m5", 'time: missing unit in duration "1m5"'],
  ["1d", 'time: unknown unit "d" in duration "1d"'],
  ["5 s", 'time: unknown unit " s" in duration "5 s"'],
] as const) {
  test(`durationProblem() says of ${JSON.stringify(text)} what Go says`, () =>
    assert.equal(durationProblem(text), problem));
}

for (const [ms, text] of [
  [0, "0s"],
  [250, "250ms"],
  [1_500, "1.5s"],
  [120_000, "2m0s"],
  [3_600_000, "1h0m0s"],
  [5_410_000, "1h30m10s"],
] as const) {
  test(`goDuration() writes ${ms} ms as ${text}`, () => assert.equal(goDuration(ms), text));
}
