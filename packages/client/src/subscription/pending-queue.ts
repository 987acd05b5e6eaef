// Messages that wait for their reader: first in, first out, counted in messages and bytes.

import type { ReceivedMsg } from "../message.ts";

/** Freed slots in front are given back when there are this many and they are half of the array. */
const COMPACT_MIN = 1024;

/** A queue of received messages. Adding and taking cost no allocation apart from the array's growth. */
export class PendingQueue {
  #items: Array<ReceivedMsg | null> = [];
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Bytes of headers and payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  push(msg: ReceivedMsg): void {
    this.#items.push(msg);
    this.#bytes += msg.bodyBytes();
  }

  shift(): ReceivedMsg | null {
    if (this.#head === this.#items.length) return null;
    const msg = this.#items[this.#head] as ReceivedMsg;
    this.#items[this.#head++] = null;
    this.#bytes -= msg.bodyBytes();
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_MIN && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return msg;
  }

  /** Drops everything; returns how many messages that were. */
  clear(): number {
    const dropped = this.length;
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
    return dropped;
  }
}
