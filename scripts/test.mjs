// npm test [-- part-of-a-path ...]: installs, builds, runs every test file, or those whose path contains one of the arguments.

import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { isMain } from "./lib/repo.mjs";
import { runTests } from "./lib/run-tests.mjs";
import { testFiles } from "./lib/test-files.mjs";

/** Runs the test files that match; true when all passed. An argument that matches nothing is an error. */
export async function test(patterns) {
  const all = testFiles();
  const lost = patterns.find((pattern) => !all.some((path) => path.includes(pattern)));
  if (lost !== undefined) throw new Error(`No test file has ${JSON.stringify(lost)} in its path`);
  return runTests(patterns.length === 0 ? all : all.filter((path) => patterns.some((part) => path.includes(part))));
}

if (isMain(import.meta.url)) {
  await build().catch(fail);
  const passed = await test(process.argv.slice(2)).catch(fail);
  process.exit(passed ? 0 : 1);
}
