// The workloads of the core server, as data: what is sent, how much of it, and how good the result has to be.
//
// Counts are chosen so that the reference spends a second and a half of CPU time or more: the kernel counts it in
// steps of 10 ms.

import type { Load, StreamLoad } from "./load/spec.ts";

/** Largest acceptable value of one figure. */
export interface Target {
  /** `cpu`, `p50`: ratios to the reference. `kibPerConnection`: KiB, whatever the reference has. */
  readonly figure: "cpu" | "p50" | "kibPerConnection";
  readonly most: number;
}

export interface Workload {
  readonly name: string;
  readonly group: string;
  readonly load: Load;
  /** Messages, requests or connections of a full measurement. */
  readonly count: number;
  /** A quick run takes the whole count too: a server's own growth would be shared by fewer connections. */
  readonly isWhole?: boolean;
  /** Null: nothing was promised, the figure is for reading. */
  readonly target: Target | null;
}

const KIB = 1024;
const WRITE_BYTES_MAX = 64 * KIB;
const WINDOW_BYTES = 8 * KIB * KIB;
const SINGLE_WRITERS = 64;
const SINGLE_WINDOW_BYTES = SINGLE_WRITERS * "PUB bench.x 16\r\naaaaaaaaaaaaaaaa\r\n".length;

const ONE_TO_NOBODY: StreamLoad = {
  kind: "stream",
  publishers: 1,
  subscribers: 0,
  payloadBytes: 128,
  subjects: 1,
  filter: "bench.x",
  queueGroup: null,
  headers: false,
  writeBytesMax: WRITE_BYTES_MAX,
  windowBytes: WINDOW_BYTES,
};

/** One publisher and nobody else, but for what `changes` says. */
function stream(changes: Partial<StreamLoad>): StreamLoad {
  return { ...ONE_TO_NOBODY, ...changes };
}

function cpu(most: number): Target {
  return { figure: "cpu", most };
}

function row(group: string, name: string, count: number, target: Target | null, load: Load): Workload {
  return { group, name, count, target, load };
}

const PUBLISH = "Publish only, nobody listens";
const ONE = "One publisher, one subscriber";
const FAN_OUT = "Fan-out";
const SUBJECTS = "Interest: fan-in, many subjects, wildcards, queue groups, headers";
const REQUEST = "Request and reply";
const SINGLE = "One message per write";
const CONNECT = "Connections that come and go";
const IDLE = "Idle connections";

/** The workloads in the order in which they run. */
export const CORE_WORKLOADS: readonly Workload[] = [
  row(PUBLISH, "publish-16", 10_000_000, null, stream({ payloadBytes: 16 })),
  row(PUBLISH, "publish-128", 6_000_000, null, stream({ payloadBytes: 128 })),
  row(PUBLISH, "publish-1k", 3_000_000, cpu(0.7), stream({ payloadBytes: KIB })),

  row(ONE, "one-to-one-16", 3_200_000, cpu(0.3), stream({ subscribers: 1, payloadBytes: 16 })),
  row(ONE, "one-to-one-128", 2_400_000, cpu(0.3), stream({ subscribers: 1 })),
  row(ONE, "one-to-one-1k", 1_200_000, cpu(0.5), stream({ subscribers: 1, payloadBytes: KIB })),
  row(ONE, "one-to-one-64k", 24_000, cpu(0.9), stream({ subscribers: 1, payloadBytes: 64 * KIB })),

  row(FAN_OUT, "fan-out-10-16", 500_000, cpu(0.5), stream({ subscribers: 10, payloadBytes: 16 })),
  row(FAN_OUT, "fan-out-10-128", 400_000, cpu(0.5), stream({ subscribers: 10 })),
  row(FAN_OUT, "fan-out-10-1k", 240_000, cpu(0.7), stream({ subscribers: 10, payloadBytes: KIB })),
  row(FAN_OUT, "fan-out-100-16", 60_000, null, stream({ subscribers: 100, payloadBytes: 16 })),
  row(FAN_OUT, "fan-out-100-128", 40_000, null, stream({ subscribers: 100 })),

  row(SUBJECTS, "fan-in-10-128", 2_400_000, null, stream({ publishers: 10, subscribers: 1 })),
  row(
    SUBJECTS,
    "subjects-100k-128",
    1_000_000,
    cpu(0.3),
    stream({ subscribers: 1, subjects: 100_000, filter: "bench.>" }),
  ),
  row(SUBJECTS, "wildcard-128", 2_400_000, cpu(0.3), stream({ subscribers: 1, filter: "bench.*" })),
  row(SUBJECTS, "queue-4-128", 2_400_000, cpu(0.3), stream({ subscribers: 4, queueGroup: "workers" })),
  row(SUBJECTS, "headers-128", 1_800_000, null, stream({ subscribers: 1, headers: true })),

  row(REQUEST, "request-1", 15_000, { figure: "p50", most: 1.15 }, request(1)),
  row(REQUEST, "request-512", 400_000, cpu(0.3), request(512)),

  row(SINGLE, "single-write-publish-16", 400_000, cpu(1.15), singleWrites({ subscribers: 0 })),
  // One message of each publisher at a time: what waits in a socket is read together, and a slow server would profit.
  row(
    SINGLE,
    "single-write-window-16",
    400_000,
    cpu(1.15),
    singleWrites({ subscribers: 1, windowBytes: SINGLE_WINDOW_BYTES }),
  ),

  { ...row(CONNECT, "connect", 6_000, null, { kind: "connect" }), isWhole: true },

  { ...row(IDLE, "idle-5000", 5_000, { figure: "kibPerConnection", most: 10 }, { kind: "idle" }), isWhole: true },
];

function singleWrites(changes: Partial<StreamLoad>): StreamLoad {
  return stream({ publishers: SINGLE_WRITERS, payloadBytes: 16, writeBytesMax: null, ...changes });
}

function request(outstanding: number): Load {
  return { kind: "request", outstanding, payloadBytes: 16, apart: outstanding === 1 };
}
