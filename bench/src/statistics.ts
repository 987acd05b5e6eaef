// Medians, percentiles and ratios of small sample lists. Pure.

/** The middle value; the mean of the two middle ones for an even count. NaN for an empty list. */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) return Number.NaN;
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The smallest sample that at least `share` of all samples do not exceed (nearest rank).
 *
 * @param sorted - Ascending.
 * @param share - 0 to 1; 0.99 is the 99th percentile.
 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1]!;
}

/** `value / base`, or null where that says nothing: one of them missing, or a base of zero. */
export function ratio(value: number | null, base: number | null): number | null {
  if (value === null || base === null || !(base > 0) || !Number.isFinite(value)) return null;
  return value / base;
}
