// Waiting, also for less than the millisecond that timers can do.

import { setImmediate } from "node:timers/promises";

const TIMER_MS_MIN = 2;

/**
 * Waits. Below two milliseconds it turns the event loop instead of setting a timer, and is exact to some microseconds.
 *
 * @param signal - Aborting it ends the wait early; the promise resolves all the same.
 */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0 || signal?.aborted === true) return;
  if (ms < TIMER_MS_MIN) {
    const end = performance.now() + ms;
    while (performance.now() < end) await setImmediate();
    return;
  }
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
