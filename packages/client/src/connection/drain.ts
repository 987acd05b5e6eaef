// Ends a connection in order. Subscriptions first, until what they received is handled; then the requests that wait; then
// what was published; then the link.

import { type Deferred, deferred, onAbort } from "../deferred.ts";
import { TimeoutError } from "../errors.ts";
import type { RequestMux } from "../request/mux.ts";
import type { WaitOptions } from "../subscription/options.ts";
import type { SubscriptionImpl } from "../subscription/subscription-impl.ts";
import type { ConnectionCore } from "./core.ts";

/** The flush at the end has this long. */
const LAST_FLUSH_MS = 5_000;

/** Drains and closes. Rejects, closed all the same, with what did not end in time. */
export async function drainConnection(
  core: ConnectionCore,
  mux: RequestMux,
  muxSubscription: SubscriptionImpl | null,
  options: WaitOptions,
): Promise<void> {
  const timeoutMs = options.timeout ?? core.options.drainTimeout;
  const startMs = core.runtime.clock.monotonicMs();
  const leftMs = (): number => Math.max(1, timeoutMs - (core.runtime.clock.monotonicMs() - startMs));
  core.state = "draining";
  core.hub.emit({ type: "draining" });
  let failure: Error | undefined;
  try {
    failure = await drainSubscriptions(core, muxSubscription, { ...options, timeout: timeoutMs });
    await requestsDone(core, mux, leftMs(), options.signal);
    core.publishingEnded = true;
    await core.flush({ timeout: Math.min(leftMs(), LAST_FLUSH_MS) });
  } catch (error) {
    failure ??= error as Error;
  } finally {
    await core.close(null);
  }
  if (failure !== undefined) throw failure;
}

/** Drains all but the multiplexer, whose answers the others' handlers may be waiting for. Gives the first failure. */
async function drainSubscriptions(
  core: ConnectionCore,
  muxSubscription: SubscriptionImpl | null,
  options: WaitOptions,
): Promise<Error | undefined> {
  const drains: Promise<void>[] = [];
  for (const subscription of [...core.subscriptions]) {
    if (subscription !== muxSubscription) drains.push(subscription.drain(options));
  }
  for (const result of await Promise.allSettled(drains))
    if (result.status === "rejected") return result.reason as Error;
  return undefined;
}

async function requestsDone(
  core: ConnectionCore,
  mux: RequestMux,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const done: Deferred<void> = deferred();
  mux.whenIdle(() => done.resolve());
  const timer = core.runtime.clock.setTimer(
    timeoutMs,
    () =>
      done.reject(
        new TimeoutError(
          undefined,
          `drain timeout: ${mux.size} requests wait for their answers`,
          "ERR_NATS_DRAIN_TIMEOUT",
        ),
      ),
    true,
  );
  const off = onAbort(signal, (reason) => done.reject(reason));
  try {
    await done;
  } finally {
    timer.cancel();
    off();
  }
}
