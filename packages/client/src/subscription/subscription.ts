// A subscription as users see it.

import type { Msg } from "../message.ts";
import type { MsgCallback, PendingOptions, PendingPolicy, WaitOptions } from "./options.ts";

/** A subscription as users see it. */
export interface Subscription extends AsyncIterable<Msg>, AsyncDisposable {
  /** Resolves when the subscription has ended: to nothing, or to the error that ended it. Never rejects. */
  readonly closed: Promise<void | Error>;
  /** Ends it now, or once `max` messages in all have been received. What waits is still given to the reader. */
  unsubscribe(max?: number): void;
  /** Ends it in order: no new messages, and resolves when those received have been handled. */
  drain(options?: WaitOptions): Promise<void>;
  isDraining(): boolean;
  isClosed(): boolean;
  callback: MsgCallback<Msg>;
  getSubject(): string;
  getQueue(): string | undefined;
  getReceived(): number;
  getProcessed(): number;
  /** Messages that wait for their reader or whose callback is not done. */
  getPending(): number;
  getPendingBytes(): number;
  /** The largest that was ever pending. */
  getMaxPending(): { msgs: number; bytes: number };
  clearMaxPending(): void;
  getPendingLimits(): { msgs: number; bytes: number; policy: PendingPolicy };
  /** Changes what may wait from now on. Zero is refused, negative means no limit. */
  setPendingLimits(limits: PendingOptions): void;
  /** Messages that were dropped because too many waited. */
  getDropped(): number;
  getID(): number;
  getMax(): number | undefined;
  /** Waits for one message: for subscriptions without a callback, beside or instead of iterating. */
  nextMsg(options?: WaitOptions): Promise<Msg>;
}
