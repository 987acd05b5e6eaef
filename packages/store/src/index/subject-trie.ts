// Subjects as a tree of tokens: finds all that match a filter with wildcards without looking at those that cannot.
//
// A node is a number; its fields stand in arrays. Children of a node form a ring-free doubly linked list (for `*` and `>`) and are also
// found by (parent, token) through a hash (for literal tokens). Tokens are interned once for the whole tree.

import { ByteTable, hashBytes } from "./byte-table.ts";
import { IdHash } from "./id-hash.ts";
import { IdStack } from "./id-stack.ts";

const DOT = 46;
const NONE = -1;
const NODES_START = 64;

/** A filter's tokens as bytes; null stands for `*`. */
export interface FilterTokens {
  readonly tokens: readonly (Uint8Array | null)[];
  /** The filter ends in `>`: whatever follows matches, at least one token. */
  readonly tail: boolean;
}

/** Splits a filter that has been checked already. */
export function filterTokens(filter: Uint8Array): FilterTokens {
  const tokens: (Uint8Array | null)[] = [];
  let tail = false;
  for (let start = 0; start <= filter.length; ) {
    let end = filter.indexOf(DOT, start);
    if (end < 0) end = filter.length;
    const token = filter.subarray(start, end);
    if (token.length === 1 && token[0] === 62 && end === filter.length) tail = true;
    else tokens.push(token.length === 1 && token[0] === 42 ? null : token);
    start = end + 1;
  }
  return { tokens, tail };
}

/** The tree of the subjects that have messages. */
export class SubjectTrie {
  #tokens: ByteTable = new ByteTable();
  #tokenUses: Int32Array = new Int32Array(NODES_START);
  #parent: Int32Array = new Int32Array(NODES_START);
  #token: Int32Array = new Int32Array(NODES_START);
  #child: Int32Array = new Int32Array(NODES_START).fill(NONE);
  #next: Int32Array = new Int32Array(NODES_START).fill(NONE);
  #previous: Int32Array = new Int32Array(NODES_START).fill(NONE);
  #subject: Int32Array = new Int32Array(NODES_START).fill(NONE);
  readonly #freeNodes: IdStack = new IdStack();
  #nodeEnd = 1; // node 0 is the root
  #children: IdHash = new IdHash((node) => childHash(this.#parent[node]!, this.#token[node]!));

  /** Adds a subject that is not there. */
  add(bytes: Uint8Array, start: number, end: number, subject: number): void {
    let node = 0;
    for (let at = start; at <= end; ) {
      const stop = tokenEnd(bytes, at, end);
      const hash = hashBytes(bytes, at, stop);
      let token = this.#tokens.find(bytes, at, stop, hash);
      if (token < 0) token = this.#addToken(bytes, at, stop, hash);
      const child = this.#findChild(node, token);
      node = child >= 0 ? child : this.#addChild(node, token);
      at = stop + 1;
    }
    this.#subject[node] = subject;
  }

  /** Removes a subject that is there, and the nodes that only it needed. */
  remove(bytes: Uint8Array, start: number, end: number): void {
    let node = this.#descend(bytes, start, end);
    this.#subject[node] = NONE;
    while (node !== 0 && this.#subject[node] === NONE && this.#child[node] === NONE) {
      const parent = this.#parent[node]!;
      this.#removeNode(node);
      node = parent;
    }
  }

  /** Calls `visit` with each subject that matches, in no particular order. `visit` must not change the tree. */
  match(filter: FilterTokens, visit: (subject: number) => void): void {
    this.#match(0, filter, 0, visit);
  }

  #match(node: number, filter: FilterTokens, depth: number, visit: (subject: number) => void): void {
    if (depth === filter.tokens.length) {
      if (filter.tail) this.#visitBelow(node, visit);
      else if (this.#subject[node] !== NONE) visit(this.#subject[node]!);
      return;
    }
    const token = filter.tokens[depth]!;
    if (token === null) {
      for (let child = this.#child[node]!; child !== NONE; child = this.#next[child]!) {
        this.#match(child, filter, depth + 1, visit);
      }
      return;
    }
    const id = this.#tokens.find(token, 0, token.length, hashBytes(token, 0, token.length));
    const child = id < 0 ? NONE : this.#findChild(node, id);
    if (child !== NONE) this.#match(child, filter, depth + 1, visit);
  }

  /** Everything below a node, without recursion: subjects may have hundreds of tokens. */
  #visitBelow(top: number, visit: (subject: number) => void): void {
    let node = this.#child[top]!;
    while (node !== NONE) {
      if (this.#subject[node] !== NONE) visit(this.#subject[node]!);
      if (this.#child[node] !== NONE) {
        node = this.#child[node]!;
        continue;
      }
      while (node !== top && this.#next[node] === NONE) node = this.#parent[node]!;
      if (node === top) return;
      node = this.#next[node]!;
    }
  }

  #descend(bytes: Uint8Array, start: number, end: number): number {
    let node = 0;
    for (let at = start; at <= end; ) {
      const stop = tokenEnd(bytes, at, end);
      const token = this.#tokens.find(bytes, at, stop, hashBytes(bytes, at, stop));
      node = this.#findChild(node, token);
      at = stop + 1;
    }
    return node;
  }

  #findChild(parent: number, token: number): number {
    const hash = childHash(parent, token);
    const slots = this.#children.shard(hash);
    const mask = slots.length - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const node = slots[i]! - 1;
      if (node < 0) return NONE;
      if (this.#parent[node] === parent && this.#token[node] === token) return node;
    }
  }

  #addChild(parent: number, token: number): number {
    const node = this.#freeNodes.pop() ?? this.#nodeEnd++;
    if (node >= this.#parent.length) this.#grow();
    this.#parent[node] = parent;
    this.#token[node] = token;
    this.#tokenUses[token]!++;
    const sibling = this.#child[parent]!;
    this.#next[node] = sibling;
    if (sibling !== NONE) this.#previous[sibling] = node;
    this.#child[parent] = node;
    this.#children.insert(childHash(parent, token), node);
    return node;
  }

  #removeNode(node: number): void {
    const parent = this.#parent[node]!;
    const token = this.#token[node]!;
    this.#children.remove(childHash(parent, token), node);
    const next = this.#next[node]!;
    const previous = this.#previous[node]!;
    if (previous === NONE) this.#child[parent] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#next[node] = NONE;
    this.#previous[node] = NONE;
    this.#freeNodes.push(node);
    if (--this.#tokenUses[token]! === 0) this.#tokens.release(token);
  }

  #addToken(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const token = this.#tokens.add(bytes, start, end, hash);
    if (token >= this.#tokenUses.length) this.#tokenUses = grown(this.#tokenUses, 0);
    this.#tokenUses[token] = 0;
    return token;
  }

  #grow(): void {
    this.#parent = grown(this.#parent, 0);
    this.#token = grown(this.#token, 0);
    this.#child = grown(this.#child, NONE);
    this.#next = grown(this.#next, NONE);
    this.#previous = grown(this.#previous, NONE);
    this.#subject = grown(this.#subject, NONE);
  }
}

/**
 * Whether a literal subject matches a filter.
 *
 * @param bytes - Holds the subject in `[start, end)`.
 */
export function matchesFilter(filter: FilterTokens, bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  for (const token of filter.tokens) {
    if (at > end) return false;
    const stop = tokenEnd(bytes, at, end);
    if (token !== null) {
      if (token.length !== stop - at) return false;
      for (let i = 0; i < token.length; i++) if (token[i] !== bytes[at + i]) return false;
    }
    at = stop + 1;
  }
  return filter.tail ? at <= end : at > end;
}

function tokenEnd(bytes: Uint8Array, at: number, end: number): number {
  let stop = at;
  while (stop < end && bytes[stop] !== DOT) stop++;
  return stop;
}

function childHash(parent: number, token: number): number {
  let hash = Math.imul(parent, 0x9e3779b1) ^ Math.imul(token + 1, 0x85ebca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

function grown(array: Int32Array, fill: number): Int32Array {
  const larger = new Int32Array(array.length * 2).fill(fill, array.length);
  larger.set(array);
  return larger;
}
