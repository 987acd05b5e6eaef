// A request that takes many answers, until its strategy says that it is over (ADR-47).

import type { Timer } from "@myelin/platform";
import { onAbort } from "../deferred.ts";
import { NoRespondersError } from "../errors.ts";
import type { Msg, ReceivedMsg } from "../message.ts";
import type { Runtime } from "../runtime.ts";
import type { AnswerSink } from "./mux.ts";
import type { RequestManyOptions } from "./options.ts";

const MAX_WAIT_MS = 1_000;
const STALL_MS = 300;

/** The waiting side: an iterator over the answers. Answers that nobody takes wait in it, at most as many as asked for. */
export class RequestMany implements AnswerSink, AsyncIterableIterator<Msg, undefined> {
  readonly #runtime: Runtime;
  readonly subject: string;
  check = 0;
  readonly #options: RequestManyOptions;
  readonly #forget: () => void;
  readonly #answers: Msg[] = [];
  #received = 0;
  #wake: (() => void) | null = null;
  #ended = false;
  #error: Error | null = null;
  readonly #deadline: Timer;
  #stall: Timer | null = null;
  readonly #offAbort: () => void;

  constructor(runtime: Runtime, subject: string, options: RequestManyOptions, forget: () => void) {
    this.#runtime = runtime;
    this.subject = subject;
    this.#options = options;
    this.#forget = forget;
    this.#deadline = runtime.clock.setTimer(options.maxWait ?? MAX_WAIT_MS, () => this.#end(null), true);
    this.#offAbort = onAbort(options.signal, (reason) => this.#end(reason));
  }

  answer(msg: ReceivedMsg): boolean {
    if (this.#ended) return true;
    const isEmpty = msg.bodyBytes() === 0;
    if (msg.status() === 503 && msg.data.length === 0) {
      this.#end(new NoRespondersError(this.subject));
      return true;
    }
    const { strategy, maxMessages } = this.#options;
    if (strategy === "sentinel" && isEmpty) {
      this.#end(null);
      return true;
    }
    this.#received++;
    this.#answers.push(msg);
    this.#wake?.();
    if (maxMessages !== undefined && maxMessages > 0 && this.#received >= maxMessages) this.#end(null);
    else if (strategy === "stall") this.#armStall();
    return this.#ended;
  }

  fail(error: Error): void {
    this.#end(error);
  }

  async next(): Promise<IteratorResult<Msg, undefined>> {
    for (;;) {
      const msg = this.#answers.shift();
      if (msg !== undefined) return { done: false, value: msg };
      if (this.#error !== null) {
        const error = this.#error;
        this.#error = null;
        throw error;
      }
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  return(): Promise<IteratorResult<Msg, undefined>> {
    this.#end(null);
    this.#answers.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Msg, undefined> {
    return this;
  }

  /** Begins with the first answer: until then only `maxWait` counts. */
  #armStall(): void {
    this.#stall?.cancel();
    this.#stall = this.#runtime.clock.setTimer(this.#options.stall ?? STALL_MS, () => this.#end(null), true);
  }

  #end(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#deadline.cancel();
    this.#stall?.cancel();
    this.#offAbort();
    this.#forget();
    this.#wake?.();
  }
}
