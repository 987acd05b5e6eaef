// A stream load for tests.

import type { StreamLoad } from "./spec.ts";

/** One publisher and one subscriber of `bench.x`, but for what `changes` says. */
export function streamLoad(changes: Partial<StreamLoad>): StreamLoad {
  return {
    kind: "stream",
    publishers: 1,
    subscribers: 1,
    payloadBytes: 128,
    subjects: 1,
    filter: "bench.>",
    queueGroup: null,
    headers: false,
    writeBytesMax: 65_536,
    windowBytes: 1 << 23,
    ...changes,
  };
}
