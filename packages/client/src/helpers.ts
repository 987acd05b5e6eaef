// Helpers of the official client that need the platform's clock or chance.

import type { Clock, Random } from "@myelin/platform";
import { Nuid as SourcedNuid } from "@myelin/protocol/client";
import type { Backoff } from "./backoff.ts";
import { TimeoutError } from "./errors.ts";
import { makeInbox } from "./inbox.ts";

/** A wait that can be ended early. */
export interface Delay extends Promise<void> {
  cancel(): void;
}

/** The helpers of one platform. */
export interface Helpers {
  readonly nuid: SourcedNuid;
  createInbox(prefix?: string): string;
  delay(ms?: number): Delay;
  deadline<T>(promise: Promise<T>, ms?: number): Promise<T>;
  backoff(policy?: readonly number[]): Backoff;
}

const BACKOFF_MS = [0, 250, 250, 500, 500, 3000, 5000];

/** Makes them over a platform's clock and chance. */
export function createHelpers(clock: Clock, random: Random): Helpers {
  const nuid = new SourcedNuid(random);
  return {
    nuid,
    createInbox: (prefix) => makeInbox(nuid, prefix),
    delay(ms = 0) {
      let cancel = (): void => {};
      const promise = new Promise<void>((resolve) => {
        const timer = clock.setTimer(ms, resolve, true);
        cancel = () => {
          timer.cancel();
          resolve();
        };
      });
      return Object.assign(promise, { cancel: () => cancel() });
    },
    deadline: (promise, ms = 1000) =>
      new Promise((resolve, reject) => {
        const timer = clock.setTimer(ms, () => reject(new TimeoutError()), true);
        promise.then(resolve, reject).finally(() => timer.cancel());
      }),
    backoff(policy = BACKOFF_MS) {
      return {
        backoff(attempt) {
          const wait = policy[Math.min(Math.max(0, attempt), policy.length - 1)] ?? 0;
          return Math.floor(wait * (0.5 + random.uint32() / 0x1_0000_0000));
        },
      };
    },
  };
}
