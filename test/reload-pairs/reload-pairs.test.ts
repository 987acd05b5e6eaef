// Random reloads: every client sees the same here as at the reference. More by command: node test/dist/reload-pairs/main.js

import assert from "node:assert/strict";
import { test } from "node:test";
import { findReferenceServer, ReferenceServer } from "../support/reference-server.ts";
import { comparePairs } from "./compare.ts";

const PAIRS = 40;

const program = findReferenceServer();
const skip = program === null ? "no nats-server: set REFERENCE_SERVER or put it on the PATH" : false;

test(`${PAIRS} random reloads end as at the reference`, { skip }, async () => {
  assert.deepEqual(await comparePairs(1, PAIRS, new ReferenceServer(program as string)), []);
});
