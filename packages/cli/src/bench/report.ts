// The results of a benchmark as text, CSV and JSON. The text and the CSV are natscli's, so that numbers can be compared.

import { formatBytes, formatCount, formatDecimal } from "../quantity.ts";
import { type Latencies, latenciesOf, rateOf, type Sample, secondsOf, throughputOf, together } from "./stats.ts";

/** What was measured. */
export interface Report {
  /** As people read it: "Core NATS publisher". */
  readonly label: string;
  /** For JSON: "pub". */
  readonly type: string;
  readonly runId: string;
  /** Letter of the clients in the CSV: P sends, S receives. */
  readonly prefix: "P" | "S";
  /** One per client, at least one. */
  readonly samples: readonly Sample[];
}

/** Lines for people. */
export function reportText({ label, samples }: Report): string {
  const [first] = samples;
  if (samples.length === 1 && first !== undefined) return `NATS ${label} stats: ${sampleText(first)}\n`;
  const lines = samples.map(
    (sample, index) => `  [${index + 1}] ${sampleText(sample)} (${formatCount(sample.msgs)} msgs)`,
  );
  const all = together(samples);
  lines.push("", ` NATS ${label} aggregated stats: ${speedText(all)}`, ` message rates ${ratesText(samples)}`);
  const latencies = latenciesOf(all);
  if (latencies !== null) lines.push(` latencies per operation ${latenciesText(latencies)}`);
  return `${lines.join("\n")}\n`;
}

function sampleText(sample: Sample): string {
  const latencies = latenciesOf(sample);
  if (latencies === null) return speedText(sample);
  const { min, avg, max, p50, p90, p99, p999 } = latencies;
  const parts = Object.entries({ min, avg, max, P50: p50, P90: p90, P99: p99, "P99.9": p999 });
  return [speedText(sample), ...parts.map(([name, us]) => `${name}: ${formatDecimal(us)}us`)].join(" ~ ");
}

function speedText(sample: Sample): string {
  return `${formatCount(rateOf(sample))} msgs/sec ~ ${formatBytes(throughputOf(sample))}/sec`;
}

function ratesText(samples: readonly Sample[]): string {
  const { min, avg, max, stddev } = ratesOf(samples);
  return `min ${formatCount(min)} | avg ${formatCount(avg)} | max ${formatCount(max)} | stddev ${formatCount(stddev)} msgs`;
}

function ratesOf(samples: readonly Sample[]): { min: number; avg: number; max: number; stddev: number } {
  const rates = samples.map(rateOf);
  const avg = Math.trunc(rates.reduce((sum, rate) => sum + rate, 0) / rates.length);
  const variance = rates.reduce((sum, rate) => sum + (rate - avg) ** 2, 0) / rates.length;
  return { min: Math.min(...rates), avg, max: Math.max(...rates), stddev: Math.trunc(Math.sqrt(variance)) };
}

function latenciesText({ min, avg, max, stddev, p50, p90, p99, p999 }: Latencies): string {
  const us = (value: number): string => `${formatDecimal(value)}us`;
  return (
    `min ${us(min)} | avg ${us(avg)} | max ${us(max)} | stddev ${us(stddev)} | ` +
    `P50 ${us(p50)} | P90 ${us(p90)} | P99 ${us(p99)} | P99.9: ${us(p999)}`
  );
}

const CSV_HEAD = ["#RunID", "ClientID", "MsgCount", "MsgBytes", "MsgsPerSec", "BytesPerSec", "DurationSecs"];
const CSV_LATENCIES: ReadonlyArray<readonly [name: string, key: keyof Latencies]> = [
  ["MinLatencyMicroSecs", "min"],
  ["AvgLatencyMicroSecs", "avg"],
  ["MaxLatencyMicroSecs", "max"],
  ["P50LatencyMicroSecs", "p50"],
  ["P90LatencyMicroSecs", "p90"],
  ["P99LatencyMicroSecs", "p99"],
  ["P99.9LatencyMicroSecs", "p999"],
  ["StdDevLatencyMicroSecs", "stddev"],
];

/** A line per client, with a head. */
export function reportCsv({ runId, prefix, samples }: Report): string {
  const isTimed = samples.some(({ latenciesMs }) => latenciesMs.length > 0);
  const head = isTimed ? [...CSV_HEAD, ...CSV_LATENCIES.map(([name]) => name)] : CSV_HEAD;
  const rows = samples.map((sample, index) => {
    const latencies = latenciesOf(sample);
    return [
      runId,
      `${prefix}${index}`,
      sample.msgs,
      sample.msgs * sample.msgBytes,
      rateOf(sample),
      throughputOf(sample).toFixed(6),
      secondsOf(sample).toFixed(6),
      ...(isTimed ? CSV_LATENCIES.map(([, key]) => (latencies?.[key] ?? 0).toFixed(6)) : []),
    ];
  });
  return `${[head, ...rows].map((row) => row.join(",")).join("\n")}\n`;
}

/** Everything as one JSON object. Rates are per second, latencies in microseconds. */
export function reportJson({ type, runId, samples }: Report): string {
  const all = together(samples);
  return JSON.stringify(
    { type, run_id: runId, ...jsonOf(all), rates: ratesOf(samples), clients: samples.map(jsonOf) },
    null,
    2,
  );
}

function jsonOf(sample: Sample): object {
  const latencies = latenciesOf(sample);
  return {
    msgs: sample.msgs,
    msg_bytes: sample.msgBytes,
    seconds: rounded(secondsOf(sample), 6),
    msgs_per_sec: rateOf(sample),
    bytes_per_sec: Math.round(throughputOf(sample)),
    ...(latencies === null ? {} : { latency_us: roundedAll(latencies) }),
  };
}

function roundedAll(values: Latencies): object {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, rounded(Number(value), 3)]));
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
