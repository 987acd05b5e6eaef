// The load generator's process: takes a LoadSpec as its only argument, prints a LoadResult as one line of JSON.

import { runConnect } from "./connect.ts";
import { runIdle } from "./idle.ts";
import { runRequest } from "./request.ts";
import type { LoadResult, LoadSpec } from "./spec.ts";
import { runStream } from "./stream.ts";

function run(spec: LoadSpec, fail: (error: Error) => void): Promise<LoadResult> {
  const { load } = spec;
  if (load.kind === "stream") return runStream(spec, load, fail);
  if (load.kind === "request") return runRequest(spec, load, fail);
  if (load.kind === "connect") return runConnect(spec, fail);
  return runIdle(spec, fail);
}

async function main(): Promise<void> {
  const spec = JSON.parse(process.argv[2] ?? "null") as LoadSpec;
  const result = await new Promise<LoadResult>((resolve, reject) => {
    run(spec, reject).then(resolve, reject);
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  // Connections may still be open: without this the process would wait for them.
  process.exit(1);
}
