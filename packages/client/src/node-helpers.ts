// Helpers of the official client that need the platform's clock or chance, for Node.

import { NodeClock, NodeRandom } from "@myelin/platform/node";
import { Nuid as SourcedNuid } from "@myelin/protocol";
import { makeInbox } from "./inbox.ts";
import { withDeadline } from "./with-deadline.ts";

const random = /* @__PURE__ */ new NodeRandom();

/** Makes unique ids of 22 characters. */
export class Nuid extends SourcedNuid {
  constructor() {
    super(random);
  }
}

/** A generator to share; each connection has its own besides. */
export const nuid: Nuid = /* @__PURE__ */ new Nuid();

/** An inbox that nobody can guess; a connection's `newInbox()` uses its own prefix. */
export function createInbox(prefix?: string): string {
  return makeInbox(nuid, prefix);
}

/** Rejects with a TimeoutError when `promise` is not settled in time; it goes on all the same. */
export function deadline<T>(promise: Promise<T>, ms = 1000): Promise<T> {
  return withDeadline(new NodeClock(), promise, ms);
}
