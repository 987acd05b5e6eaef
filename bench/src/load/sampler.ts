// Clock, server CPU and generator CPU around the measured part of a load.

import { cpuSeconds, memory } from "../proc.ts";
import type { LoadResult, LoadTarget } from "./spec.ts";

const MICROS_PER_SECOND = 1e6;
const MILLIS_PER_SECOND = 1e3;

/** What every load measures in the same way. */
export type Measured = Pick<LoadResult, "seconds" | "serverCpuSeconds" | "loadCpuSeconds" | "peakKib">;

/** Starts measuring now; the returned function ends it. */
export function startSampling(target: LoadTarget): () => Measured {
  const load = process.cpuUsage();
  const server = cpuSeconds(target.serverPid);
  const startMs = performance.now();
  return () => {
    const seconds = (performance.now() - startMs) / MILLIS_PER_SECOND;
    const serverCpuSeconds = cpuSeconds(target.serverPid) - server;
    const { user, system } = process.cpuUsage(load);
    return {
      seconds,
      serverCpuSeconds,
      loadCpuSeconds: (user + system) / MICROS_PER_SECOND,
      peakKib: memory(target.serverPid).peakKib,
    };
  };
}
