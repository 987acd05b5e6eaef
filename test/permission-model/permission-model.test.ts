// Some thousand random cases of permissions against the oracle: every publish and every subscription is answered, and every
// message reaches whom it must and nobody else. Many more by command: node test/dist/permission-model/main.js

import assert from "node:assert/strict";
import { test } from "node:test";
import { startReference } from "../probe/probe-target.ts";
import { findReferenceServer } from "../support/reference-server.ts";
import { MYELIN_READING, matches, maySubscribe, REFERENCE_READING } from "./oracle.ts";
import { runCases, startInProcess } from "./run.ts";

const CASES = 12_000;
const REFERENCE_CASES = 4_000;

test("the oracle knows what it should", () => {
  assert.equal(matches("a.*", "a.b"), true);
  assert.equal(matches("a.*", "a"), false);
  assert.equal(matches("a.*", "a.b.c"), false);
  assert.equal(matches("a.>", "a.b.c"), true);
  assert.equal(matches("a.>", "a"), false);
  assert.equal(matches(">", "a"), true);
  const rules = { publish: null, subscribe: { allow: [{ subject: "a.*", queue: null }], deny: [] }, responses: null };
  assert.equal(maySubscribe(rules, "a.>", null, MYELIN_READING), false);
  assert.equal(maySubscribe(rules, "a.>", null, REFERENCE_READING), true);
  assert.equal(maySubscribe(rules, "a.*", "q", MYELIN_READING), true);
});

test("permissions hold in random cases, on every way to a subscriber", async () => {
  assert.ok((await runCases(1, CASES, startInProcess, MYELIN_READING)) >= CASES);
});

test("a server that forgot a rule would be found", async () => {
  // The oracle that lets more in stands for such a server.
  await assert.rejects(runCases(1, CASES, startInProcess, REFERENCE_READING), /SUB (?:.*\.)?> .*was answered -ERR/);
});

const program = findReferenceServer();
test("the oracle is right about the reference", { skip: program === null ? "no nats-server" : false }, async () => {
  const done = await runCases(1, REFERENCE_CASES, startReference(program as string), REFERENCE_READING);
  assert.ok(done >= REFERENCE_CASES);
});
