// Two duplexes joined back to back inside this process: what a client attached without a socket talks through.
//
// Bytes are copied at `write`, so the writer has its buffer back at once, and arrive in a later microtask, so that neither
// side is ever called from inside its own call. A side that is paused, or far behind, makes the other's `write` return false.

import type { Duplex, DuplexSink } from "./network.ts";

/** Bytes on their way to one side, above which the other side's `write` returns false. */
const IN_FLIGHT_BYTES_MAX = 1024 * 1024;

class PairEnd implements Duplex {
  readonly remote: null = null;
  readonly local: null = null;
  readonly transport = "in-process";
  /** Set by `duplexPair` right after construction. */
  peer!: PairEnd;

  #sink: DuplexSink | null = null;
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #paused = false;
  #scheduled = false;
  #peerEnded = false;
  #endTold = false;
  #closed = false;
  #error: Error | null = null;
  #closeTold = false;
  /** Our last write returned false and `written` has not come yet. */
  #owesWritten = false;

  open(sink: DuplexSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.peer.#closed) return true;
    // Not slice(): a Buffer's would be a view of the writer's bytes.
    this.peer.#inbox.push(new Uint8Array(bytes));
    this.peer.#inboxBytes += bytes.length;
    this.peer.#schedule();
    if (this.peer.#inboxBytes <= IN_FLIGHT_BYTES_MAX) return true;
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
    this.#finish(null);
    this.peer.#peerEnded = true;
    this.peer.#schedule();
  }

  destroy(): void {
    this.#finish(null);
    this.peer.#inbox.length = 0;
    this.peer.#inboxBytes = 0;
    this.peer.#peerEnded = true;
    this.peer.#schedule();
  }

  #finish(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#sink === null) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const sink = this.#sink as DuplexSink;
    // What arrives while we deliver waits for a microtask of its own: two busy sides take turns.
    const batch = this.#inbox;
    if (!this.#paused && batch.length > 0) {
      this.#inbox = [];
      for (let i = 0; i < batch.length && !this.#closed; i++) {
        if (this.#paused) {
          this.#inbox = batch.slice(i).concat(this.#inbox);
          break;
        }
        const bytes = batch[i] as Uint8Array;
        this.#inboxBytes -= bytes.length;
        sink.received(bytes, 0, bytes.length);
      }
      if (this.#inboxBytes <= IN_FLIGHT_BYTES_MAX) this.peer.#tellWritten();
    }
    if (this.#closed) this.#tellClosed(sink);
    else if (this.#peerEnded && !this.#endTold && this.#inbox.length === 0) {
      this.#endTold = true;
      sink.ended();
    }
  }

  #tellWritten(): void {
    if (!this.#owesWritten) return;
    this.#owesWritten = false;
    queueMicrotask(() => {
      if (!this.#closed) this.#sink?.written();
    });
  }

  #tellClosed(sink: DuplexSink): void {
    if (this.#closeTold) return;
    this.#closeTold = true;
    sink.closed(this.#error);
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
