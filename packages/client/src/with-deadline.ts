// A promise with a limit.

import type { Clock } from "@myelin/platform";
import { TimeoutError } from "./errors.ts";

/** Rejects with a TimeoutError when `promise` is not settled within `ms`; it goes on all the same. */
export function withDeadline<T>(clock: Clock, promise: Promise<T>, ms: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.setTimer(ms, () => reject(new TimeoutError()), true);
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
