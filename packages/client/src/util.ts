// Small helpers that the official client exports, and code written for it uses.

import type { ConnectionOptions } from "./options.ts";

/** Nanoseconds, as the wire has durations. */
export type Nanos = number;

/** Milliseconds to nanoseconds. */
export function nanos(ms: number): Nanos {
  return ms * 1_000_000;
}

/** Nanoseconds to whole milliseconds. */
export function millis(ns: Nanos): number {
  return Math.floor(ns / 1_000_000);
}

/** Gives the messages of an iterable one by one. */
export interface SyncIterator<T> {
  /** The next, or null when there is none any more. */
  next(): Promise<T | null>;
}

/** Makes an async iterable give its values when asked. It must not be iterated otherwise. */
export function syncIterator<T>(src: AsyncIterable<T>): SyncIterator<T> {
  const iterator = src[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done === true ? null : value;
    },
  };
}

/** Whether all servers of the options are WebSocket addresses. */
export function hasWsProtocol(options?: ConnectionOptions): boolean {
  const servers = options?.servers;
  if (servers === undefined) return false;
  return (typeof servers === "string" ? [servers] : servers).some((server) => /^wss?:\/\//i.test(server));
}
