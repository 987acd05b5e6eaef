// Publishers that send prepared batches as fast as the window lets them, and subscribers that count.
//
// A part (the warm-up, then the measured part) is over when every publisher has had its PONG, so the server has read all of
// it, and every subscriber has received all of its messages.

import { BenchError } from "../errors.ts";
import { deliveredShape, prepareBatch, SID, sliceBatch } from "./bytes.ts";
import { createReadBuffer, LoadConnection } from "./connection.ts";
import { MessageCounter } from "./message-counter.ts";
import { Publisher } from "./publisher.ts";
import { startSampling } from "./sampler.ts";
import type { LoadResult, LoadSpec, StreamLoad } from "./spec.ts";

const SEED = 12345;

interface Subscriber {
  readonly connection: LoadConnection;
  readonly counter: MessageCounter;
}

/** Runs the load; rejects through `fail` when a connection breaks or a byte is wrong. */
export async function runStream(spec: LoadSpec, load: StreamLoad, fail: (error: Error) => void): Promise<LoadResult> {
  const stream = new Stream(load, fail);
  await stream.open(spec);
  await stream.run(spec.warmupCount);
  const end = startSampling(spec.target);
  const { published, delivered } = await stream.run(spec.count);
  const measured = end();
  stream.close();
  return {
    ...measured,
    count: published,
    deliveries: delivered,
    p50Micros: null,
    p99Micros: null,
    kibPerConnection: null,
  };
}

class Stream {
  readonly #load: StreamLoad;
  readonly #fail: (error: Error) => void;
  readonly #publishers: Publisher[] = [];
  readonly #subscribers: Subscriber[] = [];
  readonly #messageBytes: number;
  readonly #slices: Buffer[];
  /** Messages published before this part. */
  #before = 0;
  /** Messages that this part publishes. */
  #count = 0;
  /** The publisher whose turn it is. */
  #next = 0;
  #turnPlanned = false;
  #finish: (() => void) | null = null;
  readonly #turn = (): void => this.#publishTurn();

  constructor(load: StreamLoad, fail: (error: Error) => void) {
    this.#load = load;
    this.#fail = fail;
    const batch = prepareBatch(load, SEED);
    this.#messageBytes = batch.messageBytes;
    this.#slices = sliceBatch(batch, load.writeBytesMax);
  }

  async open(spec: LoadSpec): Promise<void> {
    const readBuffer = createReadBuffer();
    const { filter, queueGroup } = this.#load;
    const subscribe = `SUB ${filter} ${queueGroup === null ? "" : `${queueGroup} `}${SID}\r\n`;
    for (let i = 0; i < this.#load.subscribers; i++)
      this.#addSubscriber(await LoadConnection.open(spec.target, readBuffer, subscribe, this.#fail));
    for (let i = 0; i < this.#load.publishers; i++)
      this.#addPublisher(await LoadConnection.open(spec.target, readBuffer, "", this.#fail));
  }

  /** Publishes about `count` messages (the same number by every publisher) and waits until all have arrived. */
  run(count: number): Promise<{ published: number; delivered: number }> {
    const each = Math.max(1, Math.round(count / this.#publishers.length));
    const receivedBefore = this.#received();
    this.#before += this.#count;
    this.#count = each * this.#publishers.length;
    for (const publisher of this.#publishers) publisher.start(each);
    return new Promise((resolve) => {
      this.#finish = () => resolve({ published: this.#count, delivered: this.#received() - receivedBefore });
      this.#planTurn();
    });
  }

  close(): void {
    for (const { connection } of this.#subscribers) connection.close();
    for (const publisher of this.#publishers) publisher.connection.close();
  }

  #addSubscriber(connection: LoadConnection): void {
    const ordered = this.#load.publishers === 1 && this.#load.queueGroup === null;
    const counter = new MessageCounter(deliveredShape(this.#load), ordered, (line) => connection.takeControl(line));
    connection.onChunk = (chunk, length) => {
      counter.take(chunk, length);
      this.#planTurn();
    };
    this.#subscribers.push({ connection, counter });
  }

  #addPublisher(connection: LoadConnection): void {
    const publisher = new Publisher(connection, this.#slices, this.#messageBytes);
    connection.onWritten = () => this.#planTurn();
    publisher.onConfirmed = () => this.#planTurn();
    this.#publishers.push(publisher);
  }

  #planTurn(): void {
    if (this.#turnPlanned || this.#finish === null) return;
    this.#turnPlanned = true;
    setImmediate(this.#turn);
  }

  /** One write by every publisher that may; the event loop reads what has come in between two turns. */
  #publishTurn(): void {
    this.#turnPlanned = false;
    let wantsMore = false;
    let allowance = this.#allowanceBytes();
    for (let tried = 0; tried < this.#publishers.length && allowance > 0; tried++) {
      // Who comes next is remembered: with a window of few messages, the first publishers would send them all.
      const publisher = this.#publishers[this.#next]!;
      this.#next = (this.#next + 1) % this.#publishers.length;
      allowance -= publisher.publish();
      if (publisher.canPublish) wantsMore = true;
    }
    if (wantsMore && allowance > 0) this.#planTurn();
    else this.#finishIfDone();
  }

  /** Bytes that may be published before the slowest subscriber must have received more. */
  #allowanceBytes(): number {
    if (this.#subscribers.length === 0) return Number.POSITIVE_INFINITY;
    let sentBytes = this.#before * this.#messageBytes;
    for (const publisher of this.#publishers) sentBytes += publisher.sentBytes;
    return this.#load.windowBytes - (sentBytes - this.#arrived() * this.#messageBytes);
  }

  /** Messages that every subscriber has, or the queue group together. */
  #arrived(): number {
    if (this.#load.queueGroup !== null) return this.#received();
    let least = Number.POSITIVE_INFINITY;
    for (const { counter } of this.#subscribers) if (counter.messages < least) least = counter.messages;
    return least;
  }

  #received(): number {
    let sum = 0;
    for (const { counter } of this.#subscribers) sum += counter.messages;
    return sum;
  }

  #finishIfDone(): void {
    if (this.#finish === null) return;
    for (const publisher of this.#publishers) if (!publisher.isConfirmed) return;
    const copies = this.#load.queueGroup === null ? this.#subscribers.length : Math.min(1, this.#subscribers.length);
    const expected = (this.#before + this.#count) * copies;
    const received = this.#received();
    if (received < expected) return;
    const finish = this.#finish;
    this.#finish = null;
    if (received === expected) finish();
    else this.#fail(new BenchError("LOAD_FAILED", `Subscribers received ${received} messages of ${expected} sent.`));
  }
}
