// What waits to be sent to one connection. Filled by connection/client-delivery.ts, emptied by the flush queue.
//
//   [sealed chunk] [sealed chunk] ... [ slab: base ... at ... cap ]
//    being sent     waiting            being filled
//
// Messages are written straight into a slab of the arena. At the end of the turn, or when 64 KiB have come together, the slab
// goes to the duplex in one write; if that took it whole, as it mostly does, the slab goes back to the pool. Otherwise the
// connection is blocked: the slab stays with the duplex, and what comes meanwhile is filled into further ones.
//
// `cap` is the slab's end, or less: it also stands for the next threshold of pending bytes. The message path compares with
// `cap` only; everything else happens in `reserve`, once per slab.
//
// Invariants: bytes are sent in the order in which they were added; at most one write is under way; a slab is given back
// only when nobody reads from it any more; every byte of a slab that is sent was written since it was taken.

import { type Arena, type Clock, type Duplex, SLAB_CLASS_MAX, slabClassOf, type Timer } from "@myelin/platform";
import { copyOf } from "@myelin/protocol";
import type { Flushable, FlushQueue } from "./flush-queue.ts";

/** A slab is sent when this much is in it. More at once gains nothing, less costs system calls. */
const FLUSH_BYTES = 64 * 1024;
/** First slab of a turn, 16 KiB: small, because a fan-out takes one for each receiver at the same time. */
const FIRST_SLAB_CLASS = 14;
/** A blocked connection keeps this many full slabs of the arena; what comes after is moved to ordinary memory. */
const SEALED_SLABS_MAX = 8;

/** What the outbound side tells its connection. */
export interface OutboundOwner {
  /** More is waiting than may be, or a write took too long: the connection has to be closed, soon and without flushing. */
  slowConsumer(reason: "SLOW_CONSUMER_PENDING_BYTES" | "SLOW_CONSUMER_WRITE_DEADLINE"): void;
  /** Fewer bytes than the stall threshold are waiting again: producers that were made to wait may go on. */
  caughtUp(): void;
  /** Everything has been handed to the duplex, and nothing is waiting. */
  drained(): void;
  /** So many messages, and bytes of headers and payload, were sent or have begun to be sent. */
  sent(msgs: number, bytes: number): void;
}

/** Limits of one outbound side. */
export interface OutboundLimits {
  readonly maxPendingBytes: number;
  readonly writeDeadlineMs: number;
}

/** A part of the output that is complete: a slab of the arena (`slab` is its offset), or ordinary memory (`slab` is 0). */
interface Chunk {
  readonly bytes: Uint8Array;
  readonly slab: number;
  readonly sizeClass: number;
}

/** The outbound side of one connection. `at` and `cap` are open to the message path; nothing else is to be touched from outside. */
export class Outbound implements Flushable {
  /** Where the next byte goes in the arena, and how far the message path may go without asking. */
  at = 0;
  cap = 0;
  /** More than three quarters of what may wait is waiting: producers are made to wait a little. */
  congested = false;
  queuedForFlush = false;
  /** Messages and bytes added since the last flush; added to by the message path. */
  turnMsgs = 0;
  turnBytes = 0;

  readonly #arena: Arena;
  readonly #flushQueue: FlushQueue;
  readonly #duplex: Duplex;
  readonly #clock: Clock;
  #limits: OutboundLimits;
  readonly #owner: OutboundOwner;
  #slab = 0;
  #sizeClass = 0;
  /** The write under way; null when the duplex has taken everything it was given. */
  #writing: Chunk | null = null;
  #sealed: Chunk[] = [];
  /** Bytes in the write under way and in sealed chunks. */
  #sealedBytes = 0;
  #sealedSlabs = 0;
  /** Bytes that still belong to what waited when the deadline was set. */
  #deadlineBytes = 0;
  #deadline: Timer | null = null;
  #closed = false;

  constructor(
    arena: Arena,
    flushQueue: FlushQueue,
    duplex: Duplex,
    clock: Clock,
    limits: OutboundLimits,
    owner: OutboundOwner,
  ) {
    this.#arena = arena;
    this.#flushQueue = flushQueue;
    this.#duplex = duplex;
    this.#clock = clock;
    this.#limits = limits;
    this.#owner = owner;
  }

  /** Other limits from now on. A write that is under way keeps the deadline that it was given. */
  set limits(limits: OutboundLimits) {
    this.#limits = limits;
    this.#setCap();
  }

  /** Bytes that were added and that the duplex has not taken. */
  get pendingBytes(): number {
    return this.#sealedBytes + (this.at - this.#slab);
  }

  /** Whether the duplex is busy with an earlier write. */
  get blocked(): boolean {
    return this.#writing !== null;
  }

  /**
   * Makes room for `size` bytes in one piece at {@link at}. Called by the message path when they do not fit under {@link cap}.
   *
   * @returns False when there is no such piece: the connection is closing, or the arena cannot give a slab of that size.
   *   In the latter case {@link append} still works.
   */
  reserve(size: number): boolean {
    if (this.#closed || !this.#admit(size)) return false;
    const used = this.at - this.#slab;
    if (this.#slab !== 0 && this.at + size <= this.#slab + (1 << this.#sizeClass)) {
      this.#setCap();
      return true;
    }
    if (this.#slab !== 0 && used + size <= FLUSH_BYTES) return this.#grow(used + size);
    if (!this.blocked) this.flush();
    if (this.#slab !== 0) this.#seal();
    return this.#take(size);
  }

  /**
   * Adds bytes from anywhere: copied, so they may be changed afterwards. For everything but messages on their fast path.
   *
   * @returns False when the connection is closing and nothing was added.
   */
  append(bytes: Uint8Array, start: number = 0, end: number = bytes.length): boolean {
    const size = end - start;
    if (this.at + size > this.cap && !this.#fits(size)) {
      if (this.#closed) return false;
      this.appendOwned(copyOf(bytes, start, end));
      return !this.#closed;
    }
    this.#arena.bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.at);
    this.at += size;
    this.queueFlush();
    return true;
  }

  /**
   * Adds bytes without copying them: they must not change any more. For large payloads, which all receivers share.
   */
  appendOwned(bytes: Uint8Array): void {
    if (this.#closed || !this.#admit(bytes.length)) return;
    if (this.at > this.#slab) this.#seal();
    this.#sealed.push({ bytes, slab: 0, sizeClass: 0 });
    this.#sealedBytes += bytes.length;
    this.#setCap();
    this.queueFlush();
  }

  /** Has this flushed at the end of the turn. */
  queueFlush(): void {
    if (!this.queuedForFlush) this.#flushQueue.add(this);
  }

  /** Sends what can be sent now. */
  flush(): void {
    if (this.turnMsgs > 0) {
      this.#owner.sent(this.turnMsgs, this.turnBytes);
      this.turnMsgs = 0;
      this.turnBytes = 0;
    }
    if (this.#closed || this.#writing !== null) return;
    if (this.#sealed.length > 0) {
      if (this.at > this.#slab) this.#seal();
      this.#sendSealed();
      return;
    }
    const size = this.at - this.#slab;
    if (size === 0) return;
    if (this.#duplex.write(this.#arena.bytes.subarray(this.#slab, this.at))) {
      this.#release();
      this.#owner.drained();
      return;
    }
    this.#writing = this.#slabChunk();
    this.#sealedBytes += size;
    this.#forgetSlab();
    this.#startDeadline();
  }

  /** The duplex has taken the write that was under way. */
  written(): void {
    const chunk = this.#writing;
    if (chunk === null) return;
    this.#writing = null;
    this.#discharge(chunk);
    this.#sendSealed();
    if (this.#writing === null) this.flush();
    this.#easeCongestion();
    this.#setCap();
  }

  /** Takes nothing more. What the duplex still reads from stays taken until {@link release}. */
  close(): void {
    this.#closed = true;
    this.cap = 0;
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  /** The duplex is gone: gives every slab back. */
  release(): void {
    this.close();
    if (this.#writing !== null) this.#giveBack(this.#writing);
    for (const chunk of this.#sealed) this.#giveBack(chunk);
    this.#writing = null;
    this.#sealed = [];
    this.#sealedBytes = 0;
    if (this.#slab !== 0) this.#release();
    this.at = 0;
    this.cap = 0;
  }

  /** Whether so many more bytes may wait; makes producers wait, or the connection close, where a threshold is passed. */
  #admit(size: number): boolean {
    const { maxPendingBytes } = this.#limits;
    const threshold = stallThreshold(maxPendingBytes);
    if (this.pendingBytes + size <= threshold) return true;
    // Nothing that could be sent counts as waiting.
    if (this.#writing === null) this.flush();
    const pending = this.pendingBytes + size;
    if (pending > maxPendingBytes) {
      this.close();
      this.#owner.slowConsumer("SLOW_CONSUMER_PENDING_BYTES");
      return false;
    }
    if (pending > threshold) this.congested = true;
    return true;
  }

  /** Whether `size` bytes fit into one slab at all, and room for them could be made. */
  #fits(size: number): boolean {
    return slabClassOf(size) <= SLAB_CLASS_MAX && this.reserve(size);
  }

  #take(size: number): boolean {
    const first = this.blocked ? slabClassOf(FLUSH_BYTES) : FIRST_SLAB_CLASS;
    const sizeClass = Math.max(first, slabClassOf(size));
    const slab = sizeClass > SLAB_CLASS_MAX ? 0 : this.#arena.take(sizeClass);
    if (slab === 0) return false;
    this.#slab = slab;
    this.#sizeClass = sizeClass;
    this.at = slab;
    this.#setCap();
    return true;
  }

  /** Moves to a larger slab, with what there is. */
  #grow(size: number): boolean {
    const used = this.at - this.#slab;
    const sizeClass = slabClassOf(size);
    const slab = this.#arena.take(sizeClass);
    if (slab === 0) return false;
    this.#arena.copy(slab, this.#slab, used);
    this.#arena.give(this.#slab, this.#sizeClass);
    this.#slab = slab;
    this.#sizeClass = sizeClass;
    this.at = slab + used;
    this.#setCap();
    return true;
  }

  /** The slab takes no more: it waits its turn, in the arena or, when there are many already, in ordinary memory. */
  #seal(): void {
    const size = this.at - this.#slab;
    if (size > 0) {
      this.#sealedBytes += size;
      if (this.#sealedSlabs >= SEALED_SLABS_MAX) {
        this.#sealed.push({ bytes: copyOf(this.#arena.bytes, this.#slab, this.at), slab: 0, sizeClass: 0 });
        this.#arena.give(this.#slab, this.#sizeClass);
      } else {
        this.#sealedSlabs++;
        this.#sealed.push(this.#slabChunk());
      }
    } else if (this.#slab !== 0) {
      this.#arena.give(this.#slab, this.#sizeClass);
    }
    this.#forgetSlab();
  }

  #sendSealed(): void {
    let next = 0;
    const sealed = this.#sealed;
    while (next < sealed.length && this.#writing === null && !this.#closed) {
      const chunk = sealed[next++] as Chunk;
      if (chunk.slab !== 0) this.#sealedSlabs--;
      if (this.#duplex.write(chunk.bytes)) this.#discharge(chunk);
      else this.#writing = chunk;
    }
    if (next > 0) this.#sealed = sealed.slice(next);
    if (this.#writing !== null) this.#startDeadline();
    else if (this.pendingBytes === 0 && !this.#closed) this.#owner.drained();
  }

  /** A chunk has been taken by the duplex. */
  #discharge(chunk: Chunk): void {
    this.#sealedBytes -= chunk.bytes.length;
    this.#giveBack(chunk);
    this.#deadlineBytes -= chunk.bytes.length;
    if (this.#deadlineBytes <= 0) {
      this.#deadline?.cancel();
      this.#deadline = null;
    }
  }

  #giveBack(chunk: Chunk): void {
    if (chunk.slab !== 0) this.#arena.give(chunk.slab, chunk.sizeClass);
  }

  /** What waits now has to be gone within the write deadline; what is added later gets a deadline of its own after that. */
  #startDeadline(): void {
    if (this.#deadline !== null || this.#closed) return;
    this.#deadlineBytes = this.#sealedBytes;
    this.#deadline = this.#clock.setTimer(this.#limits.writeDeadlineMs, () => {
      this.#deadline = null;
      if (this.#closed) return;
      this.close();
      this.#owner.slowConsumer("SLOW_CONSUMER_WRITE_DEADLINE");
    });
  }

  #easeCongestion(): void {
    if (!this.congested || this.pendingBytes > stallThreshold(this.#limits.maxPendingBytes)) return;
    this.congested = false;
    this.#owner.caughtUp();
  }

  #setCap(): void {
    if (this.#slab === 0 || this.#closed) {
      this.cap = 0;
      return;
    }
    const { maxPendingBytes } = this.#limits;
    const allowed = (this.congested ? maxPendingBytes : stallThreshold(maxPendingBytes)) - this.#sealedBytes;
    this.cap = Math.min(this.#slab + (1 << this.#sizeClass), this.#slab + allowed);
  }

  #slabChunk(): Chunk {
    return {
      bytes: this.#arena.bytes.subarray(this.#slab, this.at),
      slab: this.#slab,
      sizeClass: this.#sizeClass,
    };
  }

  #release(): void {
    this.#arena.give(this.#slab, this.#sizeClass);
    this.#forgetSlab();
  }

  #forgetSlab(): void {
    this.#slab = 0;
    this.at = 0;
    this.cap = 0;
  }
}

/** Where producers begin to be stalled (client.go queueOutbound). */
function stallThreshold(maxPendingBytes: number): number {
  return Math.floor(maxPendingBytes / 4) * 3;
}
