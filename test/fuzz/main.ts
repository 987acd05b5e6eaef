// The long form of fuzzing. Ends with code 1 and the seed at the first thing that is wrong.
//
//   node test/dist/fuzz/main.js [--seed N] [--inputs N]

import { parseArgs } from "node:util";
import { fuzz } from "./harness.ts";

const STEP = 20_000;
const { values } = parseArgs({ options: { seed: { type: "string" }, inputs: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const inputs = Number(values.inputs ?? 200_000);
console.log(`fuzzing with seed ${seed}, ${inputs} inputs`);
for (let done = 0; done < inputs; done += STEP) {
  const report = await fuzz(seed + done, Math.min(STEP, inputs - done));
  const heap = Math.round(process.memoryUsage().heapUsed / 1e6);
  console.log(`${done + report.inputs} inputs, ${report.closed} of the last closed, heap ${heap} MB`);
}
