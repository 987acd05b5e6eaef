// What a request can be asked for.

import type { HeadersInput } from "../headers.ts";
import type { TraceOptions } from "../message.ts";

/** Options of `request`. */
export interface RequestOptions extends TraceOptions {
  /** Milliseconds until a {@link TimeoutError}; the connection's `requestTimeout` unless told otherwise. */
  timeout?: number;
  headers?: HeadersInput;
  /** Answers come to a subscription of the request's own, which ends with it. */
  noMux?: boolean;
  /** Subject for the answer; needs `noMux`. */
  reply?: string;
  /** Aborting it rejects with its reason. */
  signal?: AbortSignal;
}

/** When a request for many answers is over; `maxWait` ends it in any case. */
export type RequestStrategy =
  /** After `maxWait`. */
  | "timer"
  /** After `maxMessages` answers. */
  | "count"
  /** When no further answer has come for `stall` milliseconds. */
  | "stall"
  /** At an answer without headers and payload, which is not given out. */
  | "sentinel";

/** Options of `requestMany` (ADR-47). */
export interface RequestManyOptions extends TraceOptions {
  /** `timer` unless told otherwise. */
  strategy?: RequestStrategy;
  /** Milliseconds; 1,000 unless told otherwise. */
  maxWait?: number;
  /** Ends every strategy after so many answers. */
  maxMessages?: number;
  /** Milliseconds; 300 unless told otherwise. */
  stall?: number;
  headers?: HeadersInput;
  noMux?: boolean;
  signal?: AbortSignal;
}
