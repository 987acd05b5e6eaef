// The workloads of the store benchmark and what is promised of them, as data.

import type { EngineName, StoreJob } from "./spec.ts";

export interface StoreWorkload {
  readonly name: string;
  readonly group: string;
  /** How long, or how much, is the runner's business. */
  readonly job: StoreJob;
}

/** A figure of Myelin's that must be at least (rates) or at most (times) so good. */
export interface StoreAim {
  readonly workload: string;
  readonly what: "rate" | "p50";
  /** The engine that a rate is taken as a ratio to; null: the bound is a time in microseconds. */
  readonly against: EngineName | "reference" | null;
  readonly bound: number;
}

const APPEND = "Append, acknowledged after the sync";
const READ = "Read one stream of 128 B records";
const SMALL = 128;
const LARGE = 1024;
const MANY_SUBJECTS = 100_000;
const READ_SUBJECTS = 1000;
/** A single record waits for its own sync alone; batches are sent without waiting for the one before. */
const IN_FLIGHT = 4;

function append(name: string, payloadBytes: number, batch: number, streams = 1, subjects = 1): StoreWorkload {
  const inFlight = batch === 1 ? 1 : IN_FLIGHT;
  return {
    name,
    group: APPEND,
    job: { kind: "append", payloadBytes, batch, inFlight, streams, subjects, measureMs: 0 },
  };
}

export const READ_WORKLOAD = "read";

export const STORE_WORKLOADS: readonly StoreWorkload[] = [
  append("append-1", SMALL, 1),
  append("append-64", SMALL, 64),
  append("append-1024", SMALL, 1024),
  append("append-large-1", LARGE, 1),
  append("append-large-64", LARGE, 64),
  append("append-large-1024", LARGE, 1024),
  append("append-100-streams-64", SMALL, 64, 100),
  append("append-100-streams-1024", SMALL, 1024, 100),
  append("append-1000-streams-1024", SMALL, 1024, 1000),
  append("append-100k-subjects-1024", SMALL, 1024, 1, MANY_SUBJECTS),
  { name: READ_WORKLOAD, group: READ, job: { kind: "read", records: 0, subjects: READ_SUBJECTS } },
];

function faster(workload: string, against: EngineName | "reference", bound: number): StoreAim {
  return { workload, what: "rate", against, bound };
}

export const STORE_AIMS: readonly StoreAim[] = [
  ...STORE_WORKLOADS.filter(({ job }) => job.kind === "append").map(({ name }) => faster(name, "lmdb", 3)),
  faster(READ_WORKLOAD, "lmdb", 5),
  faster(READ_WORKLOAD, "reference", 1),
  { workload: READ_WORKLOAD, what: "p50", against: null, bound: 10 },
];
