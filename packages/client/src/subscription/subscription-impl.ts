// One subscription: what the server sends to its sid goes to a callback or waits for an iterator, within limits.
//
// Ways through: `deliver` is called by the session for each message. Without a queue (a callback, no `concurrency`) the
// callback is called at once. Otherwise the message waits in `#backlog` for `nextMsg`, the iterator or a free callback.
// Invariant: a message counts as processed when its callback has returned or settled, or when the iterator was asked for
// the one after it. Draining waits until all are processed.

import type { Timer } from "@myelin/platform";
import { type Deferred, deferred, handled, onAbort, throwIfAborted } from "../deferred.ts";
import type { DiagnosticChannel } from "../diagnostics.ts";
import { CallbackError, InvalidOperationError, NoRespondersError, TimeoutError } from "../errors.ts";
import { type MessageContext, type Msg, ReceivedMsg } from "../message.ts";
import { Backlog } from "./backlog.ts";
import { checkAboveZero, checkCount } from "./checks.ts";
import type { MsgCallback, PendingOptions, SubscriptionOptions, WaitOptions } from "./options.ts";
import type { Subscription } from "./subscription.ts";
import type { SubscriptionHost } from "./subscription-host.ts";

/** How long a drain waits for the server to acknowledge the UNSUB. */
const UNSUB_CONFIRM_MS = 5_000;

type Waiter = Deferred<ReceivedMsg | null>;

export class SubscriptionImpl implements Subscription {
  readonly sid: number;
  readonly subject: string;
  readonly queueGroup: string | undefined;
  readonly closed: Deferred<void | Error> = deferred();
  callback: MsgCallback<Msg>;
  readonly #host: SubscriptionHost;
  readonly #messages: MessageContext;
  readonly #delivered: DiagnosticChannel;
  readonly #hasCallback: boolean;
  /** The callback is called as messages come, without waiting for another. */
  readonly #direct: boolean;
  readonly #concurrency: number;
  readonly #backlog: Backlog;
  #waiters: Waiter[] = [];
  #max: number;
  #received = 0;
  /** What had been received when the server in use got the SUB. */
  #sessionBase = 0;
  #processed = 0;
  /** Callbacks whose promise is not settled. */
  #running = 0;
  #iterating = false;
  /** The iterator has handed out a message and not been asked for the next. */
  #handedOut = false;
  /** No more messages are coming. */
  #ended = false;
  #error: Error | null = null;
  #draining: Promise<void> | null = null;
  #idle: Deferred<void> | null = null;
  readonly #marks: Array<{ received: number; done: () => void }> = [];
  #timer: Timer | null = null;
  readonly #offAbort: () => void;

  constructor(host: SubscriptionHost, sid: number, subject: string, options: SubscriptionOptions) {
    this.#host = host;
    this.#messages = host.messages;
    this.#delivered = host.runtime.diagnostics.deliver;
    this.sid = sid;
    this.subject = subject;
    this.queueGroup = options.queue;
    this.#hasCallback = options.callback !== undefined;
    this.callback = options.callback ?? (() => {});
    this.#concurrency = options.concurrency ?? 0;
    this.#direct = this.#hasCallback && this.#concurrency === 0;
    this.#max = options.max ?? 0;
    this.#backlog = new Backlog(host, this, options.pending, options.slow ?? 0);
    this.#offAbort = onAbort(options.signal, () => this.unsubscribe());
    if (options.timeout !== undefined) this.#startTimer(options.timeout);
  }

  /** Takes a message from the session. Must not throw: it is called in the middle of a block. */
  deliver(bytes: Uint8Array, lineStart: number, bodyStart: number, payloadStart: number, end: number): void {
    if (this.#timer !== null) this.#stopTimer();
    if (this.#ended || (this.#max > 0 && this.#received >= this.#max)) return; // sent before the server knew
    this.#received++;
    const msg = new ReceivedMsg(this.#messages, bytes, lineStart, bodyStart, payloadStart, end, this.sid);
    if (this.#delivered.hasSubscribers) {
      this.#delivered.publish({ connection: this.#messages, subscription: this, msg });
    }
    if (this.#direct && (this.#running === 0 || this.#backlog.allows(this.#running))) this.#call(msg);
    else this.#enqueue(msg);
    if (this.#received === this.#max) this.#end(null);
  }

  /**
   * Begins anew with a server that knows nothing of it, and gives after how many messages it has to end there; 0 when there
   * is no such number. Servers count from the SUB that they got.
   */
  beginSession(): number {
    this.#sessionBase = this.#received;
    return this.#max === 0 ? 0 : Math.max(1, this.#max - this.#sessionBase);
  }

  /** Ends it because of an error that its reader is told. Nothing is sent to the server. */
  fail(error: Error): void {
    this.#end(error);
  }

  /**
   * Ends it with its connection. Readers see an ordinary end, so that loops nobody watches do not reject; `closed` tells
   * the error.
   *
   * @param dropPending - Messages that wait are not given to the callback or the reader any more.
   */
  closeWithConnection(error: Error | null, dropPending: boolean): void {
    if (dropPending) this.#processed += this.#backlog.clear();
    if (error !== null) this.closed.resolve(error);
    this.#end(null);
  }

  /** Calls `done` when everything that has been received until now is processed. */
  afterPending(done: () => void): void {
    if (this.#isIdle()) done();
    else this.#marks.push({ received: this.#received, done });
  }

  unsubscribe(max?: number): void {
    if (this.#ended) return;
    if (max === undefined || max <= this.#received) {
      this.#host.sendUnsubscribe(this, 0);
      this.#end(null);
      return;
    }
    checkCount("max", max);
    this.#max = max;
    this.#host.sendUnsubscribe(this, max - this.#sessionBase);
  }

  drain(options: WaitOptions = {}): Promise<void> {
    if (this.#draining !== null) return this.#draining;
    if (this.#ended) {
      return Promise.reject(closedSubscription());
    }
    this.#draining = this.#drain(options);
    return this.#draining;
  }

  isDraining(): boolean {
    return this.#draining !== null && !this.isClosed();
  }

  isClosed(): boolean {
    return this.#ended && (this.#draining === null || this.#pendingMsgs() === 0);
  }

  getSubject(): string {
    return this.subject;
  }

  getQueue(): string | undefined {
    return this.queueGroup;
  }

  getReceived(): number {
    return this.#received;
  }

  getProcessed(): number {
    return this.#processed;
  }

  getPending(): number {
    return this.#pendingMsgs();
  }

  getPendingBytes(): number {
    return this.#backlog.bytes;
  }

  getMaxPending(): { msgs: number; bytes: number } {
    return this.#backlog.max;
  }

  clearMaxPending(): void {
    this.#backlog.clearMax();
  }

  getPendingLimits(): Required<PendingOptions> {
    return { ...this.#backlog.limits };
  }

  setPendingLimits(limits: PendingOptions): void {
    this.#backlog.setLimits(limits);
  }

  getDropped(): number {
    return this.#backlog.dropped;
  }

  getID(): number {
    return this.sid;
  }

  getMax(): number | undefined {
    return this.#max === 0 ? undefined : this.#max;
  }

  async nextMsg(options: WaitOptions = {}): Promise<Msg> {
    this.#refuseWithCallback();
    throwIfAborted(options.signal);
    const msg = await this.#take(options);
    if (msg === null) throw this.#error ?? closedSubscription();
    this.#processed++;
    this.#checkIdle();
    // The server's word that a request of this inbox has no responders.
    if (msg.status() === 503 && msg.data.length === 0) throw new NoRespondersError(this.subject);
    return msg;
  }

  [Symbol.asyncIterator](): AsyncIterator<Msg, undefined> {
    this.#refuseWithCallback();
    if (this.#iterating) throw new InvalidOperationError("the subscription is being iterated already");
    this.#iterating = true;
    return {
      next: () => this.#next(),
      return: () => {
        this.#countHandedOut();
        this.#iterating = false;
        this.unsubscribe();
        this.#processed += this.#backlog.clear(); // nobody will read them
        this.#checkIdle();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ended ? Promise.resolve() : this.drain();
  }

  // --- the reader's side

  #next(): Promise<IteratorResult<Msg, undefined>> {
    this.#countHandedOut();
    const msg = this.#backlog.shift();
    if (msg !== null) {
      this.#backlog.resumeIfFree();
      this.#handedOut = true;
      return Promise.resolve({ done: false, value: msg });
    }
    return this.#take({}).then((taken) => {
      if (taken !== null) {
        this.#handedOut = true;
        return { done: false, value: taken };
      }
      this.#iterating = false;
      if (this.#error !== null) throw this.#error;
      return { done: true, value: undefined };
    });
  }

  #countHandedOut(): void {
    if (!this.#handedOut) return;
    this.#handedOut = false;
    this.#processed++;
    this.#checkIdle();
  }

  /** The next message, or null when there will be none. */
  #take(options: WaitOptions): Promise<ReceivedMsg | null> {
    const ready = this.#backlog.shift();
    if (ready !== null) {
      this.#backlog.resumeIfFree();
      return Promise.resolve(ready);
    }
    if (this.#ended) return Promise.resolve(null);
    const waiter: Waiter = deferred();
    this.#waiters.push(waiter);
    if (options.timeout === undefined && options.signal === undefined) return waiter;
    const leave = (reason: Error): void => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      waiter.reject(reason);
    };
    const timer =
      options.timeout === undefined
        ? null
        : this.#host.runtime.clock.setTimer(options.timeout, () => leave(new TimeoutError()), true);
    const off = onAbort(options.signal, leave);
    return waiter.finally(() => {
      timer?.cancel();
      off();
    });
  }

  // --- the server's side

  #enqueue(msg: ReceivedMsg): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve(msg);
      return;
    }
    if (!this.#backlog.push(msg, this.#running)) this.#processed++;
    else if (this.#hasCallback) this.#runQueued();
  }

  #runQueued(): void {
    while (this.#direct ? this.#running === 0 : this.#running < this.#concurrency) {
      const msg = this.#backlog.shift();
      if (msg === null) break;
      this.#call(msg);
    }
    this.#backlog.resumeIfFree();
  }

  #call(msg: ReceivedMsg): void {
    try {
      const result = this.callback(null, msg);
      if (isThenable(result)) {
        this.#track(result);
        return;
      }
    } catch (cause) {
      this.#host.callbackFailed(new CallbackError(this.subject, cause));
    }
    this.#processed++;
    if (this.#idle !== null || this.#marks.length > 0) this.#checkIdle();
  }

  #track(result: PromiseLike<unknown>): void {
    this.#running++;
    const settled = (): void => {
      this.#running--;
      this.#processed++;
      this.#runQueued();
      this.#checkIdle();
    };
    result.then(settled, (cause: unknown) => {
      this.#host.callbackFailed(new CallbackError(this.subject, cause));
      settled();
    });
  }

  // --- the end

  #end(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#stopTimer();
    this.#offAbort();
    this.#host.forget(this);
    this.#backlog.release();
    if (error !== null && this.#hasCallback) this.#tellCallback(error);
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(null);
    if (this.#draining === null) this.closed.resolve(error ?? undefined);
    this.#checkIdle();
  }

  #tellCallback(error: Error): void {
    try {
      const result = this.callback(error, NO_MESSAGE);
      if (isThenable(result)) result.then(undefined, (cause: unknown) => this.#callbackFailed(cause));
    } catch (cause) {
      this.#callbackFailed(cause);
    }
  }

  #callbackFailed(cause: unknown): void {
    this.#host.callbackFailed(new CallbackError(this.subject, cause));
  }

  async #drain(options: WaitOptions): Promise<void> {
    const timeoutMs = options.timeout ?? this.#host.drainTimeoutMs;
    this.#host.sendUnsubscribe(this, 0);
    try {
      await this.#host.roundTrip(Math.min(timeoutMs, UNSUB_CONFIRM_MS));
    } catch {
      // Without a connection the server has forgotten the subscription anyway.
    }
    this.#end(this.#error);
    try {
      await this.#untilIdle(timeoutMs, options.signal);
    } finally {
      this.closed.resolve(this.#error ?? undefined);
    }
  }

  /** Resolves when every received message has been processed. Messages that nobody ever began to read do not count. */
  async #untilIdle(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isIdle()) return;
    const idle: Deferred<void> = deferred();
    handled(idle);
    this.#idle = idle;
    const timer = this.#host.runtime.clock.setTimer(
      timeoutMs,
      () =>
        idle.reject(
          new TimeoutError(
            undefined,
            `drain timeout: after ${timeoutMs} ms ${this.#pendingMsgs()} messages of the subscription to '${this.subject}' are not handled`,
            "ERR_NATS_DRAIN_TIMEOUT",
          ),
        ),
      true,
    );
    const off = onAbort(signal, (reason) => idle.reject(reason));
    try {
      await idle;
    } finally {
      timer.cancel();
      off();
      this.#idle = null;
    }
  }

  #isIdle(): boolean {
    const unread = !this.#hasCallback && !this.#iterating ? 0 : this.#backlog.length;
    return unread === 0 && this.#running === 0 && !this.#handedOut;
  }

  #checkIdle(): void {
    if (this.#idle !== null && this.#isIdle()) this.#idle.resolve();
    while (this.#marks.length > 0 && (this.#isIdle() || this.#processed >= (this.#marks[0]?.received ?? 0))) {
      this.#marks.shift()?.done();
    }
  }

  #pendingMsgs(): number {
    return this.#backlog.length + this.#running;
  }

  #startTimer(ms: number): void {
    checkAboveZero("timeout", ms);
    this.#timer = this.#host.runtime.clock.setTimer(ms, () => {
      this.#timer = null;
      const error = new TimeoutError();
      if (this.#hasCallback) this.#tellCallback(error);
      else {
        this.#host.sendUnsubscribe(this, 0);
        this.#end(error);
      }
    });
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #refuseWithCallback(): void {
    if (!this.#hasCallback) return;
    throw new InvalidOperationError("iterator cannot be used when a callback is registered");
  }
}

/** What a callback gets beside an error: it says that there is no message. */
const NO_MESSAGE = Object.freeze({}) as Msg;

function closedSubscription(): InvalidOperationError {
  return new InvalidOperationError("subscription is already closed", undefined, "ERR_NATS_BAD_SUBSCRIPTION");
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
