// Random cases of permissions, as many as wanted, against Myelin or the reference.
//
//   node test/dist/permission-model/main.js [--seed N] [--cases N] [--reference]

import { parseArgs } from "node:util";
import { startReference } from "../probe/probe-target.ts";
import { findReferenceServer } from "../support/reference-server.ts";
import { MYELIN_READING, REFERENCE_READING } from "./oracle.ts";
import { runCases, startInProcess } from "./run.ts";

const { values } = parseArgs({
  options: { seed: { type: "string" }, cases: { type: "string" }, reference: { type: "boolean" } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const cases = Number(values.cases ?? 1_000_000);
const program = values.reference === true ? findReferenceServer() : null;
if (values.reference === true && program === null) {
  console.error("There is no reference server: set REFERENCE_SERVER");
  process.exit(1);
}
const startedMs = performance.now();
console.log(`${cases} cases with seed ${seed} against ${program === null ? "myelin" : "nats-server"}`);
const done =
  program === null
    ? await runCases(seed, cases, startInProcess, MYELIN_READING)
    : await runCases(seed, cases, startReference(program), REFERENCE_READING);
console.log(`${done} cases hold, in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
