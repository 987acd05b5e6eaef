// Runs of sequences, written out.

import type { SeqRun } from "../index/lost-runs.ts";

/** All sequences of some runs. */
export function seqsOf(runs: readonly SeqRun[]): number[] {
  return runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}
