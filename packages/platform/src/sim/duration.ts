// Durations as people write them: `31s`, `2m`, `1h30m`, `250ms`; or a number of milliseconds.

const UNITS_MS: Readonly<Record<string, number>> = Object.freeze({
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
});
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

/** A duration: milliseconds, or a text such as `31s`, `1h30m`, `250ms`. */
export type Duration = number | string;

/**
 * A duration in milliseconds.
 *
 * @throws RangeError for a text that is no duration, and for a number that is negative or not finite.
 */
export function durationMs(duration: Duration): number {
  if (typeof duration === "number") {
    if (Number.isFinite(duration) && duration >= 0) return duration;
    throw new RangeError(`${duration} is no duration: a number of milliseconds is finite and not negative`);
  }
  if (!WHOLE.test(duration)) {
    throw new RangeError(`${JSON.stringify(duration)} is no duration: write 250ms, 31s, 2m, 1h30m or 1d`);
  }
  let ms = 0;
  for (const [, count, unit] of duration.matchAll(PART)) ms += Number(count) * (UNITS_MS[unit as string] as number);
  return ms;
}
