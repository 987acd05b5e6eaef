// Sends the slices of a batch over and over until a number of messages is out, then a PING to learn that they were read.

import type { LoadConnection } from "./connection.ts";

export class Publisher {
  readonly connection: LoadConnection;
  /** The server has read everything up to the end of this part. */
  onConfirmed: () => void = () => undefined;
  /** Bytes of this part that were handed to the socket. */
  sentBytes = 0;
  isConfirmed = true;
  readonly #slices: readonly Buffer[];
  readonly #messageBytes: number;
  #slice = 0;
  /** Where in the slice the next write begins: a part may end inside one. */
  #from = 0;
  #totalBytes = 0;
  #pongOwed = false;

  constructor(connection: LoadConnection, slices: readonly Buffer[], messageBytes: number) {
    this.connection = connection;
    this.#slices = slices;
    this.#messageBytes = messageBytes;
    connection.onPong = () => this.#confirmed();
    connection.onPing = () => this.#answerPing();
  }

  /** Begins a part of `count` messages, behind the last part in the batch. */
  start(count: number): void {
    this.sentBytes = 0;
    this.#totalBytes = count * this.#messageBytes;
    this.isConfirmed = false;
  }

  /** There is something left to send and the socket takes it. */
  get canPublish(): boolean {
    return this.sentBytes < this.#totalBytes && !this.connection.isBlocked;
  }

  /** Writes once, if it can. @returns Bytes written. */
  publish(): number {
    if (!this.canPublish) return 0;
    const slice = this.#slices[this.#slice]!;
    const left = this.#totalBytes - this.sentBytes;
    const whole = this.#from === 0 && slice.length <= left;
    const bytes = whole ? slice : slice.subarray(this.#from, Math.min(slice.length, this.#from + left));
    this.#from += bytes.length;
    if (this.#from === slice.length) {
      this.#from = 0;
      this.#slice = (this.#slice + 1) % this.#slices.length;
    }
    this.sentBytes += bytes.length;
    this.connection.write(bytes);
    if (this.sentBytes === this.#totalBytes) {
      this.connection.ping();
      if (this.#pongOwed) this.#answerPing();
    }
    return bytes.length;
  }

  /** A write may end inside a message, where a PONG would be payload: while a part is sent, it waits for the end. */
  #answerPing(): void {
    this.#pongOwed = this.sentBytes < this.#totalBytes;
    if (!this.#pongOwed) this.connection.pong();
  }

  #confirmed(): void {
    this.isConfirmed = true;
    this.onConfirmed();
  }
}
