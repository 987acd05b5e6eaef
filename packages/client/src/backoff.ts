// Ready-made waits between attempts to reconnect.

/** How a wait grows. */
export interface BackoffOptions {
  /** Milliseconds before the second attempt; the first has none. 10. */
  first?: number;
  /** The longest wait. 4,000. */
  max?: number;
  /** What each wait is multiplied by to get the next. 2. */
  factor?: number;
  /** The part of each wait that is random, from 0 to 1. 0.2. */
  jitter?: number;
}

/**
 * Gives the milliseconds to wait before an attempt to reconnect.
 *
 * @param attempt - Counts from 1 since the connection was lost.
 * @param random - Gives numbers from 0 up to 1, from the connection's own source.
 */
export type ReconnectDelayHandler = (attempt: number, random: () => number) => number;

/**
 * Waits that double: none, then `first`, and so on to `max`. For the option `reconnectDelayHandler`.
 *
 * @example
 * const nc = await connect({ reconnectDelayHandler: exponentialBackoff(), maxReconnectAttempts: -1 });
 */
export function exponentialBackoff(options: BackoffOptions = {}): ReconnectDelayHandler {
  const { first = 10, max = 4_000, factor = 2, jitter = 0.2 } = options;
  return (attempt, random) => {
    if (attempt <= 1) return 0;
    return Math.min(max, first * factor ** (attempt - 2)) * (1 - jitter * random());
  };
}

/** The official client's back-off. */
export interface Backoff {
  /** Milliseconds before an attempt; counts from 0. */
  backoff(attempt: number): number;
}
