// The replies that one connection may still send: for each request that was delivered to it, the reply subject with a count and a
// deadline (client.go setReplyPermission, responseAllowed, pruneReplyPerms).

import type { Clock } from "@myelin/platform";
import type { ResponsePermission } from "./permission-options.ts";

/** Grants at once; beyond, the oldest one is withdrawn. The reference has no such limit where grants neither expire nor run out. */
const GRANTS_MAX = 65_536;
/** So often, counted in requests, or after so much time with the next request, grants that have expired are thrown away. */
const PRUNE_AFTER_REQUESTS = 4_096;
const PRUNE_AFTER_MS = 1_000;

interface Grant {
  /** Responses that may still be sent; without meaning when there is no limit. */
  left: number;
  /** By the monotonic clock. */
  expiresMs: number;
}

/** What one connection may answer. */
export class ResponseGrants {
  readonly #permission: ResponsePermission;
  readonly #clock: Clock;
  /** By reply subject, the oldest request first. */
  readonly #grants: Map<string, Grant> = new Map();
  #requestsSincePrune = 0;
  #prunedMs: number;

  constructor(permission: ResponsePermission, clock: Clock) {
    this.#permission = permission;
    this.#clock = clock;
    this.#prunedMs = clock.monotonicMs();
  }

  /** Grants kept now. */
  get size(): number {
    return this.#grants.size;
  }

  /** A request was delivered whose reply subject needs a grant. Another one with the same reply subject adds to it. */
  requested(reply: string): void {
    const { expiresMs, max } = this.#permission;
    const nowMs = this.#clock.monotonicMs();
    const earlier = this.#grants.get(reply);
    const left = max + (earlier !== undefined && earlier.expiresMs > nowMs ? earlier.left : 0);
    this.#grants.delete(reply);
    this.#grants.set(reply, { left, expiresMs: expiresMs < 0 ? Number.POSITIVE_INFINITY : nowMs + expiresMs });
    this.#requestsSincePrune++;
    if (this.#requestsSincePrune > PRUNE_AFTER_REQUESTS || nowMs - this.#prunedMs > PRUNE_AFTER_MS) this.#prune(nowMs);
    if (this.#grants.size <= GRANTS_MAX) return;
    for (const [oldest] of this.#grants) {
      this.#grants.delete(oldest);
      break;
    }
  }

  /** Whether a response may be sent now; counts it. */
  take(reply: string): boolean {
    const grant = this.#grants.get(reply);
    if (grant === undefined) return false;
    if (grant.expiresMs < this.#clock.monotonicMs()) {
      this.#grants.delete(reply);
      return false;
    }
    if (this.#permission.max < 0) return true;
    grant.left--;
    if (grant.left <= 0) this.#grants.delete(reply);
    return true;
  }

  /** All grants end after the same time, so those that have expired are the oldest ones. */
  #prune(nowMs: number): void {
    this.#requestsSincePrune = 0;
    this.#prunedMs = nowMs;
    for (const [reply, { expiresMs }] of this.#grants) {
      if (expiresMs >= nowMs) return;
      this.#grants.delete(reply);
    }
  }
}
