// Reads the values of directives that stand in several blocks: addresses, ports, durations. What is wrong is reported.

import { splitHostPort } from "../address.ts";
import { durationProblem, parseDuration } from "./duration.ts";
import type { Problems } from "./problem.ts";
import type { BooleanValue, ConfigValue, Entry, FloatValue, IntegerValue, StringValue } from "./value.ts";

const PORT_MAX = 65_535;
/** Above this the reference warns: it is mostly `1m` without quotes, which is a million. */
const AUTH_TIMEOUT_MS_MAX = 60_000;

/** The parts of a `listen`: an empty host was left out. Null when it is no address. */
export function readListen(entry: Entry, problems: Problems): { host: string; port: number } | null {
  const { value } = entry;
  const written = value.kind === "integer" ? `:${value.value}` : stringOf(value);
  const parts = splitHostPort(written);
  if (parts === null) {
    const hint = `give a port or "host:port", IPv6 addresses in brackets`;
    badValue(problems, entry, `could not parse address string ${JSON.stringify(written)}`, hint);
    return null;
  }
  if (!/^[+-]?\d+$/.test(parts.port)) {
    badValue(problems, entry, `could not parse port ${JSON.stringify(parts.port)}`);
    return null;
  }
  const port = readPort(entry, Number(parts.port), problems);
  return port === null ? null : { host: parts.host, port };
}

/** A port, -1 for a free one; null when it cannot be one. */
export function readPort(entry: Entry, port: number, problems: Problems): number | null {
  if (port >= -1 && port <= PORT_MAX) return port;
  badValue(problems, entry, `port ${port} is out of range`, `ports go from 1 to ${PORT_MAX}; -1 picks a free one`);
  return null;
}

/** A duration in whole milliseconds; null when it is none. A bare number is an old form and means seconds. */
export function readDuration(entry: Entry, problems: Problems): number | null {
  const { key, value } = entry;
  if (value.kind === "integer") {
    const reason = `${key} should be converted to a duration`;
    const written = value.span.source.text.slice(value.span.start, value.span.end);
    const hint = `a number without a unit is taken for seconds; write "${/^\d+m$/i.test(written) ? written.toLowerCase() : `${value.value}s`}"`;
    problems.warn("DISCOURAGED", `invalid use of field ${JSON.stringify(key)}: ${reason}`, value.span, hint);
  }
  const ms = value.kind === "integer" ? Number(value.value) * 1000 : durationOf(entry, problems);
  if (ms === null) return null;
  if (ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) return Math.ceil(ms);
  badValue(problems, entry, `${key} must be a positive duration`);
  return null;
}

/** Milliseconds; null when it is no duration, which is reported. */
export function durationOf(entry: Entry, problems: Problems): number | null {
  const ms = parseDuration(stringOf(entry.value));
  if (ms === null) {
    const problem = `error parsing ${entry.key}: ${durationProblem(stringOf(entry.value))}`;
    badValue(problems, entry, problem, `durations look like "250ms", "10s", "1h30m"`);
  }
  return ms;
}

/** The time for authentication in whole milliseconds, given in seconds or as a duration; null when it is none. */
export function readAuthTimeout(entry: Entry, problems: Problems): number | null {
  const { value, key } = entry;
  const ms =
    value.kind === "string" ? parseDuration(value.value) : Number((value as IntegerValue | FloatValue).value) * 1000;
  if (ms === null) {
    const problem = `error parsing authorization config, 'timeout' ${durationProblem(stringOf(value))}`;
    badValue(problems, entry, problem, `give seconds or a duration such as "2s"`);
    return null;
  }
  if (ms < 0 || ms > Number.MAX_SAFE_INTEGER) {
    badValue(problems, entry, `${key} must not be negative`);
    return null;
  }
  if (ms > AUTH_TIMEOUT_MS_MAX) {
    const reason = `timeout of ${ms / 1000} seconds is high, consider keeping it under 60 seconds`;
    const hint = '1m without quotes is a million; write "1m"';
    problems.warn("DISCOURAGED", `invalid use of field ${JSON.stringify(key)}: ${reason}`, value.span, hint);
  }
  return Math.ceil(ms);
}

/** Reports a value that cannot be used. */
export function badValue(problems: Problems, entry: Entry, message: string, hint: string | null = null): void {
  problems.error("BAD_VALUE", message, entry.value.span, hint);
}

// Types have been checked when a setter is called, so these take the value as what it is.

/** Clamped to what a number holds exactly; no limit that a directive has is near it. */
export function wholeNumber(value: ConfigValue): number {
  const whole = Number((value as IntegerValue).value);
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(whole, Number.MAX_SAFE_INTEGER));
}

/** The value of a directive that is a string. */
export function stringOf(value: ConfigValue): string {
  return (value as StringValue).value;
}

/** The value of a directive that is a boolean. */
export function booleanOf(value: ConfigValue): boolean {
  return (value as BooleanValue).value;
}
