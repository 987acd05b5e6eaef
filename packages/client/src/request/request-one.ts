// A request that takes the first answer.

import type { Timer } from "@myelin/platform";
import { onAbort } from "../deferred.ts";
import { NoRespondersError, RequestError, TimeoutError } from "../errors.ts";
import type { Msg, ReceivedMsg } from "../message.ts";
import type { Runtime } from "../runtime.ts";
import type { AnswerSink } from "./mux.ts";

/** The waiting side of one request. */
export class RequestOne implements AnswerSink {
  readonly promise: Promise<Msg>;
  readonly subject: string;
  check = 0;
  #resolve!: (msg: Msg) => void;
  #reject!: (error: unknown) => void;
  #timer: Timer;
  readonly #offAbort: () => void;
  #done = false;
  readonly #forget: () => void;

  /**
   * @param forget - Called when no answer is wanted any more.
   * @param trace - Made where the request was made, for the stack of its time-out.
   */
  constructor(
    runtime: Runtime,
    subject: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    forget: () => void,
    trace: Error | null,
  ) {
    this.subject = subject;
    this.#forget = forget;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = runtime.clock.setTimer(
      timeoutMs,
      () => {
        const error = new TimeoutError(trace === null ? undefined : { cause: trace });
        this.#end();
        this.#forget();
        this.#reject(error);
      },
      true,
    );
    this.#offAbort = onAbort(signal, (reason) => {
      this.#end();
      this.#forget();
      this.#reject(reason);
    });
  }

  answer(msg: ReceivedMsg): boolean {
    if (this.#done) return true;
    this.#end();
    if (msg.status() === 503 && msg.data.length === 0) {
      const cause = new NoRespondersError(this.subject);
      this.#reject(new RequestError(cause.message, { cause, retryable: true }));
    } else this.#resolve(msg);
    return true;
  }

  fail(error: Error): void {
    if (this.#done) return;
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#done = true;
    this.#timer.cancel();
    this.#offAbort();
  }
}
