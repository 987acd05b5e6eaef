// Random reloads against Myelin and the reference, as many as wanted; prints those after which a client saw something else.
//
//   node test/dist/reload-pairs/main.js [--seed N] [--pairs N]

import { parseArgs } from "node:util";
import { findReferenceServer, ReferenceServer } from "../support/reference-server.ts";
import { comparePairs } from "./compare.ts";

const { values } = parseArgs({ options: { seed: { type: "string" }, pairs: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const pairs = Number(values.pairs ?? 200);
const program = findReferenceServer();
if (program === null) {
  console.error("There is no reference server to compare with: set REFERENCE_SERVER");
  process.exit(1);
}
console.log(`${pairs} random reloads with seed ${seed}`);
const differences = await comparePairs(seed, pairs, new ReferenceServer(program));
for (const difference of differences) console.log(`\n${difference}`);
console.log(`${differences.length} of ${pairs} ended differently`);
process.exitCode = differences.length === 0 ? 0 : 1;
