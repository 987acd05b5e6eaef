// The hash part of the tables in this folder: ids found by hash, spread over shards that grow one at a time, so that growing never
// holds the event loop for long. Comparing is the caller's work: it walks a shard with linear probing.

const SHARDS = 64;
const SHARD_SLOTS_MIN = 8;
/** One shard serves up to so many slots; then it is split. */
const SINGLE_SLOTS_MAX = 8192;

/** Ids by hash. A slot holds id + 1, or 0 for empty. */
export class IdHash {
  #shards: Int32Array[] = [new Int32Array(SHARD_SLOTS_MIN)];
  #counts: number[] = [0];
  #hashOf: (id: number) => number;

  /** @param hashOf - The hash of an id that is in the table; asked when a shard grows. */
  constructor(hashOf: (id: number) => number) {
    this.#hashOf = hashOf;
  }

  /** The slots to probe for `hash`, beginning at `hash & (length - 1)`. A power of two long, never full. */
  shard(hash: number): Int32Array {
    return this.#shards[this.#number(hash)]!;
  }

  insert(hash: number, id: number): void {
    let number = this.#number(hash);
    if (this.#counts[number]! * 4 >= this.#shards[number]!.length * 3) {
      if (this.#shards.length === 1 && this.#shards[0]!.length === SINGLE_SLOTS_MAX) this.#split();
      else this.#grow(number);
      number = this.#number(hash);
    }
    place(this.#shards[number]!, hash, id);
    this.#counts[number]!++;
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
  }

  #number(hash: number): number {
    return this.#shards.length === 1 ? 0 : hash >>> 26;
  }

  #grow(number: number): void {
    const old = this.#shards[number]!;
    const slots = new Int32Array(old.length * 2);
    for (let i = 0; i < old.length; i++) if (old[i] !== 0) place(slots, this.#hashOf(old[i]! - 1), old[i]! - 1);
    this.#shards[number] = slots;
  }

  #split(): void {
    const old = this.#shards[0]!;
    // Twice what an even spread needs.
    this.#shards = Array.from({ length: SHARDS }, () => new Int32Array((SINGLE_SLOTS_MAX / SHARDS) * 2));
    this.#counts = Array.from({ length: SHARDS }, () => 0);
    for (let i = 0; i < old.length; i++) if (old[i] !== 0) this.insert(this.#hashOf(old[i]! - 1), old[i]! - 1);
  }
}

function place(slots: Int32Array, hash: number, id: number): void {
  const mask = slots.length - 1;
  let i = hash & mask;
  while (slots[i] !== 0) i = (i + 1) & mask;
  slots[i] = id + 1;
}
