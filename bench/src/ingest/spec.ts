// What the ingest benchmark's runner tells its load generator.

import type { LoadTarget } from "../load/spec.ts";

/** One publisher that keeps a number of messages without acknowledgement under way, spread over streams in turn. */
export interface IngestLoad {
  readonly outstanding: number;
  readonly payloadBytes: number;
  readonly streams: number;
}

/** The generator's argument. It measures for a time, since servers differ by three orders of magnitude. */
export interface IngestSpec {
  readonly target: LoadTarget;
  readonly load: IngestLoad;
  readonly warmupMs: number;
  readonly measureMs: number;
}

/** Streams are numbered: `S0000` takes `b.0000`. */
export const STREAM_DIGITS = 4;
export const STREAMS_MAX: number = 10 ** STREAM_DIGITS;

export function streamName(index: number): string {
  return `S${String(index).padStart(STREAM_DIGITS, "0")}`;
}

export function streamSubject(index: number): string {
  return `b.${String(index).padStart(STREAM_DIGITS, "0")}`;
}
