// Takes the messages of one or more subscriptions, and knows when it is enough: after a count, a quiet time, or Ctrl-C.

import type { Msg, NatsConnection, Subscription } from "@myelin/client";
import { subjectMatches } from "./subject-match.ts";

/** Where messages go. */
export interface MessageView {
  /**
   * @param count - Begins at 1.
   * @param reply - What answered the message, when replies are matched.
   * @param subscription - Subject of the subscription that it came on.
   */
  show(msg: Msg, count: number, reply: Msg | null, subscription: string): void;
  /** Nothing comes after this. */
  end(): void;
}

/** When to end, and what to leave out. */
export interface ReaderOptions {
  readonly queue?: string;
  /** Ends after so many messages. */
  readonly count?: number;
  /** Ends when nothing came for so many milliseconds. */
  readonly wait?: number;
  readonly ignoreSubject?: readonly string[];
  /** Requests wait for their replies and are shown with them; a request that gets none is not shown. */
  readonly matchReplies?: boolean;
}

interface Pending {
  readonly request: Msg;
  readonly count: number;
  readonly subscription: string;
}

/** Reads until it is enough. Use once. */
export class MessageReader {
  readonly #connection: NatsConnection;
  readonly #options: ReaderOptions;
  readonly #view: MessageView;
  readonly #subscriptions: Subscription[] = [];
  /** Requests by the subject of their reply. */
  readonly #waiting: Map<string, Pending> = new Map();
  readonly #ended: Promise<void>;
  #end: () => void = () => {};
  #fail: (error: Error) => void = () => {};
  #count = 0;
  #full = false;
  #quietTimer: NodeJS.Timeout | null = null;

  constructor(connection: NatsConnection, options: ReaderOptions, view: MessageView) {
    this.#connection = connection;
    this.#options = options;
    this.#view = view;
    this.#ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    // May come before anybody waits for it.
    this.#ended.catch(() => {});
    void connection.closed().then((reason) => this.#fail(reason ?? new Error("the connection is closed")));
  }

  /** Subscribes to the subjects for which replies are expected. Call before `subscribe`. */
  watchReplies(subject: string): void {
    this.#open(subject, undefined, (reply) => this.#replied(reply));
  }

  subscribe(subjects: readonly string[]): void {
    for (const subject of subjects) this.#open(subject, this.#options.queue, (msg) => this.#received(msg, subject));
    this.#stillHere();
  }

  /** Resolves when it is enough; rejects when a subscription or the connection fails. */
  async ended(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#end();
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await this.#ended;
    } finally {
      signal.removeEventListener("abort", stop);
      if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
      this.#view.end();
    }
  }

  #open(subject: string, queue: string | undefined, handle: (msg: Msg) => void): void {
    const subscription = this.#connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, msg) => {
        if (error !== null) this.#fail(error);
        else handle(msg);
      },
    });
    this.#subscriptions.push(subscription);
  }

  #received(msg: Msg, subscription: string): void {
    if (this.#full || this.#isIgnored(msg.subject)) return;
    const count = ++this.#count;
    const { reply } = msg;
    if (this.#options.matchReplies === true && reply !== undefined && reply !== "") {
      this.#waiting.set(reply, { request: msg, count, subscription });
    } else this.#view.show(msg, count, null, subscription);
    this.#full = count === this.#options.count;
    this.#enough();
    this.#stillHere();
  }

  #replied(reply: Msg): void {
    const pending = this.#waiting.get(reply.subject);
    if (pending === undefined) return;
    this.#waiting.delete(reply.subject);
    this.#view.show(pending.request, pending.count, reply, pending.subscription);
    this.#enough();
    this.#stillHere();
  }

  /** Ends when the count is reached and no request waits for its reply. */
  #enough(): void {
    if (!this.#full || this.#waiting.size > 0) return;
    for (const subscription of this.#subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
    this.#end();
  }

  #stillHere(): void {
    const { wait } = this.#options;
    if (wait === undefined) return;
    if (this.#quietTimer === null) this.#quietTimer = setTimeout(this.#end, wait);
    else this.#quietTimer.refresh();
  }

  #isIgnored(subject: string): boolean {
    return this.#options.ignoreSubject?.some((ignored) => subjectMatches(subject, ignored)) === true;
  }
}
