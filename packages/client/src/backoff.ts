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
  /** Gives numbers from 0 up to 1, for tests. */
  random?: () => number;
}

/**
 * Waits that double: at once, then `first`, and so on to `max`. For the option `reconnectDelayHandler`.
 *
 * @example
 * const nc = await connect({ reconnectDelayHandler: exponentialBackoff(), maxReconnectAttempts: -1 });
 */
export function exponentialBackoff(options: BackoffOptions = {}): (attempt: number) => number {
  const { first = 10, max = 4_000, factor = 2, jitter = 0.2, random = Math.random } = options;
  return (attempt) => {
    if (attempt <= 1) return 0;
    const full = Math.min(max, first * factor ** (attempt - 2));
    return full * (1 - jitter * random());
  };
}

/** The official client's back-off: waits from a table, of which the last goes on. */
export interface Backoff {
  backoff(attempt: number): number;
}

/** Makes one; each wait varies by half of itself either way. */
export function backoff(policy: readonly number[] = [0, 250, 250, 500, 500, 3000, 5000]): Backoff {
  const table = policy.length === 0 ? [0] : policy;
  return {
    backoff: (attempt) => {
      const wait = table[Math.min(Math.max(0, attempt), table.length - 1)] ?? 0;
      return wait === 0 ? 0 : Math.floor(wait * (0.5 + Math.random()));
    },
  };
}
