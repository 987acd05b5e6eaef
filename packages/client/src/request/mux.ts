// One subscription for the answers of all requests: `_INBOX.<nuid>.*`, where the last token belongs to one request.

import type { ReceivedMsg } from "../message.ts";
import type { RequestTokens } from "./request-tokens.ts";

/** Takes the answers of one request. */
export interface AnswerSink {
  /** The part of its token that answers have to have beside the key; the mux sets it. */
  check: number;
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
  readonly #tokens: RequestTokens;
  readonly #token = { key: 0, check: 0 };
  #idle: (() => void) | null = null;

  /** @param inbox - A subject that nobody can guess. */
  constructor(inbox: string, tokens: RequestTokens) {
    this.#tokens = tokens;
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

  /** Gives a request a token; the answers to `reply` go to `sink` until {@link remove}. */
  add(sink: AnswerSink): { key: number; reply: string } {
    let token = this.#tokens.next();
    while (this.#waiting.has(token.key)) token = this.#tokens.next();
    sink.check = token.check;
    this.#waiting.set(token.key, sink);
    return { key: token.key, reply: this.#prefix + token.text };
  }

  remove(key: number): void {
    this.#waiting.delete(key);
    if (this.size === 0) this.#idle?.();
  }

  deliver(msg: ReceivedMsg): void {
    const token = this.#token;
    if (!msg.readToken(this.#prefixBytes, token)) {
      // A server may rewrite the subject on its way through accounts; with one request waiting there is no doubt.
      if (this.#waiting.size === 1) for (const [key, sink] of this.#waiting) if (sink.answer(msg)) this.remove(key);
      return;
    }
    const sink = this.#waiting.get(token.key);
    if (sink?.check === token.check && sink.answer(msg)) this.remove(token.key);
  }

  /** Fails the requests for one subject, or all of them. */
  fail(error: Error, subject?: string): void {
    for (const [key, sink] of [...this.#waiting]) {
      if (subject !== undefined && sink.subject !== subject) continue;
      this.remove(key);
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
