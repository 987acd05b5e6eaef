// What a benchmark measured: per client, and of all together. Numbers only; report.ts writes them.

/** One client's part. Belongs to the report once it is made. */
export interface Sample {
  readonly msgs: number;
  readonly msgBytes: number;
  /** Of one monotonic clock, in milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  /** Milliseconds per operation; empty where no operation was timed. Sorted by `sampleOf`. */
  readonly latenciesMs: Float64Array;
}

/** Latencies in microseconds. */
export interface Latencies {
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
}

const US_PER_MS = 1_000;

/** Makes a sample; sorts the latencies where they are. */
export function sampleOf(
  msgs: number,
  msgBytes: number,
  startMs: number,
  endMs: number,
  latenciesMs: Float64Array = new Float64Array(0),
): Sample {
  return { msgs, msgBytes, startMs, endMs, latenciesMs: latenciesMs.sort() };
}

/** Seconds from the first message to the last; never zero, so that rates stay numbers. */
export function secondsOf({ startMs, endMs }: Sample): number {
  return Math.max((endMs - startMs) / 1_000, 1e-9);
}

/** Messages per second, whole. */
export function rateOf(sample: Sample): number {
  return Math.trunc(sample.msgs / secondsOf(sample));
}

/** Bytes of payload per second. */
export function throughputOf(sample: Sample): number {
  return (sample.msgs * sample.msgBytes) / secondsOf(sample);
}

/** All clients as one: from the first start to the last end. At least one sample. */
export function together(samples: readonly Sample[]): Sample {
  const latencies = new Float64Array(samples.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0));
  let at = 0;
  for (const { latenciesMs } of samples) {
    latencies.set(latenciesMs, at);
    at += latenciesMs.length;
  }
  return sampleOf(
    samples.reduce((sum, { msgs }) => sum + msgs, 0),
    samples[0]?.msgBytes ?? 0,
    Math.min(...samples.map(({ startMs }) => startMs)),
    Math.max(...samples.map(({ endMs }) => endMs)),
    latencies,
  );
}

/** Null where no operation was timed. */
export function latenciesOf({ latenciesMs }: Sample): Latencies | null {
  const count = latenciesMs.length;
  if (count === 0) return null;
  const avg = latenciesMs.reduce((sum, value) => sum + value, 0) / count;
  const variance = latenciesMs.reduce((sum, value) => sum + (value - avg) ** 2, 0) / count;
  const percentile = (share: number): number => (latenciesMs[Math.ceil(share * count) - 1] as number) * US_PER_MS;
  return {
    min: (latenciesMs[0] as number) * US_PER_MS,
    avg: avg * US_PER_MS,
    max: (latenciesMs[count - 1] as number) * US_PER_MS,
    stddev: Math.sqrt(variance) * US_PER_MS,
    p50: percentile(0.5),
    p90: percentile(0.9),
    p99: percentile(0.99),
    p999: percentile(0.999),
  };
}

/** How many messages each client takes, and at which number it begins: the first ones take one more each. */
export function shares(msgs: number, clients: number): Array<{ count: number; offset: number }> {
  const base = Math.floor(msgs / clients);
  const extra = msgs % clients;
  return Array.from({ length: clients }, (_, index) => ({
    count: base + (index < extra ? 1 : 0),
    offset: index * base + Math.min(index, extra),
  }));
}
