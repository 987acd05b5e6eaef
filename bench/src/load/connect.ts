// Connects, greets and goes, again and again: what a connection costs the server, with the handshake of TLS where there is one.

import { createReadBuffer, LoadConnection } from "./connection.ts";
import { startSampling } from "./sampler.ts";
import type { LoadResult, LoadSpec } from "./spec.ts";

/** Connections that are under way at the same time. */
const UNDER_WAY = 4;

/** Each connection waits for INFO, sends CONNECT and PING, and goes when it has PONG; rejects through `fail` when one breaks. */
export async function runConnect(spec: LoadSpec, fail: (error: Error) => void): Promise<LoadResult> {
  const readBuffer = createReadBuffer();
  const connect = async (count: number): Promise<void> => {
    let left = count;
    const oneAfterTheOther = async (): Promise<void> => {
      while (left-- > 0) (await LoadConnection.open(spec.target, readBuffer, "", fail)).close();
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, oneAfterTheOther));
  };
  await connect(spec.warmupCount);
  const end = startSampling(spec.target);
  await connect(spec.count);
  return {
    ...end(),
    count: spec.count,
    deliveries: 0,
    p50Micros: null,
    p99Micros: null,
    kibPerConnection: null,
  };
}
