// What a subscription can be asked for.

import type { Msg } from "../message.ts";

/**
 * Receives messages. `err` is set, and `msg` is to be left alone, when the subscription fails.
 * A promise that it returns is waited for when the subscription drains; its rejection is reported, never lost.
 */
export type MsgCallback<T> = (err: Error | null, msg: T) => unknown;

/** What happens to messages that come faster than they are handled. */
export type PendingPolicy =
  /** The newest is dropped and counted, and a slow consumer is reported once per episode. */
  | "drop"
  /** Reading from the server stops until half of the limit is free. Holds up every subscription of the connection. */
  | "pause";

/** How much may wait for its reader. Negative: no limit. */
export interface PendingOptions {
  /** Messages; 524,288 unless told otherwise. */
  msgs?: number;
  /** Bytes of headers and payloads; 64 MiB unless told otherwise. */
  bytes?: number;
  /** `drop` unless told otherwise. */
  policy?: PendingPolicy;
}

/** Options of `subscribe`. */
export interface SubOpts<T> {
  /** Queue group: of its members one gets each message. */
  queue?: string;
  /** Ends the subscription after that many messages. */
  max?: number;
  /** Milliseconds within which the first message must come; a {@link TimeoutError} otherwise. */
  timeout?: number;
  /** Takes the messages; without it the subscription is an async iterator. */
  callback?: MsgCallback<T>;
  /** Reports a slow consumer when more messages than this wait; nothing is dropped for it. */
  slow?: number;
  pending?: PendingOptions;
  /**
   * How many asynchronous callbacks may be at work at once; the others' messages wait in order. Without it each message is
   * handed over as it comes.
   */
  concurrency?: number;
  /** Ends the subscription when it is aborted. */
  signal?: AbortSignal;
}

/** Options of `subscribe` for messages. */
export type SubscriptionOptions = SubOpts<Msg>;

/** Options of calls that wait. */
export interface WaitOptions {
  /** Milliseconds; a {@link TimeoutError} then. */
  timeout?: number;
  /** Aborting it rejects with its reason. */
  signal?: AbortSignal;
}
