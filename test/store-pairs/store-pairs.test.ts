// The store beside the reference's: the same operations on a stream of each, and the same state and answers behind every one of
// them. MYELIN_PAIR_RUNS and MYELIN_PAIR_SEED make it longer.

import { describe, test } from "node:test";
import fc from "fast-check";
import { findReferenceServer } from "../support/reference-server.ts";
import { BothStores } from "./both-stores.ts";
import { plans, type Shape } from "./operations.ts";

const RUNS = Number(process.env["MYELIN_PAIR_RUNS"] ?? 12);
const SEED = Number(process.env["MYELIN_PAIR_SEED"] ?? 1);

const SHAPES: readonly Shape[] = [
  { storage: "memory", scale: 1, stepsMax: 100 },
  { storage: "file", scale: 1, stepsMax: 60 },
  { storage: "file", scale: 100, stepsMax: 100 },
];

const program = findReferenceServer();
const skip = program === null ? "no nats-server: set REFERENCE_SERVER or put it on the PATH" : false;

describe("the store beside nats-server's", { skip }, () => {
  for (const shape of SHAPES) {
    const { storage, scale } = shape;
    test(`a ${storage} stream is the same in both, whatever is done to it, messages ${scale} times as large`, async () => {
      await using both = await BothStores.start(program as string, storage);
      const agree = fc.asyncProperty(plans(shape), ([setting, steps]) => both.play(setting, steps));
      await fc.assert(agree, { numRuns: RUNS, seed: SEED });
    });
  }
});
