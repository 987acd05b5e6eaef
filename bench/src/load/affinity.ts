// Keeps the server and the load generator on different processors.
//
// With one request under way only one of the two works at a time. Put on one processor by chance they never wait
// for the other to wake up, and answers take a quarter of the time: where the scheduler puts them would be measured.

import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { BenchError } from "../errors.ts";

/**
 * Moves this process to the last processor and the server to all others, with all their threads. One processor is left as it is.
 * @throws BenchError `LOAD_FAILED` when that cannot be done.
 */
export function separate(serverPid: number): void {
  const last = availableParallelism() - 1;
  if (last < 1) return;
  pin(serverPid, `0-${last - 1}`);
  pin(process.pid, String(last));
}

function pin(pid: number, processors: string): void {
  try {
    execFileSync("taskset", ["-a", "-p", "-c", processors, String(pid)], { stdio: "pipe" });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BenchError(
      "LOAD_FAILED",
      `Process ${pid} cannot be kept on processors ${processors}: taskset (of util-linux) is needed. ${why}`,
      { cause },
    );
  }
}
