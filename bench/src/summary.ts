// Makes figures out of samples: medians per server, ratios to the reference, and whether a target is met. Pure.

import type { LoadResult } from "./load/spec.ts";
import type { Sample } from "./run.ts";
import { median, ratio } from "./statistics.ts";
import type { Target } from "./workloads.ts";

/** Medians over the rounds; null where the workload has no such figure. */
export interface Figures {
  readonly messagesPerSecond: number;
  /** Server CPU seconds per million messages published. */
  readonly cpuPerMillion: number;
  readonly peakKib: number;
  readonly p50Micros: number | null;
  readonly p99Micros: number | null;
  readonly kibPerConnection: number | null;
}

/** A server's figures as ratios to the reference's. */
export type Ratios = { readonly [Key in keyof Figures]: number | null };

export interface Comparison {
  readonly server: string;
  readonly figures: Figures;
  readonly reference: Figures;
  readonly ratios: Ratios;
  /** Smallest and largest CPU ratio of a round: how far the ratio of the medians can be trusted. */
  readonly cpuRatioRange: readonly [least: number, most: number] | null;
  readonly target: Target | null;
  /** A measurement of this server or of the reference has failed. */
  readonly isFailed: boolean;
  /** Null where nothing was promised, or nothing could be measured. */
  readonly isMet: boolean | null;
}

const MILLION = 1e6;

/** The medians of one server's samples; NaN and null when all of them failed. */
export function figuresOf(samples: readonly Sample[]): Figures {
  const results = samples.filter((sample) => sample !== null);
  const of = (value: (sample: LoadResult) => number): number => median(results.map(value));
  const maybe = (value: (sample: LoadResult) => number | null): number | null => {
    const values = results.map(value).filter((each) => each !== null);
    return values.length === 0 ? null : median(values);
  };
  return {
    messagesPerSecond: of((sample) => sample.count / sample.seconds),
    cpuPerMillion: of(cpuPerMillion),
    peakKib: of((sample) => sample.peakKib),
    p50Micros: maybe((sample) => sample.p50Micros),
    p99Micros: maybe((sample) => sample.p99Micros),
    kibPerConnection: maybe((sample) => sample.kibPerConnection),
  };
}

/** Sets a server's samples against the reference's, round by round in the same order. */
export function compare(
  server: string,
  samples: readonly Sample[],
  referenceSamples: readonly Sample[],
  target: Target | null,
): Comparison {
  const figures = figuresOf(samples);
  const reference = figuresOf(referenceSamples);
  const ratios: Ratios = {
    messagesPerSecond: ratio(figures.messagesPerSecond, reference.messagesPerSecond),
    cpuPerMillion: ratio(figures.cpuPerMillion, reference.cpuPerMillion),
    peakKib: ratio(figures.peakKib, reference.peakKib),
    p50Micros: ratio(figures.p50Micros, reference.p50Micros),
    p99Micros: ratio(figures.p99Micros, reference.p99Micros),
    kibPerConnection: ratio(figures.kibPerConnection, reference.kibPerConnection),
  };
  const perRound = samples
    .map((sample, round) => cpuRatio(sample, referenceSamples[round] ?? null))
    .filter((each) => each !== null);
  return {
    server,
    figures,
    reference,
    ratios,
    cpuRatioRange: perRound.length === 0 ? null : [Math.min(...perRound), Math.max(...perRound)],
    target,
    isFailed: samples.includes(null) || referenceSamples.includes(null),
    isMet: isMet(target, figures, ratios),
  };
}

function cpuRatio(sample: Sample, reference: Sample): number | null {
  if (sample === null || reference === null) return null;
  return ratio(cpuPerMillion(sample), cpuPerMillion(reference));
}

function cpuPerMillion(sample: LoadResult): number {
  return (sample.serverCpuSeconds / sample.count) * MILLION;
}

function isMet(target: Target | null, figures: Figures, ratios: Ratios): boolean | null {
  if (target === null) return null;
  const value = {
    cpu: ratios.cpuPerMillion,
    p50: ratios.p50Micros,
    kibPerConnection: figures.kibPerConnection,
  }[target.figure];
  return value === null ? null : value <= target.most;
}
