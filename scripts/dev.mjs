// npm run dev [-- part-of-a-path ...]: the working loop. Compiles at every change; after each build without errors it runs
// the tests of the packages that changed, or always those whose path contains one of the arguments. Ctrl-C ends it.

import { createInterface } from "node:readline";
import { Changes } from "./lib/changes.mjs";
import { fail } from "./lib/fail.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { startTool } from "./lib/run.mjs";
import { runTests } from "./lib/run-tests.mjs";
import { testFiles } from "./lib/test-files.mjs";

const BUILD_DONE = /Found (\d+) errors?\. Watching/;
const CHATTER = /^$|Starting (incremental )?compilation/;

const wanted = process.argv.slice(2);
await ensureInstalled().catch(fail);
const changes = new Changes();
let running = Promise.resolve();

const compiler = startTool("tsc", ["-b", "--watch", "--preserveWatchOutput"]);
compiler.on("exit", (code) => process.exit(code ?? 0));
process.on("SIGTERM", () => compiler.kill());
createInterface({ input: compiler.stdout }).on("line", (line) => {
  const done = BUILD_DONE.exec(line);
  if (done === null && !CHATTER.test(line)) console.log(line);
  if (done === null) return;
  console.log(done[1] === "0" ? "built" : `${done[1]} errors`);
  // One run at a time: a second build during a run is tested after it.
  if (done[1] === "0") running = running.then(testWhatChanged).catch(fail);
});

async function testWhatChanged() {
  const parts = wanted.length > 0 ? wanted : changes.take();
  const files = testFiles().filter((path) => parts.some((part) => path.includes(part)));
  if (files.length > 0) await runTests(files);
}
