// For the benchmarks that stand beside modules (`*.bench.ts`): old and new in one process, in turns, smallest time wins.
// `npm test` runs them with MYELIN_BENCH=tiny: a few rounds, so that they cannot rot. Figures come from running the file by hand.

/** One thing to measure. */
export interface BenchCase {
  readonly name: string;
  /** Operations that one call of {@link run} does. */
  readonly operations: number;
  /** Does the work and returns something that depends on all of it, so that it cannot be left out. */
  run(): number;
}

/** Whether only a few rounds are wanted, to see that the benchmark still works. */
export function isTiny(): boolean {
  return process.env["MYELIN_BENCH"] === "tiny";
}

/**
 * Runs the cases in turns and prints the time per operation of each: the smallest, which is the one the machine disturbed least, and
 * the median.
 *
 * @returns The sum of what the cases returned in the last round, for a test to check.
 */
export function bench(title: string, cases: readonly BenchCase[]): number {
  const rounds = isTiny() ? 3 : 400;
  const times = cases.map(() => [] as number[]);
  let checksum = 0;
  for (let round = 0; round < rounds; round++) {
    checksum = 0;
    cases.forEach((benchCase, index) => {
      const start = performance.now();
      checksum += benchCase.run();
      (times[index] as number[]).push(((performance.now() - start) * 1e6) / benchCase.operations);
    });
  }
  if (isTiny()) return checksum;
  console.log(title);
  cases.forEach(({ name }, index) => {
    const sorted = (times[index] as number[]).sort((a, b) => a - b);
    const [least, median] = [sorted[0] as number, sorted[sorted.length >> 1] as number];
    console.log(`  ${name.padEnd(44)} ${least.toFixed(1).padStart(8)} ns  (median ${median.toFixed(1)})`);
  });
  return checksum;
}
