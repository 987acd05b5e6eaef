// Waiting for a condition instead of sleeping: as short as possible, and with a message that says what never came.

import { inspect } from "node:util";
import { type Duration, durationMs } from "@myelin/platform/sim";
import { WaitTimeoutError } from "./errors.ts";

/** How long to wait, and for what. */
export interface WaitOptions {
  /** Milliseconds of real time, or a text such as `5s`. 5 s when absent. */
  readonly timeout?: Duration;
  /** What is waited for, for the message of the error. */
  readonly what?: string;
}

const TIMEOUT_MS = 5_000;
/** The first look comes at once, the next ones after 1, 2, 4, 8, 10, 10, ... milliseconds. */
const INTERVAL_MS_MAX = 10;

/** What a condition gave when it had come true. */
export type Truthy<Value> = Exclude<Value, false | null | undefined | 0 | "">;

/**
 * Waits until a condition gives something that counts as true. Time is real time, also where a server's clock stands still.
 *
 * @param condition - Called again and again. While it throws, that counts as "not yet".
 * @returns What the condition gave. Rejects with a {@link WaitTimeoutError}; its `cause` is what the condition threw last.
 * @example
 * await waitFor(() => server.subscriptionCount === 2);
 */
export async function waitFor<Value>(
  condition: () => Value | Promise<Value>,
  options: WaitOptions = {},
): Promise<Truthy<Value>> {
  const timeoutMs = durationMs(options.timeout ?? TIMEOUT_MS);
  const untilMs = performance.now() + timeoutMs;
  let failure: unknown;
  let seen: unknown;
  for (let intervalMs = 1; ; intervalMs = Math.min(2 * intervalMs, INTERVAL_MS_MAX)) {
    try {
      failure = undefined;
      const value = await condition();
      if (value) return value as Truthy<Value>;
      seen = value;
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= untilMs) break;
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  const what = options.what ?? condition.toString();
  const last = failure instanceof Error ? `it threw: ${failure.message}` : `it gave ${inspect(seen)}`;
  throw new WaitTimeoutError(`Waited ${timeoutMs} ms in vain for: ${what} (at last ${last})`, { cause: failure });
}
