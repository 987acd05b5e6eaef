// Runs test files, each in a process of its own, and says only what somebody must know: failures in full, what was
// skipped and why, and one line at the end.

import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";
import { findReferenceServer } from "./reference-server.mjs";
import { ROOT } from "./repo.mjs";

/** A file that takes longer hangs: on a handle left open, or on a condition that never comes. */
const FILE_MS_MAX = 240_000;

/**
 * @param {string[]} files - Paths from the checkout's folder.
 * @returns {Promise<boolean>} Whether all of them passed.
 */
export async function runTests(files) {
  const startedMs = performance.now();
  const report = new Report();
  // Two at least: most tests wait more than they compute.
  const concurrency = Math.max(2, availableParallelism());
  // For the test processes, which inherit it: small benchmarks, stacks that name the TypeScript line, the other server.
  process.env["MYELIN_BENCH"] = "tiny";
  process.env["NODE_OPTIONS"] = nodeOptions(process.env["NODE_OPTIONS"] ?? "");
  const referenceServer = await findReferenceServer();
  if (referenceServer !== null) process.env["REFERENCE_SERVER"] = referenceServer;
  const events = run({ files: files.map((path) => `${ROOT}/${path}`), concurrency, timeout: FILE_MS_MAX });
  for await (const { type, data } of events) report.take(type, data);
  report.finish(files.length, (performance.now() - startedMs) / 1000);
  return report.failed === 0;
}

function nodeOptions(given) {
  return given.includes("--enable-source-maps") ? given : `${given} --enable-source-maps`.trim();
}

class Report {
  passed = 0;
  failed = 0;
  skipped = [];
  /** What each file printed, kept until the file turns out to have failed. */
  #printed = new Map();
  #failedFiles = new Set();

  take(type, data) {
    if (type === "test:stdout" || type === "test:stderr")
      this.#printed.set(fileKey(data.file), (this.#printed.get(fileKey(data.file)) ?? "") + data.message);
    else if (type === "test:pass") this.#takePass(data);
    else if (type === "test:fail") this.#takeFail(data);
  }

  finish(fileCount, seconds) {
    for (const file of this.#failedFiles) {
      const printed = this.#printed.get(fileKey(file))?.trimEnd();
      if (printed) console.log(`\n--- printed by ${relative(ROOT, file)}\n${printed}`);
    }
    for (const { name, reason } of this.skipped) console.log(`skipped: ${name} (${reason})`);
    const failed = this.failed > 0 ? `, ${this.failed} FAILED` : "";
    const skipped = this.skipped.length > 0 ? `, ${this.skipped.length} skipped` : "";
    console.log(`${this.passed} tests passed${failed}${skipped} in ${fileCount} files, ${seconds.toFixed(1)} s`);
  }

  #takePass(data) {
    if (isFile(data)) {
      // Node counts a file that ended without an error as passed, also when it ran no test.
      if (!data.name.endsWith(".bench.js")) this.#fail(data.file, data.name, "the file ended before any test ran");
      return;
    }
    if (data.details.type === "suite") return;
    if (data.skip !== undefined)
      this.skipped.push({ name: data.name, reason: data.skip === true ? "no reason given" : data.skip });
    else this.passed++;
  }

  #takeFail(data) {
    const { error } = data.details;
    if (error.failureType === "subtestsFailed") return; // each of them was told
    this.#fail(data.file, data.name, inspect(error.cause ?? error, { depth: 8 }), data.line);
  }

  #fail(file, name, text, line) {
    this.failed++;
    this.#failedFiles.add(file);
    const place = line === undefined ? relative(ROOT, file) : `${relative(ROOT, file)}:${line}`;
    console.log(`\nFAILED: ${name === file ? relative(ROOT, name) : name}\n  at ${place}\n${indent(text)}`);
  }
}

/** The runner reports a file as a test of its own when no test in it was. */
function isFile(data) {
  return data.nesting === 0 && data.name === data.file;
}

/** The same for a source and what it was compiled to: some events name the one, some the other. */
function fileKey(path) {
  return path.replace(/[/\\](src|dist)(?=[/\\])/, "").replace(/\.(js|tsx?)$/, "");
}

function indent(text) {
  return text.replace(/^(?=.)/gm, "  ");
}
