// The helpers on Node.

import { NodeClock, NodeRandom } from "@myelin/platform/node";
import { Nuid as SourcedNuid } from "@myelin/protocol/client";
import type { Backoff } from "./backoff.ts";
import { createHelpers, type Delay } from "./helpers.ts";

const random = /* @__PURE__ */ new NodeRandom();
const helpers = /* @__PURE__ */ createHelpers(new NodeClock(), random);

/** Makes unique ids of 22 characters. */
export class Nuid extends SourcedNuid {
  constructor() {
    super(random);
  }
}

/** A generator to share; each connection has its own besides. */
export const nuid: SourcedNuid = helpers.nuid;

/** An inbox that nobody can guess. A connection's `newInbox()` uses the connection's prefix. */
export function createInbox(prefix?: string): string {
  return helpers.createInbox(prefix);
}

/** Resolves after so many milliseconds, or when it is cancelled. */
export function delay(ms?: number): Delay {
  return helpers.delay(ms);
}

/** Rejects with a TimeoutError when `promise` is not settled within `ms` (1,000); it goes on all the same. */
export function deadline<T>(promise: Promise<T>, ms?: number): Promise<T> {
  return helpers.deadline(promise, ms);
}

/** Waits from a table, each varied by half of itself either way; the last one goes on. */
export function backoff(policy?: readonly number[]): Backoff {
  return helpers.backoff(policy);
}
