// Time as Myelin sees it. Everything that waits or stamps takes a `Clock`, so that a test can hold time still and move it.
// The real form is in `./node`, the one that a test advances in `./sim`.

/** A timer that was set and has not fired; cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The two kinds of time and the one way to wait. */
export interface Clock {
  /**
   * Wall time in whole milliseconds since 1970. May jump either way when the machine's clock is set:
   * for stamps that people and other servers read, never for measuring how long something took.
   */
  wallMs(): number;

  /**
   * {@link wallMs}, as it was at some moment of this turn of the event loop: for the message path, where asking the machine takes longer
   * than all else that a stamp needs. What is asked for often in a turn goes on with it; what was asked for before the turn never comes.
   */
  turnMs(): number;

  /**
   * Wall time in nanoseconds since 1970, as fine as the platform gives it. Allocates a bigint:
   * for time stamps in API replies and records, not for the message path.
   */
  wallNs(): bigint;

  /** Milliseconds, with fractions, since some fixed moment. Never goes back: for durations and deadlines. */
  monotonicMs(): number;

  /**
   * Calls `run` once, `delayMs` from now or as soon after as the event loop gets to it.
   *
   * @param delayMs - Zero or more, of any size: delays beyond 2^31 ms are kept exactly, where `setTimeout` would fire at once.
   * @param run - Must not throw: there is nobody to catch it.
   * @param keepsProcess - Whether a process with nothing else to do stays alive for this timer. A server's timers
   *   do not (its listener does); a client waiting to reconnect does.
   */
  setTimer(delayMs: number, run: () => void, keepsProcess?: boolean): Timer;
}
