// What the suites share: how they get at a store, and short forms of what they do with a stream.

import assert from "node:assert/strict";
import type { Clock } from "@myelin/platform";
import { SimClock } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type Store, type StreamLimits, type StreamLog } from "../store.ts";

/** How the suite gets at a store. */
export interface StoreUnderTest {
  open(clock: Clock): Promise<Store>;
  /** Stops a store and opens what it left; absent for stores that leave nothing. */
  reopen?(store: Store, clock: Clock): Promise<Store>;
  /** Whether `state().bytes` counts as a file store does. */
  readonly countsAsFile: boolean;
}

/** Of a stream whose owner keeps nothing with it. */
export const NO_CONFIG: Uint8Array = new Uint8Array(0);

/** The code of the StoreError that a call throws; "none" when it throws none. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
  return "none";
}

/** Lets a turn of the event loop pass. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Stores a message, and returns its sequence. */
export function append(log: StreamLog, subject: string, payload = "x", headers = ""): number {
  return log.append(new MessageDraft().set(subject, payload, headers));
}

/** Sequences of the messages that match. */
export function seqs(log: StreamLog, filter = ""): number[] {
  const found: number[] = [];
  const prepared = log.filter([filter]);
  for (let view = log.next(prepared, 0); view !== null; view = log.next(prepared, view.seq + 1)) found.push(view.seq);
  return found;
}

/** What a test does with one stream in a fresh store. */
type StreamTest = (log: StreamLog, clock: SimClock, store: Store) => void | Promise<void>;

/** Runs tests of one stream, each in a fresh store of that kind. */
export function streamsOf(under: StoreUnderTest): (limits: Partial<StreamLimits>, run: StreamTest) => Promise<void> {
  return async (limits, run) => {
    const clock = new SimClock();
    const store = await under.open(clock);
    try {
      await run(await store.createStream("S", { ...NO_LIMITS, ...limits }, NO_CONFIG), clock, store);
    } finally {
      await store.stop();
    }
    assert.equal(clock.pendingTimers, 0, "stop() leaves no timer behind");
  };
}
