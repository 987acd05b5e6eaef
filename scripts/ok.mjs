// npm run ok: the one gate. What is quick and fails often comes first; the first failure ends it.

import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { captureTool } from "./lib/run.mjs";
import { test } from "./test.mjs";
import { tidy } from "./tidy.mjs";

const STEPS = [
  { name: "install", run: ensureInstalled },
  { name: "format", run: () => tool("biome", ["check", "--error-on-warnings", "."], "npm run format puts it right") },
  { name: "build", run: build },
  { name: "lint", run: () => tool("oxlint", ["--type-aware", "--deny-warnings"], "fix what is reported") },
  { name: "tidy", run: async () => tidy() },
  { name: "tests", run: runTests },
];

async function tool(name, args, advice) {
  const { ok, output } = await captureTool(name, args);
  if (!ok) throw new Error(`${output.trim()}\n\n${advice}`);
}

async function runTests() {
  if (!(await test([]))) throw new Error("tests failed");
}

for (const { name, run } of STEPS) {
  const startedMs = performance.now();
  const tell = (result) =>
    console.log(`${name.padEnd(8)} ${result}  ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  try {
    await run();
    tell("ok    ");
  } catch (error) {
    tell("FAILED");
    fail(error);
  }
}
