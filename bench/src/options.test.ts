import assert from "node:assert/strict";
import { test } from "node:test";
import { BenchError } from "./errors.ts";
import { chooseWorkloads, readOptions } from "./options.ts";
import { CORE_WORKLOADS } from "./workloads.ts";

const ENVIRONMENT = { REFERENCE_SERVER: "/opt/nats-server" };
const SUBJECT = ["--subject", "new=node new.mjs {port}"];

function refuses(argv: readonly string[], text: RegExp): void {
  assert.throws(
    () => readOptions(argv, ENVIRONMENT),
    (error) => error instanceof BenchError && error.code === "USAGE" && text.test(error.message),
  );
}

test("readOptions() puts the reference first and the subjects behind it", () => {
  const request = readOptions(
    ["core", "fan-out", "--myelin-command", "node a.mjs", ...SUBJECT, "--rounds", "5", "--json"],
    ENVIRONMENT,
  );
  assert.ok(request.kind === "run");
  const { servers, rounds, output, workloads, setup } = request.options;
  assert.deepEqual(
    servers.map(({ name, program }) => [name, program]),
    [
      ["reference", "/opt/nats-server"],
      ["myelin", "node"],
      ["new", "node"],
    ],
  );
  assert.deepEqual([rounds, output, workloads, setup.name], [5, "json", ["fan-out"], "plain"]);
});

test("readOptions() makes one round of a quick run unless told otherwise", () => {
  const rounds = (...argv: string[]): number => {
    const request = readOptions(["core", ...SUBJECT, ...argv], ENVIRONMENT);
    return request.kind === "run" ? request.options.rounds : 0;
  };
  assert.deepEqual([rounds(), rounds("--quick"), rounds("--quick", "--rounds", "2")], [3, 1, 2]);
});

test("readOptions() refuses what it does not know, by name", () => {
  refuses([], /Name a set/);
  refuses(["cores"], /no set "cores"/);
  refuses(["core", "--round", "3"], /--round/);
  refuses(["core", ...SUBJECT, "--rounds", "0"], /1 to 100, not "0"/);
  refuses(["core", ...SUBJECT, "--setup", "fancy"], /no setup "fancy"/);
  refuses(["core", "--subject", "new"], /NAME=COMMAND/);
  refuses(["core", "--json", "--markdown"], /exclude/);
});

test("readOptions() says how to name a reference when there is none", () => {
  assert.throws(
    () => readOptions(["core", ...SUBJECT], { PATH: "/nowhere" }),
    (error) => error instanceof BenchError && error.code === "NO_SERVER" && /--reference/.test(error.message),
  );
});

test("chooseWorkloads() takes beginnings, and a full name alone", () => {
  const names = (...chosen: string[]): string[] => chooseWorkloads(CORE_WORKLOADS, chosen).map(({ name }) => name);
  assert.deepEqual(names("publish"), ["publish-16", "publish-128", "publish-1k"]);
  assert.deepEqual(names("publish-16"), ["publish-16"]);
  assert.deepEqual(names("one-to-one-1"), ["one-to-one-16", "one-to-one-128", "one-to-one-1k"]);
  assert.equal(names().length, CORE_WORKLOADS.length);
  assert.throws(() => names("fan-up"), /No workload begins with "fan-up"/);
});

test("every workload has a name of its own", () => {
  assert.equal(new Set(CORE_WORKLOADS.map(({ name }) => name)).size, CORE_WORKLOADS.length);
});

test("readOptions() refuses what a set has no use for", () => {
  refuses(["ingest", ...SUBJECT], /--subject is not for the set ingest/);
  refuses(["ingest", "--setup", "guarded"], /--setup is not for the set ingest/);
  refuses(["ingest", "--seconds", "0"], /--seconds takes a number/);
  refuses(["core", ...SUBJECT, "--seconds", "2"], /--seconds is not for the set core/);
  refuses(["ingest", "--records", "5000"], /--records is not for the set ingest/);
  refuses(["store", "--records", "5.5"], /--records takes a whole number/);
  const request = readOptions(["ingest", "window", "--seconds", "2"], ENVIRONMENT);
  assert.ok(request.kind === "run");
  assert.deepEqual([request.options.seconds, request.options.rounds, request.options.servers.length], [2, 1, 1]);
});

test("readOptions() lets the store be measured where there is no reference", () => {
  const request = readOptions(["store", "--records", "5000"], { PATH: "" });
  assert.ok(request.kind === "run");
  assert.deepEqual([request.options.servers, request.options.records], [[], 5000]);
  assert.throws(() => readOptions(["ingest"], { PATH: "" }), { code: "NO_SERVER" });
});
