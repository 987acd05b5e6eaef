// Durations as configurations write them: "10s", "1h30m", "1.5ms". The units are those of Go.

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  "\u00b5s": 1e3,
  "\u03bcs": 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const WHOLE = /^([+-]?)((?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/;
const PART = /([0-9.]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;
/** About 292 years: what 64 bits of nanoseconds hold. */
const NS_MAX = 2 ** 63;

/**
 * Reads a duration.
 *
 * @returns Milliseconds, with a fraction where it is finer; null when the text is no duration or a longer one than 292 years.
 */
export function parseDuration(text: string): number | null {
  if (/^[+-]?0$/.test(text)) return 0;
  const whole = WHOLE.exec(text);
  if (whole === null) return null;
  let ns = 0;
  for (const [, amount, unit] of (whole[2] as string).matchAll(PART)) {
    ns += Number(amount) * (UNIT_NS[unit as string] as number);
  }
  if (ns >= NS_MAX) return null;
  return (whole[1] === "-" ? -ns : ns) / 1e6;
}

/** What Go says of a text that {@link parseDuration} does not take. */
export function durationProblem(text: string): string {
  const shown = JSON.stringify(text);
  let rest = text.replace(/^[+-]/, "");
  while (rest !== "") {
    const amount = /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)/.exec(rest)?.[0];
    if (amount === undefined) break;
    rest = rest.slice(amount.length);
    const unit = /^[^0-9.]*/.exec(rest)?.[0] ?? "";
    if (unit === "") return `time: missing unit in duration ${shown}`;
    if (!Object.hasOwn(UNIT_NS, unit)) return `time: unknown unit ${JSON.stringify(unit)} in duration ${shown}`;
    rest = rest.slice(unit.length);
  }
  return `time: invalid duration ${shown}`;
}

/** Writes a duration so that it can be read again: `2m`, `1m30s`, `250ms`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor((milliseconds % 3_600_000) / 60_000);
  const seconds = (milliseconds % 60_000) / 1000;
  return `${hours > 0 ? `${hours}h` : ""}${minutes > 0 ? `${minutes}m` : ""}${seconds > 0 ? `${seconds}s` : ""}`;
}

/** Writes a duration as the reference does in its log: `2m0s`, `1h0m0s`, `1.5s`, `250ms`. */
export function goDuration(milliseconds: number): string {
  if (milliseconds < 1000) return milliseconds === 0 ? "0s" : `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor((milliseconds % 3_600_000) / 60_000);
  const seconds = `${(milliseconds % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
