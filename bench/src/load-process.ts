// Runs a load generator in a process of its own, so that its garbage and its turns are not the runner's.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BenchError } from "./errors.ts";
import type { LoadResult } from "./load/spec.ts";

/** No load takes longer, however slow the server. */
const LOAD_MS_MAX = 120_000;

/** Compiled entry of the load generator for raw connections. */
export const CORE_LOAD: string = fileURLToPath(new URL("./load/main.js", import.meta.url));
/** Compiled entry of the load generator on the official client. */
export const CLIENT_JS_LOAD: string = fileURLToPath(new URL("./client-js/main.js", import.meta.url));
/** Compiled entry of the load generator that waits for acknowledgements. */
export const INGEST_LOAD: string = fileURLToPath(new URL("./ingest/load-main.js", import.meta.url));

/**
 * Runs one load to its end.
 * @param entry - {@link CORE_LOAD}, {@link CLIENT_JS_LOAD} or {@link INGEST_LOAD}; each takes its own kind of `spec`.
 * @throws BenchError `LOAD_FAILED` with what the generator said.
 */
export function runLoad(entry: string, spec: unknown): Promise<LoadResult> {
  return runProcess<LoadResult>(entry, spec);
}

/**
 * Runs a measuring process to its end.
 * @param entry - Compiled; takes `spec` as one argument of JSON, prints its result as JSON.
 * @throws BenchError `LOAD_FAILED` with what the process said.
 */
export function runProcess<Result>(entry: string, spec: unknown): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [entry, JSON.stringify(spec)], { stdio: ["ignore", "pipe", "pipe"] });
    const killWithUs = (): void => void child.kill("SIGKILL");
    process.once("exit", killWithUs);
    const timer = setTimeout(killWithUs, LOAD_MS_MAX);
    let output = "";
    let complaint = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      process.removeListener("exit", killWithUs);
      if (code === 0) resolve(JSON.parse(output) as Result);
      else reject(new BenchError("LOAD_FAILED", complaint.trim() || loadEnd(code, signal)));
    });
  });
}

function loadEnd(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGKILL") return `The load generator was stopped: it was not done after ${LOAD_MS_MAX / 1000} s.`;
  return `The load generator ended with ${signal ?? `code ${code}`} and said nothing.`;
}
