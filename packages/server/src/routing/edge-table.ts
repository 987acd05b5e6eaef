// The literal edges of a sublist: which node a token leads to from which node. One open-addressing table for the whole
// sublist, keyed by (parent, token bytes), so that a step costs one probe and no string, object or Map.

import { sameBytes } from "@myelin/protocol";
import type { ByteHeap } from "./byte-heap.ts";
import type { SublistNode } from "./sublist-node.ts";

const START_SLOTS = 64;
const EMPTY = 0;

/** Mixes a token's hash with where it starts from; never 0, which marks an empty slot. */
function mix(hash: number, parentId: number): number {
  let mixed = Math.imul(hash ^ Math.imul(parentId, 0x9e3779b1), 0x85ebca6b);
  mixed ^= mixed >>> 13;
  return mixed === EMPTY ? 1 : mixed;
}

/** The table. At most half full, linear probing, deletion by shifting back: probes stay short. */
export class EdgeTable {
  readonly #heap: ByteHeap;
  #hashes: Int32Array = new Int32Array(START_SLOTS);
  #nodes: Array<SublistNode | null> = new Array<SublistNode | null>(START_SLOTS).fill(null);
  #mask = START_SLOTS - 1;
  #count = 0;

  constructor(heap: ByteHeap) {
    this.#heap = heap;
  }

  /** The node that the token at `[start, end)` of `view` leads to from `parent`, or null. */
  find(parent: SublistNode, hash: number, view: DataView, start: number, end: number): SublistNode | null {
    const mixed = mix(hash, parent.id);
    const hashes = this.#hashes;
    const mask = this.#mask;
    for (let slot = mixed & mask; ; slot = (slot + 1) & mask) {
      const found = hashes[slot] as number;
      if (found === EMPTY) return null;
      if (found !== mixed) continue;
      const node = this.#nodes[slot] as SublistNode;
      const length = end - start;
      if (node.parent !== parent || node.keyLength !== length) continue;
      if (sameBytes(view, start, this.#heap.view, node.keyOffset, length)) return node;
    }
  }

  /** Adds a node that is not there yet. */
  add(node: SublistNode): void {
    this.#count++;
    if (this.#count * 2 > this.#mask) this.#resize((this.#mask + 1) * 2);
    this.#place(mix(node.hash, (node.parent as SublistNode).id), node);
  }

  /** Removes a node that is there. */
  remove(node: SublistNode): void {
    let hole = this.#slotOf(node);
    const hashes = this.#hashes;
    const nodes = this.#nodes;
    const mask = this.#mask;
    for (let slot = (hole + 1) & mask; hashes[slot] !== EMPTY; slot = (slot + 1) & mask) {
      const home = (hashes[slot] as number) & mask;
      // What probes across the hole moves into it, and leaves the next hole.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      hashes[hole] = hashes[slot] as number;
      nodes[hole] = nodes[slot] as SublistNode;
      hole = slot;
    }
    hashes[hole] = EMPTY;
    nodes[hole] = null;
    this.#count--;
    if (this.#mask >= START_SLOTS && this.#count * 8 < this.#mask) this.#resize((this.#mask + 1) / 2);
  }

  #slotOf(node: SublistNode): number {
    let slot = mix(node.hash, (node.parent as SublistNode).id) & this.#mask;
    while (this.#nodes[slot] !== node) {
      // A node of another sublist would be looked for for ever, by the one thread that serves everybody.
      if (this.#hashes[slot] === EMPTY) throw new Error("the node belongs to another sublist, or was removed before");
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #place(mixed: number, node: SublistNode): void {
    let slot = mixed & this.#mask;
    while (this.#hashes[slot] !== EMPTY) slot = (slot + 1) & this.#mask;
    this.#hashes[slot] = mixed;
    this.#nodes[slot] = node;
  }

  #resize(slots: number): void {
    const oldHashes = this.#hashes;
    const oldNodes = this.#nodes;
    this.#hashes = new Int32Array(slots);
    this.#nodes = new Array<SublistNode | null>(slots).fill(null);
    this.#mask = slots - 1;
    // The hashes are at hand: the nodes themselves, which are all over the memory, are not looked at.
    for (let i = 0; i < oldHashes.length; i++) {
      const mixed = oldHashes[i] as number;
      if (mixed !== EMPTY) this.#place(mixed, oldNodes[i] as SublistNode);
    }
  }
}
