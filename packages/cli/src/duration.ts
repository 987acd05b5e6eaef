// Durations as Go programs read and write them: `300ms`, `1h30m`, and natscli's days, weeks, months and years.

import { CliError } from "./cli-error.ts";

const DAY_MS = 86_400_000;

/** Milliseconds per unit. A month has 30 days and a year 365, as in natscli. */
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["μs", 1e-3],
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", DAY_MS],
  ["D", DAY_MS],
  ["w", 7 * DAY_MS],
  ["W", 7 * DAY_MS],
  ["M", 30 * DAY_MS],
  ["y", 365 * DAY_MS],
  ["Y", 365 * DAY_MS],
]);

const PART = /(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|μs|ms|[smhdDwWMyY])/gy;

/**
 * Reads a duration.
 *
 * @returns Milliseconds, with fractions.
 * @throws CliError for a text that is none, and for a negative one.
 */
export function parseDuration(text: string): number {
  let totalMs = 0;
  let end = 0;
  for (const [part, number, unit] of text.matchAll(PART)) {
    totalMs += Number(number) * (UNIT_MS.get(unit as string) as number);
    end += part.length;
  }
  if (text === "0") return 0;
  if (end !== text.length || text === "") {
    throw new CliError(
      `invalid duration ${JSON.stringify(text)}: write a number and a unit, such as 500ms, 2s or 1h30m`,
    );
  }
  return totalMs;
}

/**
 * A duration for people: `139µs`, `1.07ms`, `2.5s`, `1m30s`, `2h5m0s`.
 *
 * @param ms - Zero or more.
 */
export function formatDuration(ms: number): string {
  if (ms < 0.001) return `${Math.round(ms * 1e6)}ns`;
  if (ms < 1) return `${Math.round(ms * 1_000)}µs`;
  if (ms < 1_000) return `${rounded(ms)}ms`;
  if (ms < 60_000) return `${rounded(ms / 1_000)}s`;
  const seconds = Math.floor(ms / 1_000);
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  return `${hours > 0 ? `${hours}h` : ""}${minutes}m${seconds % 60}s`;
}

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** A duration as Go prints it, to the nanosecond: `1.067488ms`. For rtt lines, which scripts read. */
export function goDuration(ms: number): string {
  const ns = Math.round(ms * 1e6);
  if (ns < 1_000) return `${ns}ns`;
  if (ns < 1_000_000) return `${ns / 1_000}µs`;
  if (ns < 1_000_000_000) return `${ns / 1_000_000}ms`;
  return `${ns / 1_000_000_000}s`;
}
