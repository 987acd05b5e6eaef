// Requests of a connection: each is published with a reply subject, and its answers find their way back to it, by the one
// subscription that all requests share, or by one of its own.

import type { Nuid } from "@myelin/protocol/client";
import { throwIfAborted } from "../deferred.ts";
import { ClosedConnectionError, InvalidArgumentError } from "../errors.ts";
import { makeInbox } from "../inbox.ts";
import type { Msg, Payload, PublishOptions, ReceivedMsg } from "../message.ts";
import type { NatsConnection } from "../nats-connection.ts";
import { type AnswerSink, RequestMux } from "../request/mux.ts";
import type { RequestManyOptions, RequestOptions } from "../request/options.ts";
import { RequestMany } from "../request/request-many.ts";
import { RequestOne } from "../request/request-one.ts";
import { RequestTokens } from "../request/request-tokens.ts";
import { checkAboveZero } from "../subscription/checks.ts";
import type { SubscriptionImpl } from "../subscription/subscription-impl.ts";
import type { ConnectionCore } from "./core.ts";

/** Makes the requests of one connection. */
export class Requests {
  readonly mux: RequestMux;
  /** The subscription for the answers of all requests; null before the first request. */
  muxSubscription: SubscriptionImpl | null = null;
  readonly #core: ConnectionCore;
  readonly #connection: NatsConnection;
  readonly #nuid: Nuid;

  /** @param connection - Publishes requests and is subscribed by those that want a subscription of their own. */
  constructor(core: ConnectionCore, connection: NatsConnection, nuid: Nuid) {
    this.#core = core;
    this.#connection = connection;
    this.#nuid = nuid;
    this.mux = new RequestMux(makeInbox(nuid, core.options.inboxPrefix), new RequestTokens(core.runtime.random));
    core.onPermission = (error) => {
      if (error.operation === "publish") this.mux.fail(error, error.subject);
      else if (error.subject === this.mux.subject) this.mux.fail(error);
    };
    core.onClosed = (error) => this.mux.fail(new ClosedConnectionError(error === null ? undefined : { cause: error }));
  }

  /** See `NatsConnection.request`. */
  request(subject: string, payload: Payload, options: RequestOptions): Promise<Msg> {
    try {
      const { signal } = options;
      throwIfAborted(signal);
      const timeoutMs = options.timeout ?? this.#core.options.requestTimeout;
      checkAboveZero("timeout", timeoutMs);
      const noMux = options.noMux ?? (this.#core.options.noMux === true || options.reply !== undefined);
      if (options.reply !== undefined && !noMux) throw InvalidArgumentError.format("reply", "needs 'noMux'");
      let forget = (): void => {};
      // The stack of a time-out is that of a timer; who wants the caller's pays for an Error per request.
      const trace = this.#core.options.noAsyncTraces === false ? new Error(`request to '${subject}'`) : null;
      const request = new RequestOne(this.#core.runtime, subject, timeoutMs, signal, () => forget(), trace);
      try {
        forget = this.#send(subject, payload, options, request, noMux, 1);
      } catch {
        // The request has failed with what was thrown.
      }
      if (this.#core.runtime.diagnostics.request.hasSubscribers) this.#observeRequest(subject, request.promise);
      return request.promise;
    } catch (error) {
      return failed(error);
    }
  }

  /** See `NatsConnection.requestMany`. */
  requestMany(subject: string, payload: Payload, options: RequestManyOptions): Promise<AsyncIterable<Msg>> {
    try {
      checkManyOptions(options);
      throwIfAborted(options.signal);
      let forget = (): void => {};
      const request = new RequestMany(this.#core.runtime, subject, options, () => forget());
      forget = this.#send(subject, payload, options, request, options.noMux ?? this.#core.options.noMux === true, 0);
      return Promise.resolve(request);
    } catch (error) {
      return failed(error);
    }
  }

  #observeRequest(subject: string, promise: Promise<Msg>): void {
    const { clock, diagnostics } = this.#core.runtime;
    const startMs = clock.monotonicMs();
    const tell = (error?: unknown): void => {
      diagnostics.request.publish({
        connection: this.#connection,
        subject,
        durationMs: clock.monotonicMs() - startMs,
        error,
      });
    };
    promise.then(() => tell(), tell);
  }

  /** Publishes a request and sees to it that its answers reach `sink`. Returns how to stop that. */
  #send(
    subject: string,
    payload: Payload,
    options: RequestOptions,
    sink: AnswerSink,
    noMux: boolean,
    max: number,
  ): () => void {
    const publishOptions: PublishOptions = { ...traceOf(options) };
    if (options.headers !== undefined) publishOptions.headers = options.headers;
    let forget = (): void => {};
    try {
      if (noMux) {
        publishOptions.reply = options.reply ?? makeInbox(this.#nuid, this.#core.options.inboxPrefix);
        forget = this.#openInbox(publishOptions.reply, sink, max);
      } else {
        this.#openMux();
        const { key, reply } = this.mux.add(sink);
        publishOptions.reply = reply;
        forget = () => this.mux.remove(key);
      }
      this.#connection.publish(subject, payload, publishOptions);
      return forget;
    } catch (error) {
      forget();
      sink.fail(error as Error);
      throw error;
    }
  }

  /** Subscribes for one request. Returns how to stop that. */
  #openInbox(inbox: string, sink: AnswerSink, max: number): () => void {
    const subscription = this.#connection.subscribe(inbox, {
      ...(max > 0 ? { max } : {}),
      callback: (error, msg) => {
        if (error !== null) sink.fail(error);
        else if (sink.answer(msg as ReceivedMsg)) subscription.unsubscribe();
      },
    });
    const unwatch = this.mux.watch(sink);
    void subscription.closed.then(unwatch);
    return () => subscription.unsubscribe();
  }

  #openMux(): void {
    const core = this.#core;
    if (core.state === "closed") throw new ClosedConnectionError();
    const open = this.muxSubscription;
    if (open !== null && !open.isClosed()) return;
    this.muxSubscription = core.subscribe(this.mux.subject, {
      pending: { msgs: -1, bytes: -1 },
      callback: (error, msg) => {
        if (error === null) this.mux.deliver(msg as ReceivedMsg);
      },
    });
  }
}

/** A rejection with what was thrown, whatever that is: the caller's signal may carry any reason. */
async function failed(error: unknown): Promise<never> {
  throw error;
}

function traceOf(options: PublishOptions): PublishOptions {
  const trace: PublishOptions = {};
  if (options.traceDestination !== undefined) trace.traceDestination = options.traceDestination;
  if (options.traceOnly !== undefined) trace.traceOnly = options.traceOnly;
  return trace;
}

const STRATEGIES = ["timer", "count", "stall", "sentinel"];

function checkManyOptions(options: RequestManyOptions): void {
  const { strategy = "timer" } = options;
  if (!STRATEGIES.includes(strategy)) {
    throw new InvalidArgumentError(`'strategy' must be one of ${STRATEGIES.join(", ")}, and is '${String(strategy)}'`);
  }
  for (const name of ["maxWait", "maxMessages", "stall"] as const) {
    const value = options[name];
    if (value !== undefined) checkAboveZero(name, value);
  }
  if (strategy === "count" && options.maxMessages === undefined) {
    throw InvalidArgumentError.format("strategy", "'count' needs 'maxMessages'");
  }
}
