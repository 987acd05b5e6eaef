// Who is interested in a subject: the subject index of one account. Called by connection/dispatch.ts for every subject that is
// new to a connection; what it finds goes to routing/deliver.ts.
//
//   orders.eu.*  and  orders.>          root --orders--> ( ) --eu--> ( ) --*--> [orders.eu.*]
//                                                         |
//                                                         +--->--> [orders.>]
//
// A trie over tokens. Literal steps go through one hash table keyed by bytes; `*` and `>` are fields of a node. Subjects are
// compared as bytes, in place. Nodes without subscriptions are pruned, so that inboxes that come and go leave nothing behind.
//
// The result of a match is a list of nodes, not a merged list of subscriptions: it costs nothing to build, and a node's own
// subscriptions change in place.

import { DOT, GREATER, isSubscribable, STAR, wordHas } from "@myelin/protocol";
import { ByteHeap } from "./byte-heap.ts";
import { EdgeTable } from "./edge-table.ts";
import { SublistNode } from "./sublist-node.ts";
import type { Subscription } from "./subscription.ts";

const HASH_PRIME = 0x9e3779b1;
/** A dot in each byte. */
const DOTS = 0x2e2e2e2e;
const HASH_BASIS = 0x811c9dc5;

/** The subject index of one account. */
export class Sublist {
  /** Changes with every insertion and removal: what was matched under another generation may be stale. */
  generation = 1;
  /** Subscriptions held. */
  count = 0;
  /** Counters for monitoring (/subsz). */
  inserts = 0;
  removes = 0;
  matches = 0;

  /** What the last `match` found; the first as many as it returned count. Valid until the next call of any method. */
  readonly found: SublistNode[] = [];

  readonly #heap: ByteHeap = new ByteHeap();
  readonly #edges: EdgeTable = new EdgeTable(this.#heap);
  readonly #root: SublistNode = new SublistNode(null, 0, 0, 0, 0);
  /** Starts every hash: tokens that collide on one server do not on another, so nobody can choose them. */
  readonly #seed: number;
  #nextId = 1;
  #nodes = 1;
  /** The nodes that the tokens so far lead to, and those that the next one leads to. */
  #frontier: SublistNode[] = [];
  #next: SublistNode[] = [];

  /** @param seed - Any 32-bit number that peers cannot know. */
  constructor(seed: number) {
    this.#seed = HASH_BASIS ^ seed;
  }

  /**
   * Finds every node whose subscriptions are interested in a literal subject. Wildcard characters in the subject are
   * not expanded; a subject with an empty token interests nobody (sublist.go match).
   *
   * Costs O(tokens) without wildcards, some 50 to 100 ns; at worst O(nodes that match a prefix). Allocates nothing.
   *
   * @returns How many of {@link found} count.
   */
  match(view: DataView, start: number, end: number): number {
    this.matches++;
    if (this.count === 0) return 0;
    const found = this.found;
    const seed = this.#seed;
    let foundCount = 0;
    let frontier = this.#frontier;
    let next = this.#next;
    frontier[0] = this.#root;
    let width = 1;
    let at = start;
    const lastWord = end - 4;
    for (;;) {
      // One token: where it ends, and its hash (see hashToken, which this has to agree with).
      const tokenStart = at;
      let hash = seed;
      let word = 0;
      let shift = 0;
      while (at <= lastWord) {
        word = view.getInt32(at, true);
        if (wordHas(word, DOTS)) break;
        hash = Math.imul(hash ^ word, HASH_PRIME);
        hash ^= hash >>> 15;
        at += 4;
      }
      word = 0;
      while (at < end) {
        const byte = view.getUint8(at);
        if (byte === DOT) break;
        word |= byte << shift;
        shift += 8;
        at++;
      }
      if (at === tokenStart) return 0;
      hash = Math.imul(hash ^ word, HASH_PRIME);
      const last = at === end;

      let nextWidth = 0;
      for (let k = 0; k < width; k++) {
        const node = frontier[k] as SublistNode;
        if (node.rest !== null) found[foundCount++] = node.rest;
        const literal = node.literals === 0 ? null : this.#edges.find(node, hash, view, tokenStart, at);
        if (literal !== null) {
          if (!last) next[nextWidth++] = literal;
          else if (literal.hasInterest) found[foundCount++] = literal;
        }
        const star = node.star;
        if (star !== null) {
          if (!last) next[nextWidth++] = star;
          else if (star.hasInterest) found[foundCount++] = star;
        }
      }
      if (last) return foundCount;
      at++;
      if (nextWidth === 0) return foundCount === 0 || hasEmptyToken(view, at, end) ? 0 : foundCount;
      const swap = frontier;
      frontier = next;
      next = swap;
      width = nextWidth;
    }
  }

  /**
   * Adds a subscription to where its subject leads.
   *
   * @param view - Holds the subject in `[start, end)`; copied where needed.
   * @returns False when the subject is malformed; nothing has changed then.
   */
  insert(subscription: Subscription, view: DataView, start: number, end: number): boolean {
    if (!isSubscribable(view, start, end)) return false;
    let node = this.#root;
    let tokenStart = start;
    for (let i = start; i <= end; i++) {
      if (i < end && view.getUint8(i) !== DOT) continue;
      node = this.#step(node, view, tokenStart, i);
      tokenStart = i + 1;
    }
    node.add(subscription);
    this.count++;
    this.inserts++;
    this.generation++;
    return true;
  }

  /** Takes a subscription out, if it is in. Costs O(tokens) at most, whatever the number of subscriptions. */
  remove(subscription: Subscription): void {
    const node = subscription.node;
    if (node === null) return;
    node.remove(subscription);
    this.#prune(node);
    this.count--;
    this.removes++;
    this.generation++;
  }

  /** Nodes, the root included: for monitoring, and for tests that look for leaks. */
  get nodeCount(): number {
    return this.#nodes;
  }

  /** Bytes kept for tokens, free ones included. */
  get keyBytes(): number {
    return this.#heap.view.byteLength;
  }

  /** The most nodes that any match so far had to follow at the same time. */
  get widestFrontier(): number {
    return Math.max(this.#frontier.length, this.#next.length);
  }

  /** The node that a token leads to, made if it is not there. */
  #step(node: SublistNode, view: DataView, start: number, end: number): SublistNode {
    if (end - start === 1) {
      const only = view.getUint8(start);
      if (only === STAR) return (node.star ??= this.#makeNode(node, 0, 0, 0));
      if (only === GREATER) return (node.rest ??= this.#makeNode(node, 0, 0, 0));
    }
    const hash = hashToken(this.#seed, view, start, end);
    const there = this.#edges.find(node, hash, view, start, end);
    if (there !== null) return there;
    const made = this.#makeNode(node, hash, this.#heap.keep(view, start, end), end - start);
    this.#edges.add(made);
    node.literals++;
    return made;
  }

  #makeNode(parent: SublistNode, hash: number, keyOffset: number, keyLength: number): SublistNode {
    this.#nodes++;
    return new SublistNode(parent, this.#nextId++, hash, keyOffset, keyLength);
  }

  /** Drops a node that nothing needs any more, and its parents as far as that holds for them. */
  #prune(from: SublistNode): void {
    let node = from;
    while (node.parent !== null && node.isEmpty) {
      const parent = node.parent;
      if (parent.star === node) parent.star = null;
      else if (parent.rest === node) parent.rest = null;
      else {
        this.#edges.remove(node);
        this.#heap.release(node.keyOffset, node.keyLength);
        parent.literals--;
      }
      this.#nodes--;
      node = parent;
    }
  }
}

/**
 * The hash of a token: four bytes at a time, since a multiplication per byte would cost more than all the rest of a match.
 * The last nought to three bytes are a word of their own.
 */
function hashToken(seed: number, view: DataView, start: number, end: number): number {
  let hash = seed;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), HASH_PRIME);
    hash ^= hash >>> 15;
  }
  let word = 0;
  for (let shift = 0; at < end; at++, shift += 8) word |= view.getUint8(at) << shift;
  return Math.imul(hash ^ word, HASH_PRIME);
}

function hasEmptyToken(view: DataView, start: number, end: number): boolean {
  let tokenStart = start;
  for (let i = start; i <= end; i++) {
    if (i < end && view.getUint8(i) !== DOT) continue;
    if (i === tokenStart) return true;
    tokenStart = i + 1;
  }
  return false;
}
