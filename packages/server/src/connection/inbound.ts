// Bytes as they come, to the parser. Called by the connection with what its duplex received.
//
// The parser always works on one contiguous piece. What a chunk leaves over is kept and put in front of the next chunk: there is
// headroom before the arena's read region for that. A larger message that is not whole is collected where it will be
// parsed, in a slab of its size, or in ordinary memory when it is too large for a slab.
//
//   arena:  | headroom ....[left over] | read region: [chunk]      |
//                           ^ parse from here      to here ^

import { type Arena, SLAB_CLASS_MAX, slabClassOf } from "@myelin/platform";
import { type ClientParser, copyOf } from "@myelin/protocol";

/** Unfinished messages of at least this size are collected; smaller ones are kept and put in front of the next chunk. */
const COLLECT_BYTES_MIN = 16 * 1024;
/** The parser may need a byte in front of what it parses. */
const LEAD_BYTES = 8;
/** Messages up to this size are collected in a slab; together with a longer MSG line they still fit one when delivered. */
const SLAB_MESSAGE_BYTES_MAX = (1 << SLAB_CLASS_MAX) - 8 * 1024;

/** The inbound side of one connection. */
export class Inbound {
  readonly #arena: Arena;
  readonly #readBuffer: Uint8Array;
  readonly #parser: ClientParser;
  /** What the chunk before left over: a slab of the arena, or ordinary memory. */
  #keptSlab = 0;
  #keptClass = 0;
  #keptLength = 0;
  #keptBytes: Uint8Array | null = null;
  /** The message being collected: where, how much of it is there, and how much it will be. */
  #collectSlab = 0;
  #collectClass = 0;
  #collectBytes: Uint8Array | null = null;
  #collected = 0;
  #collectTotal = 0;
  /** What came while the parser was suspended, in order; null, mostly. */
  #held: Uint8Array[] | null = null;

  /** @param readBuffer - The view of the arena's read region that sockets read into. */
  constructor(arena: Arena, readBuffer: Uint8Array, parser: ClientParser) {
    this.#arena = arena;
    this.#readBuffer = readBuffer;
    this.#parser = parser;
  }

  /** Parses `bytes[start, end)`, after what was left over before. */
  received(bytes: Uint8Array, start: number, end: number): void {
    const { readStart, readSize } = this.#arena;
    if (this.#parser.suspended) {
      this.#hold(bytes, start, end);
      return;
    }
    if (bytes === this.#readBuffer) {
      this.#chunk(readStart + start, readStart + end);
      return;
    }
    // Another way in: TLS, an in-process pair. Its bytes go through the read region piece by piece.
    let at = start;
    for (; at < end && !this.#parser.stopped; at += readSize) {
      const length = Math.min(readSize, end - at);
      this.#arena.bytes.set(bytes.subarray(at, at + length), readStart);
      this.#chunk(readStart, readStart + length);
    }
    if (at < end && this.#parser.suspended) this.#hold(bytes, at, end);
  }

  /** Parses what came while the parser was suspended. The owner has resumed the parser; it may be suspended again. */
  resume(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    for (const bytes of held) {
      // A stopped parser has seen to the connection's end; a suspended one has the rest held again, in order.
      if (this.#parser.stopped && !this.#parser.suspended) return;
      this.received(bytes, 0, bytes.length);
    }
  }

  /** Gives back what is held. */
  release(): void {
    this.#dropKept();
    this.#dropCollected();
    this.#held = null;
  }

  #hold(bytes: Uint8Array, start: number, end: number): void {
    this.#held ??= [];
    this.#held.push(copyOf(bytes, start, end));
  }

  /** A chunk in the read region, at these places of the arena. */
  #chunk(start: number, end: number): void {
    let from = start;
    if (this.#collectTotal > 0) {
      from += this.#collect(start, end);
      if (from === end) return;
    }
    if (this.#keptLength > 0) {
      if (this.#keptLength > this.#arena.headroom - LEAD_BYTES) {
        this.#parseLong(from, end);
        return;
      }
      from = this.#putKeptInFront(from);
    }
    const { bytes } = this.#arena;
    const rest = this.#parser.feed(bytes, from, end);
    if (rest < end) this.#keep(bytes, rest, end);
  }

  /** Keeps an unfinished operation, `bytes[rest, end)`. */
  #keep(bytes: Uint8Array, rest: number, end: number): void {
    if (this.#parser.suspended) {
      this.#hold(bytes, rest, end);
      return;
    }
    const needed = this.#parser.needed;
    if (needed >= COLLECT_BYTES_MIN) {
      this.#beginCollecting(bytes, rest, end, needed);
      return;
    }
    const length = end - rest;
    const sizeClass = slabClassOf(length);
    const slab = sizeClass > SLAB_CLASS_MAX || bytes !== this.#arena.bytes ? 0 : this.#arena.take(sizeClass);
    this.#keptLength = length;
    if (slab === 0) {
      this.#keptBytes = copyOf(bytes, rest, end);
      return;
    }
    this.#keptSlab = slab;
    this.#keptClass = sizeClass;
    this.#arena.copy(slab, rest, length);
  }

  #putKeptInFront(start: number): number {
    const from = start - this.#keptLength;
    if (this.#keptBytes !== null) this.#arena.bytes.set(this.#keptBytes, from);
    else this.#arena.copy(from, this.#keptSlab, this.#keptLength);
    this.#dropKept();
    return from;
  }

  /** What was left over is too long for the headroom (a very large `max_control_line`): join in ordinary memory. */
  #parseLong(start: number, end: number): void {
    const kept = this.#keptBytes ?? copyOf(this.#arena.bytes, this.#keptSlab, this.#keptSlab + this.#keptLength);
    const joined = Buffer.allocUnsafeSlow(LEAD_BYTES + kept.length + (end - start));
    joined.set(kept, LEAD_BYTES);
    joined.set(this.#arena.bytes.subarray(start, end), LEAD_BYTES + kept.length);
    this.#dropKept();
    const rest = this.#parser.feed(joined, LEAD_BYTES, joined.length);
    if (rest < joined.length) this.#keep(joined, rest, joined.length);
  }

  #beginCollecting(bytes: Uint8Array, rest: number, end: number, total: number): void {
    const size = LEAD_BYTES + total;
    const slab = total > SLAB_MESSAGE_BYTES_MAX ? 0 : this.#arena.take(slabClassOf(size));
    this.#collectTotal = total;
    this.#collected = end - rest;
    if (slab === 0) {
      this.#collectBytes = Buffer.allocUnsafeSlow(size);
      this.#collectBytes.set(bytes.subarray(rest, end), LEAD_BYTES);
      return;
    }
    this.#collectSlab = slab;
    this.#collectClass = slabClassOf(size);
    this.#arena.bytes.set(bytes.subarray(rest, end), slab + LEAD_BYTES);
  }

  /** Takes what the message being collected still lacks, and parses it once it is whole. Returns how much was taken. */
  #collect(start: number, end: number): number {
    const taken = Math.min(end - start, this.#collectTotal - this.#collected);
    const bytes = this.#collectBytes;
    if (bytes === null) this.#arena.copy(this.#collectSlab + LEAD_BYTES + this.#collected, start, taken);
    else bytes.set(this.#arena.bytes.subarray(start, start + taken), LEAD_BYTES + this.#collected);
    this.#collected += taken;
    if (this.#collected === this.#collectTotal) this.#parseCollected();
    return taken;
  }

  #parseCollected(): void {
    const bytes = this.#collectBytes ?? this.#arena.bytes;
    const from = this.#collectSlab + LEAD_BYTES;
    this.#parser.feed(bytes, from, from + this.#collectTotal, this.#collectBytes !== null);
    this.#dropCollected();
  }

  #dropKept(): void {
    if (this.#keptSlab !== 0) this.#arena.give(this.#keptSlab, this.#keptClass);
    this.#keptSlab = 0;
    this.#keptBytes = null;
    this.#keptLength = 0;
  }

  #dropCollected(): void {
    if (this.#collectSlab !== 0) this.#arena.give(this.#collectSlab, this.#collectClass);
    this.#collectSlab = 0;
    this.#collectBytes = null;
    this.#collected = 0;
    this.#collectTotal = 0;
  }
}
