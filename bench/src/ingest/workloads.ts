// The workloads of the ingest benchmark and what is promised of them, as data.

import type { IngestLoad } from "./spec.ts";

export interface IngestWorkload {
  readonly name: string;
  readonly group: string;
  readonly load: IngestLoad;
}

/** The four servers that are measured, in this order. */
export const INGEST_SERVERS = ["reference", "reference always", "myelin", "myelin lazy"] as const;
export type IngestServer = (typeof INGEST_SERVERS)[number];

/** What is compared with what: a server's figure of a workload as a ratio to another one's. */
export interface Aim {
  readonly workload: string;
  readonly server: IngestServer;
  readonly figure: "rate" | "cpu";
  /** The other server, and its workload when that is another one. */
  readonly against: IngestServer;
  readonly againstWorkload?: string;
  /** Rates have a least ratio, CPU time a greatest. */
  readonly bound: number;
}

const ONE = "One stream, 128 B";
const MANY = "Many streams, 128 B";
const LARGE = "One stream, 1 KiB";

function row(group: string, name: string, outstanding: number, streams: number, payloadBytes = 128): IngestWorkload {
  return { group, name, load: { outstanding, payloadBytes, streams } };
}

export const INGEST_WORKLOADS: readonly IngestWorkload[] = [
  row(ONE, "window-1", 1, 1),
  row(ONE, "window-16", 16, 1),
  row(ONE, "window-256", 256, 1),
  row(ONE, "window-4096", 4096, 1),
  row(MANY, "streams-100-256", 256, 100),
  row(MANY, "streams-100-4096", 4096, 100),
  row(MANY, "streams-1000-256", 256, 1000),
  row(MANY, "streams-1000-4096", 4096, 1000),
  row(LARGE, "large-256", 256, 1, 1024),
  row(LARGE, "large-4096", 4096, 1, 1024),
];

function rate(workload: string, server: IngestServer, against: IngestServer, bound: number): Aim {
  return { workload, server, figure: "rate", against, bound };
}

function share(workload: string, againstWorkload: string, bound: number): Aim {
  return { workload, server: "myelin", figure: "rate", against: "myelin", againstWorkload, bound };
}

function lazyCpu(workload: string): Aim {
  return { workload, server: "myelin lazy", figure: "cpu", against: "reference", bound: 0.5 };
}

export const INGEST_AIMS: readonly Aim[] = [
  rate("window-1", "myelin", "reference always", 0.8),
  rate("window-256", "myelin", "reference", 0.9),
  rate("window-256", "myelin", "reference always", 10),
  rate("window-4096", "myelin", "reference", 1.5),
  rate("window-4096", "myelin", "reference always", 10),
  rate("window-16", "myelin lazy", "reference", 1.5),
  rate("window-256", "myelin lazy", "reference", 2),
  rate("window-4096", "myelin lazy", "reference", 2),
  lazyCpu("window-16"),
  lazyCpu("window-256"),
  lazyCpu("window-4096"),
  share("streams-100-256", "window-256", 0.7),
  share("streams-100-4096", "window-4096", 0.7),
  share("streams-1000-256", "window-256", 0.5),
  share("streams-1000-4096", "window-4096", 0.5),
];
