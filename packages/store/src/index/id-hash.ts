// The hash part of the tables in this folder: ids found by hash, spread over small shards, of which one is split whenever so many ids
// more have come (linear hashing). So growing costs the same all the time: a table that is copied, or large shards that are all full at
// about the same time, would hold the event loop. Comparing is the caller's work: it walks a shard with linear probing.

const SHARD_SLOTS_MIN = 8;
/** A shard has so many slots: less at first, and more where many ids have similar hashes. */
const SHARD_SLOTS = 2048;
/** Ids per shard on the average; those that are split next have up to twice as many. */
const SHARD_IDS = 768;
/** Bits of a hash below these say where in its shard an id belongs. */
const SHARD_SHIFT = 11;

/** Ids by hash. A slot holds id + 1, or 0 for empty. */
export class IdHash {
  #shards: Int32Array[] = [new Int32Array(SHARD_SLOTS_MIN)];
  #counts: number[] = [0];
  #size = 0;
  /** How many shards there were, a power of two, when the first one was split last. */
  #round = 1;
  /** The shard that is split next; those before it have been split in this round. */
  #next = 0;
  /** What a shard held that is being split. */
  #moving: Int32Array = new Int32Array(0);
  #hashOf: (id: number) => number;

  /** @param hashOf - The hash of an id that is in the table; asked when a shard grows or is split. */
  constructor(hashOf: (id: number) => number) {
    this.#hashOf = hashOf;
  }

  /** The slots to probe for `hash`, beginning at `hash & (length - 1)`. A power of two long, never full. */
  shard(hash: number): Int32Array {
    return this.#shards[this.#number(hash)]!;
  }

  insert(hash: number, id: number): void {
    if (this.#size >= this.#shards.length * SHARD_IDS) this.#split();
    this.#put(hash, id);
  }

  /** Removes an id that is in the table, closing the gap it leaves. */
  remove(hash: number, id: number): void {
    const number = this.#number(hash);
    const slots = this.#shards[number]!;
    const mask = slots.length - 1;
    let hole = hash & mask;
    while (slots[hole] !== id + 1) hole = (hole + 1) & mask;
    for (let i = (hole + 1) & mask; slots[i] !== 0; i = (i + 1) & mask) {
      const home = this.#hashOf(slots[i]! - 1) & mask;
      // May the entry at i move into the hole? Only if its home does not lie between them.
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      slots[hole] = slots[i]!;
      hole = i;
    }
    slots[hole] = 0;
    this.#counts[number]!--;
    this.#size--;
  }

  #number(hash: number): number {
    const number = (hash >>> SHARD_SHIFT) & (this.#round - 1);
    return number < this.#next ? (hash >>> SHARD_SHIFT) & (2 * this.#round - 1) : number;
  }

  #grow(number: number): void {
    const old = this.#shards[number]!;
    const slots = new Int32Array(old.length * 2);
    for (let i = 0; i < old.length; i++) if (old[i] !== 0) place(slots, this.#hashOf(old[i]! - 1), old[i]! - 1);
    this.#shards[number] = slots;
  }

  /** Moves about half of the next shard's ids to a new one. */
  #split(): void {
    const number = this.#next++;
    const shard = this.#shards[number]!;
    if (this.#moving.length < shard.length) this.#moving = new Int32Array(shard.length);
    const old = this.#moving.subarray(0, shard.length);
    old.set(shard);
    shard.fill(0);
    this.#shards.push(new Int32Array(Math.min(shard.length, SHARD_SLOTS)));
    this.#size -= this.#counts[number]!;
    this.#counts[number] = 0;
    this.#counts.push(0);
    // Before the round ends: their numbers are those of this one.
    for (let i = 0; i < old.length; i++) if (old[i] !== 0) this.#put(this.#hashOf(old[i]! - 1), old[i]! - 1);
    if (this.#next < this.#round) return;
    this.#round *= 2;
    this.#next = 0;
  }

  #put(hash: number, id: number): void {
    const number = this.#number(hash);
    if (this.#counts[number]! * 4 >= this.#shards[number]!.length * 3) this.#grow(number);
    place(this.#shards[number]!, hash, id);
    this.#counts[number]!++;
    this.#size++;
  }
}

function place(slots: Int32Array, hash: number, id: number): void {
  const mask = slots.length - 1;
  let i = hash & mask;
  while (slots[i] !== 0) i = (i + 1) & mask;
  slots[i] = id + 1;
}
