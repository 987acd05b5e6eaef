// The servers that the client may connect to, in the order in which it tries them.
//
// The one it was given first is tried first; the others are shuffled unless that is switched off. Servers that are told by
// the cluster are shuffled in behind the first, and leave when the cluster no longer lists them, the one in use excepted.

import type { Random } from "@myelin/platform";
import { gossipedAddress, type ServerAddress } from "./address.ts";

/** A server with what happened to it. */
export interface PoolEntry {
  readonly address: ServerAddress;
  /** Attempts since it was last connected to. */
  attempts: number;
  lastError: Error | null;
  /** The class of the last authentication error, to see the same one twice in a row. */
  lastAuthError: string | null;
}

/** What a list of the cluster changed. */
export interface PoolChange {
  readonly added: string[];
  readonly deleted: string[];
}

/** The pool of one connection. */
export class ServerPool {
  #entries: PoolEntry[];
  #current: PoolEntry | null = null;
  readonly #random: Random;
  readonly #randomize: boolean;
  /** Everything ever heard of: only what is new is told as discovered. */
  readonly #known = new Set<string>();

  constructor(addresses: readonly ServerAddress[], random: Random, randomize: boolean) {
    this.#random = random;
    this.#randomize = randomize;
    this.#entries = uniqueEntries(addresses);
    if (randomize) this.#shuffle(1);
    for (const entry of this.#entries) this.#known.add(entry.address.listen);
  }

  get entries(): readonly PoolEntry[] {
    return this.#entries;
  }

  get current(): PoolEntry | null {
    return this.#current;
  }

  /** Makes `entry` the one in use. */
  use(entry: PoolEntry): void {
    this.#current = entry;
  }

  /** Puts a server at the end of the line, or out of the pool when it has had `attemptsMax` (-1: no limit). */
  retire(entry: PoolEntry, attemptsMax: number): void {
    const index = this.#entries.indexOf(entry);
    if (index < 0) return;
    this.#entries.splice(index, 1);
    if (attemptsMax < 0 || entry.attempts < attemptsMax) this.#entries.push(entry);
  }

  remove(entry: PoolEntry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** Replaces the pool by what the user gives, keeping what is known about servers that stay. */
  replace(addresses: readonly ServerAddress[]): PoolChange {
    const before = new Map(this.#entries.map((entry) => [entry.address.listen, entry]));
    this.#entries = uniqueEntries(addresses).map((entry) => before.get(entry.address.listen) ?? entry);
    if (this.#randomize) this.#shuffle(1);
    const after = new Set(this.#entries.map((entry) => entry.address.listen));
    for (const listen of after) this.#known.add(listen);
    return {
      added: [...after].filter((listen) => !before.has(listen)),
      deleted: [...before.keys()].filter((listen) => !after.has(listen)),
    };
  }

  /**
   * Takes the list of a server's INFO. An empty list changes nothing.
   *
   * @param listens - `host:port` each; what cannot be read is skipped.
   */
  update(listens: readonly string[] | undefined, from: ServerAddress): PoolChange {
    const change: PoolChange = { added: [], deleted: [] };
    if (listens === undefined || listens.length === 0) return change;
    const told = new Map<string, ServerAddress>();
    for (const listen of listens) {
      const address = tryAddress(listen, from);
      if (address !== null) told.set(address.listen, address);
    }
    this.#entries = this.#entries.filter((entry) => {
      const stays = !entry.address.gossiped || told.has(entry.address.listen) || entry === this.#current;
      if (!stays) change.deleted.push(entry.address.listen);
      return stays;
    });
    const present = new Set(this.#entries.map((entry) => entry.address.listen));
    const firstNew = this.#entries.length;
    for (const [listen, address] of told) {
      if (present.has(listen)) continue;
      this.#entries.push(newEntry(address));
      if (!this.#known.has(listen)) change.added.push(listen);
      this.#known.add(listen);
    }
    if (this.#randomize && this.#entries.length > firstNew) this.#shuffle(1);
    return change;
  }

  /** Fisher and Yates, from `first` to the end. */
  #shuffle(first: number): void {
    const entries = this.#entries;
    for (let i = entries.length - 1; i > first; i--) {
      const other = first + (this.#random.uint32() % (i - first + 1));
      [entries[i], entries[other]] = [entries[other] as PoolEntry, entries[i] as PoolEntry];
    }
  }
}

function uniqueEntries(addresses: readonly ServerAddress[]): PoolEntry[] {
  const seen = new Map<string, PoolEntry>();
  for (const address of addresses) if (!seen.has(address.listen)) seen.set(address.listen, newEntry(address));
  return [...seen.values()];
}

function newEntry(address: ServerAddress): PoolEntry {
  return { address, attempts: 0, lastError: null, lastAuthError: null };
}

function tryAddress(listen: string, from: ServerAddress): ServerAddress | null {
  try {
    return gossipedAddress(listen, from);
  } catch {
    return null; // a server's mistake must not end a connection that works
  }
}
