// What a subscription needs of the connection that it belongs to.

import type { CallbackError, SlowConsumerError } from "../errors.ts";
import type { MessageContext } from "../message.ts";
import type { Runtime } from "../runtime.ts";
import type { PendingOptions } from "./options.ts";
import type { SubscriptionImpl } from "./subscription-impl.ts";

/** What a subscription needs of its connection. */
export interface SubscriptionHost {
  readonly runtime: Runtime;
  readonly messages: MessageContext;
  /** Sends UNSUB; with `max` above 0, for after so many messages since the SUB. */
  sendUnsubscribe(subscription: SubscriptionImpl, max: number): void;
  /** The subscription has ended and gets no more messages. */
  forget(subscription: SubscriptionImpl): void;
  /** Resolves when the server has dealt with everything sent before. */
  roundTrip(timeoutMs: number): Promise<void>;
  slowConsumer(subscription: SubscriptionImpl, error: SlowConsumerError): void;
  callbackFailed(error: CallbackError): void;
  setPaused(subscription: SubscriptionImpl, paused: boolean): void;
  readonly drainTimeoutMs: number;
  readonly pendingDefaults: Required<PendingOptions>;
}
