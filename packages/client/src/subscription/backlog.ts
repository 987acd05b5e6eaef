// What waits for a subscription's reader, and what happens when that is too much: dropped, or reading is paused.
//
// Invariant: with the policy `drop` no more wait than the limits say; with `pause` no more than one read of the connection beyond.

import { SlowConsumerError } from "../errors.ts";
import type { ReceivedMsg } from "../message.ts";
import { checkedLimits } from "./checks.ts";
import type { PendingOptions } from "./options.ts";
import { PendingQueue } from "./pending-queue.ts";
import type { SubscriptionHost } from "./subscription-host.ts";
import type { SubscriptionImpl } from "./subscription-impl.ts";

/** The messages of one subscription that nobody has taken yet. */
export class Backlog {
  readonly #host: SubscriptionHost;
  readonly #subscription: SubscriptionImpl;
  readonly #queue = new PendingQueue();
  readonly #slowAt: number;
  #limits: Required<PendingOptions>;
  #dropped = 0;
  #maxMsgs = 0;
  #maxBytes = 0;
  #inSlowEpisode = false;
  #paused = false;

  /** @param slowAt - Reports a slow consumer above so many messages without dropping any; 0 for never. */
  constructor(
    host: SubscriptionHost,
    subscription: SubscriptionImpl,
    limits: PendingOptions | undefined,
    slowAt: number,
  ) {
    this.#host = host;
    this.#subscription = subscription;
    this.#slowAt = slowAt;
    this.#limits = checkedLimits({ ...host.pendingDefaults, ...limits });
  }

  get length(): number {
    return this.#queue.length;
  }

  /** Bytes of headers and payloads. */
  get bytes(): number {
    return this.#queue.bytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get limits(): Required<PendingOptions> {
    return this.#limits;
  }

  /** The largest that ever waited. */
  get max(): { msgs: number; bytes: number } {
    return { msgs: this.#maxMsgs, bytes: this.#maxBytes };
  }

  clearMax(): void {
    this.#maxMsgs = 0;
    this.#maxBytes = 0;
  }

  /** @throws InvalidArgumentError for limits of zero, and an unknown policy. */
  setLimits(limits: PendingOptions): void {
    this.#limits = checkedLimits({ ...this.#limits, ...limits });
    this.resumeIfFree();
  }

  /** Whether one message more may be at work beside those that are. */
  allows(running: number): boolean {
    return running === 0 || running < this.#limits.msgs || this.#limits.msgs < 0;
  }

  /**
   * Adds a message; `running` are at work, and count. False when it was dropped.
   */
  push(msg: ReceivedMsg, running: number): boolean {
    const queue = this.#queue;
    const limits = this.#limits;
    const tooMany = limits.msgs >= 0 && queue.length + running >= limits.msgs;
    const tooMuch = limits.bytes >= 0 && queue.bytes + msg.bodyBytes() > limits.bytes;
    if (tooMany || tooMuch) {
      if (limits.policy === "drop") {
        this.#dropped++;
        this.#reportSlow(tooMany ? `${limits.msgs} messages` : `${limits.bytes} bytes`);
        return false;
      }
      if (!this.#paused) this.#setPaused(true);
    }
    queue.push(msg);
    if (queue.length > this.#maxMsgs) this.#maxMsgs = queue.length;
    if (queue.bytes > this.#maxBytes) this.#maxBytes = queue.bytes;
    if (this.#slowAt > 0 && queue.length > this.#slowAt) this.#reportSlow(`${this.#slowAt} messages`);
    else if (!tooMany && !tooMuch) this.#inSlowEpisode = false;
    return true;
  }

  /** The oldest, or null. Call {@link resumeIfFree} when it is in good hands. */
  shift(): ReceivedMsg | null {
    return this.#queue.shift();
  }

  /** Lets the connection read again when half of the limit is free. More messages may come before this returns. */
  resumeIfFree(): void {
    if (!this.#paused) return;
    const { msgs, bytes } = this.#limits;
    const free = (msgs < 0 || this.#queue.length * 2 <= msgs) && (bytes < 0 || this.#queue.bytes * 2 <= bytes);
    if (free) this.#setPaused(false);
  }

  /** Drops everything; returns how many messages that were. */
  clear(): number {
    return this.#queue.clear();
  }

  /** Lets the connection read again, whatever waits: nothing more is coming for this subscription. */
  release(): void {
    if (this.#paused) this.#setPaused(false);
  }

  /** Once per episode; the next accepted message ends it. */
  #reportSlow(limit: string): void {
    if (this.#inSlowEpisode) return;
    this.#inSlowEpisode = true;
    const error = new SlowConsumerError(this.#subscription.subject, this.#dropped, limit);
    this.#host.slowConsumer(this.#subscription, error);
  }

  #setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#host.setPaused(this.#subscription, paused);
  }
}
