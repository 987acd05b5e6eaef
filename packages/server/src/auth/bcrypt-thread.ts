// The real thread that checks bcrypt hashes, seen from the server's; bcrypt-worker.ts is what runs on it.

import { Worker } from "node:worker_threads";
import type { HashThread } from "./bcrypt-threads.ts";

/** A thread has died, or could not be started. The login that it was to check is refused. */
export class HashThreadError extends Error {
  override readonly name = "HashThreadError";
  readonly code = "HASH_THREAD_ENDED";

  constructor(what: string, options?: ErrorOptions) {
    super(`the thread that checks bcrypt passwords ${what}; the next login gets a new one`, options);
  }
}

interface Question {
  readonly answer: (isRight: boolean) => void;
  readonly fail: (error: HashThreadError) => void;
}

/** A worker thread. Keeps the process alive only while it is asked. */
export class BcryptThread implements HashThread {
  readonly #worker: Worker;
  #question: Question | null = null;
  /** Set when the thread has ended, or will. */
  #end: HashThreadError | null = null;

  /** @throws HashThreadError when there can be no thread. */
  constructor() {
    try {
      // Nothing of the embedding program's command line: it may not fit a thread, or do something at the start of each.
      this.#worker = new Worker(new URL("./bcrypt-worker.js", import.meta.url), { execArgv: [], name: "bcrypt" });
    } catch (error) {
      throw new HashThreadError(`cannot be started: ${(error as Error).message}`, { cause: error });
    }
    this.#worker.unref();
    this.#worker.on("message", (isRight: unknown) => this.#answered(isRight === true));
    this.#worker.on("error", (error: Error) => this.#ended(`has failed: ${error.message}`, error));
    this.#worker.on("exit", (status) => this.#ended(`has ended with ${status}`));
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  verify(password: string, hash: string): Promise<boolean> {
    if (this.#end !== null) return Promise.reject(this.#end);
    return new Promise((answer, fail) => {
      this.#question = { answer, fail };
      this.#worker.ref();
      this.#worker.postMessage([password, hash]);
    });
  }

  stop(): void {
    this.#answered(false);
    this.#end ??= new HashThreadError("was stopped");
    // What it is at work on cannot be interrupted: its end is not waited for.
    void this.#worker.terminate();
  }

  #answered(isRight: boolean): void {
    const question = this.#question;
    this.#question = null;
    this.#worker.unref();
    question?.answer(isRight);
  }

  #ended(what: string, cause?: Error): void {
    this.#end ??= new HashThreadError(what, cause === undefined ? {} : { cause });
    this.#question?.fail(this.#end);
    this.#question = null;
  }
}
