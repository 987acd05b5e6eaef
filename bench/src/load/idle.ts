// Opens many connections, each with one subscription, and tells how much memory they cost the server.

import { memory } from "../proc.ts";
import { createReadBuffer, LoadConnection } from "./connection.ts";
import { startSampling } from "./sampler.ts";
import type { LoadResult, LoadSpec } from "./spec.ts";

/** Connections that are opened at the same time. */
const OPENING = 64;
/** How long the server has to come to rest before its memory is read. */
const SETTLE_MS = 1_000;

/** Opens the connections and closes them again; rejects through `fail` when one breaks. */
export async function runIdle(spec: LoadSpec, fail: (error: Error) => void): Promise<LoadResult> {
  const readBuffer = createReadBuffer();
  const open = async (from: number, count: number): Promise<LoadConnection[]> => {
    const opened: LoadConnection[] = [];
    for (let first = from; first < from + count; first += OPENING) {
      const some: Promise<LoadConnection>[] = [];
      for (let n = first; n < Math.min(first + OPENING, from + count); n++)
        some.push(LoadConnection.open(spec.target, readBuffer, `SUB idle.${n} 1\r\n`, fail));
      opened.push(...(await Promise.all(some)));
    }
    return opened;
  };
  const early = await open(0, spec.warmupCount);
  await settled();
  const { residentKib } = memory(spec.target.serverPid);
  const end = startSampling(spec.target);
  const late = await open(spec.warmupCount, spec.count);
  const measured = end();
  await settled();
  const after = memory(spec.target.serverPid);
  for (const connection of [...early, ...late]) connection.close();
  return {
    ...measured,
    peakKib: after.peakKib,
    count: spec.count,
    deliveries: 0,
    p50Micros: null,
    p99Micros: null,
    kibPerConnection: (after.residentKib - residentKib) / spec.count,
  };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
