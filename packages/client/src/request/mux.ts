// One subscription for the answers of all requests: `_INBOX.<nuid>.*`, where the last token numbers the request.

import type { ReceivedMsg } from "../message.ts";

/** Takes the answers of one request. */
export interface AnswerSink {
  /** What was requested. */
  readonly subject: string;
  /** True when the request is over and its number may be forgotten. */
  answer(msg: ReceivedMsg): boolean;
  /** There will be no answer. */
  fail(error: Error): void;
}

export class RequestMux {
  /** Subject of the subscription. */
  readonly subject: string;
  readonly #prefix: string;
  readonly #prefixBytes: Uint8Array;
  readonly #waiting = new Map<number, AnswerSink>();
  readonly #watched = new Set<AnswerSink>();
  #lastNumber = 0;
  #idle: (() => void) | null = null;

  /** @param inbox - A subject that nobody can guess. */
  constructor(inbox: string) {
    this.#prefix = `${inbox}.`;
    this.#prefixBytes = new TextEncoder().encode(this.#prefix);
    this.subject = `${inbox}.*`;
  }

  /** Requests that wait, those with an inbox of their own included. */
  get size(): number {
    return this.#waiting.size + this.#watched.size;
  }

  /** Counts a request that has an inbox of its own, and fails it with the others. Returns how to stop that. */
  watch(sink: AnswerSink): () => void {
    this.#watched.add(sink);
    return () => {
      this.#watched.delete(sink);
      if (this.size === 0) this.#idle?.();
    };
  }

  /** Numbers a request; the answers to `reply` go to `sink` until {@link remove}. */
  add(sink: AnswerSink): { number: number; reply: string } {
    const number = ++this.#lastNumber;
    this.#waiting.set(number, sink);
    return { number, reply: this.#prefix + number.toString(36) };
  }

  remove(number: number): void {
    this.#waiting.delete(number);
    if (this.size === 0) this.#idle?.();
  }

  deliver(msg: ReceivedMsg): void {
    let number = msg.numberBehind(this.#prefixBytes);
    // A server may rewrite the subject on its way through accounts; with one request waiting there is no doubt.
    if (number < 0 && this.#waiting.size === 1) number = this.#waiting.keys().next().value as number;
    const sink = this.#waiting.get(number);
    if (sink?.answer(msg) === true) this.remove(number);
  }

  /** Fails the requests for one subject, or all of them. */
  fail(error: Error, subject?: string): void {
    for (const [number, sink] of [...this.#waiting]) {
      if (subject !== undefined && sink.subject !== subject) continue;
      this.remove(number);
      sink.fail(error);
    }
    for (const sink of this.#watched) if (subject === undefined || sink.subject === subject) sink.fail(error);
  }

  /** Calls `done` when no request waits. */
  whenIdle(done: () => void): void {
    if (this.size === 0) done();
    else this.#idle = done;
  }
}
