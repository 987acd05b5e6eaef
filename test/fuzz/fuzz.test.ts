// A little fuzzing with a fixed seed in every test run; test/fuzz/main.ts does the long form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./harness.ts";

const SEED = 20_260_801;
const INPUTS = 6_000;

test(`a server withstands ${INPUTS} strange inputs (seed ${SEED})`, { timeout: 60_000 }, async () => {
  const report = await fuzz(SEED, INPUTS);
  assert.equal(report.inputs, INPUTS);
  assert.ok(report.closed > INPUTS / 4, `only ${report.closed} connections were closed: the inputs are too tame`);
  assert.ok(report.closed < (INPUTS * 9) / 10, `${report.closed} connections were closed: the inputs are too wild`);
});
