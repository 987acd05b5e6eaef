// Runs of sequences, written out, and back.

import type { SeqRun } from "../index/lost-runs.ts";

/** All sequences of some runs. */
export function seqsOf(runs: readonly SeqRun[]): number[] {
  return runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

/** Sequences in order as runs that do not touch each other. */
export function runsOf(seqs: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const seq of seqs) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === seq - 1) last[1] = seq;
    else runs.push([seq, seq]);
  }
  return runs;
}
