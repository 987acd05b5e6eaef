// What happens to a connection, told to any number of listeners: as async iterators and as events.

import { onAbort } from "./deferred.ts";
import type { Logger } from "./logger.ts";
import type { Subscription } from "./subscription/subscription.ts";

/** The first connect succeeded. */
export interface ConnectStatus {
  type: "connect";
  server: string;
}
/** The connection is lost. */
export interface DisconnectStatus {
  type: "disconnect";
  server: string;
  /** Why, when that is known. */
  error?: Error;
  /** Messages that were half sent when it happened: they may or may not have arrived. */
  unconfirmed: number;
}
/** The client is connected again; subscriptions are back, and what was buffered is on its way. */
export interface ReconnectStatus {
  type: "reconnect";
  server: string;
}
/** An attempt to reconnect begins. */
export interface ReconnectingStatus {
  type: "reconnecting";
  server: string;
  /** Counts from 1 since the connection was lost. */
  attempt: number;
}
/** An attempt failed. */
export interface ReconnectFailedStatus {
  type: "reconnectFailed";
  server: string;
  attempt: number;
  error: Error;
}
/** The cluster told of servers that come or go. */
export interface ClusterUpdateStatus {
  type: "update";
  added?: string[];
  deleted?: string[];
}
/** The server is about to stop. */
export interface LDMStatus {
  type: "ldm";
  server: string;
}
/** Something failed that no call can throw. */
export interface ServerErrorStatus {
  type: "error";
  error: Error;
  subscription?: Subscription;
}
/** A ping goes out. */
export interface ClientPingStatus {
  type: "ping";
  pendingPings: number;
}
/** The server leaves pings unanswered and is given up. */
export interface StaleConnectionStatus {
  type: "staleConnection";
}
/** `reconnect()` was called. */
export interface ForceReconnectStatus {
  type: "forceReconnect";
}
/** A subscription has reached a limit. */
export interface SlowConsumerStatus {
  type: "slowConsumer";
  sub: Subscription;
  pending: number;
  error: Error;
}
/** `drain()` has begun. */
export interface DrainingStatus {
  type: "draining";
}
/** The connection is closed for good; nothing comes after it. */
export interface CloseStatus {
  type: "close";
  error?: Error;
}

/** Everything that `status()` tells. */
export type Status =
  | ConnectStatus
  | DisconnectStatus
  | ReconnectStatus
  | ReconnectingStatus
  | ReconnectFailedStatus
  | ClusterUpdateStatus
  | LDMStatus
  | ServerErrorStatus
  | ClientPingStatus
  | StaleConnectionStatus
  | SlowConsumerStatus
  | ForceReconnectStatus
  | DrainingStatus
  | CloseStatus;

/** Names of statuses that applications act on. */
export const Events = {
  Connect: "connect",
  Disconnect: "disconnect",
  Reconnect: "reconnect",
  Update: "update",
  LDM: "ldm",
  Error: "error",
  SlowConsumer: "slowConsumer",
  Draining: "draining",
  Close: "close",
} as const;
/** One of the names. */
export type Events = (typeof Events)[keyof typeof Events];

/** Names of statuses that help to find out what is going on. */
export const DebugEvents = {
  Reconnecting: "reconnecting",
  ReconnectFailed: "reconnectFailed",
  PingTimer: "ping",
  StaleConnection: "staleConnection",
  ClientInitiatedReconnect: "forceReconnect",
} as const;
/** One of the names. */
export type DebugEvents = (typeof DebugEvents)[keyof typeof DebugEvents];

/** The status that belongs to a name. */
export type StatusOf<Type extends Status["type"]> = Extract<Status, { type: Type }>;

/** A reader that does not read keeps this many; then the oldest go. */
const UNREAD_MAX = 1024;

interface Reader {
  queue: Status[];
  wake: ((result: IteratorResult<Status, undefined>) => void) | null;
}

/** Hands statuses on. */
export class StatusHub {
  readonly #logger: Logger;
  readonly #listeners = new Map<Status["type"], Set<(status: never) => unknown>>();
  readonly #readers = new Set<Reader>();
  #observer: ((status: Status) => void) | null = null;
  #ended = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Tells everyone. An error that nobody listens for goes to the logger, as Go's client prints it. */
  emit(status: Status): void {
    if (this.#ended) return;
    this.#observer?.(status);
    for (const reader of this.#readers) give(reader, status);
    const listeners = this.#listeners.get(status.type);
    for (const listener of listeners ?? []) this.#call(listener as (status: Status) => unknown, status);
    const isTrouble = status.type === "error" || status.type === "slowConsumer";
    if (isTrouble && (listeners?.size ?? 0) === 0 && this.#readers.size === 0) {
      const cause = status.error.cause instanceof Error ? `: ${status.error.cause.message}` : "";
      this.#logger.error(`nats: ${status.error.message}${cause}`);
    }
    if (status.type === "close") this.#end();
  }

  /** Calls `observer` for every status, beside listeners and readers; for diagnostics, which are no audience. */
  observe(observer: (status: Status) => void): void {
    this.#observer = observer;
  }

  on<Type extends Status["type"]>(
    type: Type,
    listener: (status: StatusOf<Type>) => unknown,
    signal: AbortSignal | undefined,
  ): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    listeners.add(listener);
    const offAbort = onAbort(signal, () => listeners.delete(listener));
    return () => {
      offAbort();
      listeners.delete(listener);
    };
  }

  /** An iterator over what happens from now on; it ends after `close`. */
  iterate(signal: AbortSignal | undefined): AsyncIterable<Status> {
    const reader: Reader = { queue: [], wake: null };
    if (!this.#ended) this.#readers.add(reader);
    const leave = (): void => {
      this.#readers.delete(reader);
      reader.wake?.({ done: true, value: undefined });
      reader.wake = null;
    };
    const offAbort = onAbort(signal, leave);
    const iterator: AsyncIterableIterator<Status, undefined> = {
      next: () => {
        const status = reader.queue.shift();
        if (status !== undefined) return Promise.resolve({ done: false, value: status });
        if (!this.#readers.has(reader)) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => {
          reader.wake = resolve;
        });
      },
      return: () => {
        offAbort();
        leave();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #call(listener: (status: Status) => unknown, status: Status): void {
    const failed = (error: unknown): void => {
      this.#logger.error(`nats: a listener for '${status.type}' threw: ${String(error)}`);
    };
    try {
      const result: unknown = listener(status);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #end(): void {
    this.#ended = true;
    for (const reader of this.#readers) {
      reader.wake?.({ done: true, value: undefined });
      reader.wake = null;
    }
    this.#readers.clear();
    this.#listeners.clear();
  }
}

function give(reader: Reader, status: Status): void {
  if (reader.wake !== null) {
    const wake = reader.wake;
    reader.wake = null;
    wake({ done: false, value: status });
    return;
  }
  reader.queue.push(status);
  if (reader.queue.length > UNREAD_MAX) reader.queue.shift();
}
