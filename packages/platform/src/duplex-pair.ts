// Two duplexes joined back to back inside this process: what a client attached without a socket talks through.
//
// Bytes are copied at `write`, so the writer has its buffer back at once, and arrive in a later microtask, so that neither
// side is ever called from inside its own call. Writes that come before that arrive together, as they would from a socket.
// A side that is paused, or far behind, makes the other's `write` return false.
//
//   peer.write -> | filling: what has been written        |    swapped at each delivery: the steady state allocates nothing
//                 | delivering: what the owner reads now  | -> sink.received

import type { Duplex, DuplexSink } from "./network.ts";

/** Bytes on their way to one side, above which the other side's `write` returns false. */
const IN_FLIGHT_BYTES_MAX = 1024 * 1024;
/** A side's buffers begin with this size; a quiet connection needs no more. */
const BUFFER_BYTES_MIN = 1024;
/** A larger buffer is let go once it is empty. */
const KEPT_BYTES_MAX = 64 * 1024;

const NO_BYTES = new Uint8Array(0);

class PairEnd implements Duplex {
  readonly remote: null = null;
  readonly local: null = null;
  readonly transport = "in-process";
  /** Set by `duplexPair` right after construction. */
  peer!: PairEnd;

  #sink: DuplexSink | null = null;
  #filling: Uint8Array = NO_BYTES;
  #filled = 0;
  #delivering: Uint8Array = NO_BYTES;
  #paused = false;
  #scheduled = false;
  #peerEnded = false;
  #endTold = false;
  #closed = false;
  #closeTold = false;
  /** Our last write returned false and `written` has not come yet. */
  #owesWritten = false;
  readonly #run: () => void;

  constructor() {
    this.#run = () => this.#deliver();
  }

  open(sink: DuplexSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  write(bytes: Uint8Array): boolean {
    const { peer } = this;
    if (this.#closed || peer.#closed) return true;
    peer.#take(bytes);
    if (peer.#filled <= IN_FLIGHT_BYTES_MAX) return true;
    this.#owesWritten = true;
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  close(): void {
    this.#finish();
    this.peer.#peerEnded = true;
    this.peer.#schedule();
  }

  destroy(): void {
    this.#finish();
    this.peer.#filled = 0;
    this.peer.#peerEnded = true;
    this.peer.#schedule();
  }

  #take(bytes: Uint8Array): void {
    const filled = this.#filled + bytes.length;
    if (filled > this.#filling.length) this.#grow(filled);
    this.#filling.set(bytes, this.#filled);
    this.#filled = filled;
    if (!this.#scheduled) this.#schedule();
  }

  #grow(size: number): void {
    const larger = new Uint8Array(Math.max(BUFFER_BYTES_MIN, 1 << (32 - Math.clz32(size - 1))));
    if (this.#filled > 0) larger.set(this.#filling.subarray(0, this.#filled));
    this.#filling = larger;
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#filled = 0;
    this.#filling = NO_BYTES;
    this.#delivering = NO_BYTES;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#sink === null) return;
    this.#scheduled = true;
    queueMicrotask(this.#run);
  }

  #deliver(): void {
    this.#scheduled = false;
    const sink = this.#sink as DuplexSink;
    if (this.#filled > 0 && !this.#paused) this.#deliverBytes(sink);
    if (this.#closed) this.#tellClosed(sink);
    else if (this.#peerEnded && !this.#endTold && this.#filled === 0) {
      this.#endTold = true;
      sink.ended();
    }
  }

  #deliverBytes(sink: DuplexSink): void {
    const bytes = this.#filling;
    const size = this.#filled;
    this.#filling = this.#delivering;
    this.#delivering = bytes;
    this.#filled = 0;
    if (this.peer.#owesWritten) this.peer.#tellWritten();
    // What arrives meanwhile is filled into the other buffer and waits for a microtask of its own: two busy sides take turns.
    sink.received(bytes, 0, size);
    if (bytes.length > KEPT_BYTES_MAX) this.#delivering = NO_BYTES;
  }

  #tellWritten(): void {
    this.#owesWritten = false;
    queueMicrotask(() => {
      if (!this.#closed) this.#sink?.written();
    });
  }

  #tellClosed(sink: DuplexSink): void {
    if (this.#closeTold) return;
    this.#closeTold = true;
    sink.closed(null);
  }
}

/**
 * Makes two ends of one in-process connection. What is written to one arrives at the other.
 *
 * @returns Both ends, alike; each needs to be opened by its owner.
 */
export function duplexPair(): [Duplex, Duplex] {
  const a = new PairEnd();
  const b = new PairEnd();
  a.peer = b;
  b.peer = a;
  return [a, b];
}
