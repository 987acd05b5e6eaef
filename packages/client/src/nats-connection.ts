// The connection as users see it: its interface, with the official client's names and what is added beside them.

import type { HeadersInput } from "./headers.ts";
import type { Msg, Payload, PublishOptions } from "./message.ts";
import type { PoolServer } from "./options.ts";
import type { RequestManyOptions, RequestOptions } from "./request/options.ts";
import type { ServerInfo } from "./server-info.ts";
import type { Status, StatusOf } from "./status.ts";
import type { SubscriptionOptions, WaitOptions } from "./subscription/options.ts";
import type { Subscription } from "./subscription/subscription.ts";

/** Where a connection is in its life. */
export type ConnectionState = "connecting" | "connected" | "reconnecting" | "draining" | "closed";

/** Counters since the connection was made. */
export interface Stats {
  /** Bytes of headers and payloads received and sent. */
  inBytes: number;
  outBytes: number;
  inMsgs: number;
  outMsgs: number;
  /** How often the connection was made anew. */
  reconnects: number;
}

/** Options of `json` helpers: what `request` takes. */
export interface JsonRequestOptions extends RequestOptions {
  headers?: HeadersInput;
}

/** A connection to a NATS system. */
export interface NatsConnection extends AsyncDisposable {
  /** What the server in use said of itself; undefined before the first connect. */
  readonly info?: ServerInfo | undefined;
  readonly state: ConnectionState;
  /** The error that was met last, whether or not it was told as a status. */
  readonly lastError: Error | undefined;
  /** Bytes that were published and that the transport has not taken. */
  readonly buffered: number;
  /** Subscriptions that are open. */
  readonly numSubscriptions: number;
  /** Where the two ends of the connection are; null without one, or without a socket. */
  readonly localAddress: string | null;
  readonly remoteAddress: string | null;

  /** Resolves when the connection is closed: to nothing, or to the error that closed it. Never rejects. */
  closed(): Promise<void | Error>;
  /** Closes at once: sends what was published, ends subscriptions and requests. Resolves when the socket is closed. */
  close(): Promise<void>;
  isClosed(): boolean;
  isDraining(): boolean;
  isConnected(): boolean;
  isReconnecting(): boolean;

  /**
   * Publishes a message. It goes out at the end of this turn of the event loop; the payload may be reused at once.
   *
   * @throws InvalidSubjectError, MaxPayloadError, PublishRefusedError, ClosedConnectionError, DrainingConnectionError.
   */
  publish(subject: string, payload?: Payload, options?: PublishOptions): void;
  /** Publishes what a message holds, to its subject. */
  publishMessage(msg: Msg): void;
  /** Publishes what a message holds, to its reply; false when it has none. */
  respondMessage(msg: Msg): boolean;
  /** Publishes a value as JSON. */
  publishJson(subject: string, value: unknown, options?: PublishOptions): void;
  /** Resolves when less than 1 MiB waits to be sent: await it between publishes that are many. */
  ready(options?: WaitOptions): Promise<void>;

  /** @throws InvalidSubjectError, InvalidQueueError, ClosedConnectionError, DrainingConnectionError. */
  subscribe(subject: string, options?: SubscriptionOptions): Subscription;

  /**
   * Publishes and waits for the first answer.
   *
   * @returns Rejects with {@link TimeoutError}, with {@link RequestError} when nobody is subscribed
   *   (`error.isNoResponders()`), or with the reason of the signal.
   */
  request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg>;
  /** Requests with a value as JSON, and reads the answer as JSON. */
  requestJson<T = unknown>(subject: string, value?: unknown, options?: JsonRequestOptions): Promise<T>;
  /** Publishes and gives the answers as they come (ADR-47). */
  requestMany(subject: string, payload?: Payload, options?: RequestManyOptions): Promise<AsyncIterable<Msg>>;
  /** An inbox of this connection: with its prefix. */
  newInbox(): string;

  /**
   * Resolves when the server has dealt with everything published before. While reconnecting it waits for the connection.
   *
   * @returns Rejects with {@link DisconnectedError} when the connection is lost meanwhile, with {@link TimeoutError}.
   */
  flush(options?: WaitOptions): Promise<void>;
  /** Milliseconds, with fractions, that the server takes to answer. */
  rtt(options?: WaitOptions): Promise<number>;
  /** Calls `run` when every message received so far has been handled by its subscription. */
  barrier(run: () => void): void;

  /**
   * Ends in order: subscriptions first, until what they received is handled, then requests, then what was published; then
   * closes. Has a deadline, the option `drainTimeout`: rejects with code `ERR_NATS_DRAIN_TIMEOUT` then, closed.
   */
  drain(options?: WaitOptions): Promise<void>;

  /** `host:port` of the server in use, or of the one that was; never with credentials. */
  getServer(): string;
  getServers(): PoolServer[];
  /** Replaces the pool. The connection stays where it is until it is lost. */
  setServers(servers: string | string[]): void;
  /** Gives up the connection and makes a new one. */
  reconnect(): Promise<void>;

  /** What happens to the connection, from now on. */
  status(options?: { signal?: AbortSignal }): AsyncIterable<Status>;
  /** Calls `listener` for each status of a type; returns how to stop that. */
  on<Type extends Status["type"]>(
    type: Type,
    listener: (status: StatusOf<Type>) => unknown,
    options?: { signal?: AbortSignal },
  ): () => void;
  stats(): Stats;
}
