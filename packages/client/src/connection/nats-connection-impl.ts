// The interface of a connection over its core: publishing, subscribing, requesting, draining.

import { type Nuid, queueGroupProblem, subscribeSubjectProblem } from "@myelin/protocol/client";
import { BlockViews } from "../block-views.ts";
import { onAbort, throwIfAborted } from "../deferred.ts";
import type { DiagnosticChannel } from "../diagnostics.ts";
import {
  ClosedConnectionError,
  ConnectionError,
  DrainingConnectionError,
  InvalidArgumentError,
  InvalidQueueError,
  InvalidSubjectError,
  ProtocolError,
  TimeoutError,
} from "../errors.ts";
import { type HeadersInput, toHeaders } from "../headers.ts";
import { makeInbox } from "../inbox.ts";
import { Empty, type MessageContext, type Msg, type Payload, type PublishOptions, ReceivedMsg } from "../message.ts";
import type { ConnectionState, JsonRequestOptions, NatsConnection, Stats } from "../nats-connection.ts";
import type { PoolServer } from "../options.ts";
import { type AnswerSink, RequestMux } from "../request/mux.ts";
import type { RequestManyOptions, RequestOptions } from "../request/options.ts";
import { RequestMany } from "../request/request-many.ts";
import { RequestOne } from "../request/request-one.ts";
import { RequestTokens } from "../request/request-tokens.ts";
import type { TextBytes } from "../runtime.ts";
import type { ServerInfo } from "../server-info.ts";
import { readServers } from "../servers/read-servers.ts";
import type { Status, StatusOf } from "../status.ts";
import { checkAboveZero, checkCount } from "../subscription/checks.ts";
import type { SubscriptionOptions, WaitOptions } from "../subscription/options.ts";
import type { Subscription } from "../subscription/subscription.ts";
import type { SubscriptionImpl } from "../subscription/subscription-impl.ts";
import type { ConnectionCore } from "./core.ts";
import { drainConnection } from "./drain.ts";
import { toPoolServer } from "./keeper.ts";

export class NatsConnectionImpl implements NatsConnection, MessageContext {
  readonly text: TextBytes;
  readonly views: BlockViews = new BlockViews();
  readonly #core: ConnectionCore;
  readonly #published: DiagnosticChannel;
  readonly #nuid: Nuid;
  readonly #mux: RequestMux;
  #muxSubscription: SubscriptionImpl | null = null;
  #draining: Promise<void> | null = null;

  constructor(core: ConnectionCore, nuid: Nuid) {
    this.#core = core;
    this.#nuid = nuid;
    this.text = core.runtime.text;
    const { diagnostics } = core.runtime;
    this.#published = diagnostics.publish;
    core.hub.observe((status) => {
      if (status.type !== "ping" && diagnostics.connect.hasSubscribers) {
        diagnostics.connect.publish({ connection: this, status });
      }
    });
    this.#mux = new RequestMux(makeInbox(nuid, core.options.inboxPrefix), new RequestTokens(core.runtime.random));
    core.messages = this;
    core.onPermission = (error) => {
      if (error.operation === "publish") this.#mux.fail(error, error.subject);
      else if (error.subject === this.#mux.subject) this.#mux.fail(error);
    };
    core.onClosed = (error) => this.#mux.fail(new ClosedConnectionError(error === null ? undefined : { cause: error }));
  }

  // --- what it is

  get info(): ServerInfo | undefined {
    return this.#core.info;
  }

  get state(): ConnectionState {
    return this.#core.state;
  }

  get lastError(): Error | undefined {
    return this.#core.lastError;
  }

  get buffered(): number {
    return this.#core.outbound.bufferedBytes;
  }

  get numSubscriptions(): number {
    return this.#core.subscriptionCount - (this.#muxSubscription === null ? 0 : 1);
  }

  get localAddress(): string | null {
    const local = this.#core.session?.duplex.local ?? null;
    return local === null ? null : `${local.host}:${local.port}`;
  }

  get remoteAddress(): string | null {
    const remote = this.#core.session?.duplex.remote ?? null;
    return remote === null ? null : `${remote.host}:${remote.port}`;
  }

  isClosed(): boolean {
    return this.#core.state === "closed";
  }

  isDraining(): boolean {
    return this.#core.state === "draining";
  }

  isConnected(): boolean {
    return this.#core.session !== null;
  }

  isReconnecting(): boolean {
    return this.#core.state === "reconnecting";
  }

  getServer(): string {
    return this.#core.pool.current?.address.listen ?? "";
  }

  getServers(): PoolServer[] {
    return this.#core.pool.entries.map(toPoolServer);
  }

  setServers(servers: string | string[]): void {
    const change = this.#core.pool.replace(readServers(servers));
    if (change.added.length > 0 || change.deleted.length > 0) this.#core.hub.emit({ type: "update", ...change });
  }

  stats(): Stats {
    const { inMsgs, inBytes, outbound, reconnects } = this.#core;
    return { inMsgs, inBytes, outMsgs: outbound.outMsgs, outBytes: outbound.outBytes, reconnects };
  }

  status(options: { signal?: AbortSignal } = {}): AsyncIterable<Status> {
    return this.#core.hub.iterate(options.signal);
  }

  on<Type extends Status["type"]>(
    type: Type,
    listener: (status: StatusOf<Type>) => unknown,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    return this.#core.hub.on(type, listener, options.signal);
  }

  // --- publishing

  publish(subject: string, payload: Payload = Empty, options?: PublishOptions): void {
    const core = this.#core;
    if (core.state === "closed" || core.publishingEnded) this.#refusePublish();
    if (this.#published.hasSubscribers) {
      const { length: size } = payload;
      this.#published.publish({ connection: this, subject, reply: options?.reply, size });
    }
    if (options === undefined) core.outbound.publish(subject, undefined, null, payload);
    else core.outbound.publish(subject, options.reply, this.#headerBlock(options), payload);
  }

  publishMessage(msg: Msg): void {
    const options: PublishOptions = {};
    if (msg.reply) options.reply = msg.reply;
    if (msg.headers !== undefined) options.headers = msg.headers;
    this.publish(msg.subject, msg.data, options);
  }

  respondMessage(msg: Msg): boolean {
    if (!msg.reply) return false;
    const options = msg.headers === undefined ? undefined : { headers: msg.headers };
    if (msg instanceof ReceivedMsg) return msg.respond(msg.data, options);
    this.publish(msg.reply, msg.data, options);
    return true;
  }

  publishJson(subject: string, value: unknown, options?: PublishOptions): void {
    this.publish(subject, toJson(value), options);
  }

  async ready(options: WaitOptions = {}): Promise<void> {
    throwIfAborted(options.signal);
    if (this.#core.state === "closed") throw new ClosedConnectionError();
    const { outbound, runtime } = this.#core;
    if (!outbound.backedUp) return;
    await new Promise<void>((resolve, reject) => {
      const timer =
        options.timeout === undefined
          ? null
          : runtime.clock.setTimer(options.timeout, () => settle(new TimeoutError()), true);
      const off = onAbort(options.signal, (reason) => settle(reason));
      const settle = (error?: Error): void => {
        timer?.cancel();
        off();
        if (error !== undefined) reject(error);
        else if (this.#core.state === "closed") reject(new ClosedConnectionError());
        else resolve();
      };
      outbound.whenReady(() => settle());
    });
  }

  badHeaders(error: Error, subject: string): void {
    this.#core.reportError(
      new ProtocolError(
        `The headers of a message on '${subject}' cannot be read: ${error.message}`,
        { cause: error },
        "ERR_NATS_BAD_HEADER",
      ),
    );
  }

  #refusePublish(): never {
    throw this.#core.state === "closed" ? new ClosedConnectionError() : new DrainingConnectionError();
  }

  #headerBlock(options: PublishOptions): Uint8Array | null {
    const input: HeadersInput | undefined = options.headers;
    if (input === undefined && options.traceDestination === undefined) return null;
    if (this.#core.info?.headers === false) {
      throw new InvalidArgumentError(
        "'headers' are not supported by the server",
        undefined,
        "ERR_NATS_HEADERS_NOT_SUPPORTED",
      );
    }
    const headers = toHeaders(input ?? {});
    if (options.traceDestination === undefined) return headers.encode();
    const traced = toHeaders(headers.toRecord());
    traced.set("Nats-Trace-Dest", options.traceDestination);
    if (options.traceOnly === true) traced.set("Nats-Trace-Only", "true");
    return traced.encode();
  }

  // --- subscribing

  subscribe(subject: string, options: SubscriptionOptions = {}): Subscription {
    const core = this.#core;
    if (core.state === "closed") throw new ClosedConnectionError();
    if (core.state === "draining") throw new DrainingConnectionError();
    const problem = subscribeSubjectProblem(subject);
    if (problem !== null) throw new InvalidSubjectError(subject, problem);
    if (options.queue !== undefined) {
      const queueProblem = queueGroupProblem(options.queue);
      if (queueProblem !== null) throw new InvalidQueueError(options.queue, queueProblem);
    }
    if (options.max !== undefined) checkCount("max", options.max);
    if (options.slow !== undefined) checkCount("slow", options.slow);
    if (options.concurrency !== undefined) checkCount("concurrency", options.concurrency);
    throwIfAborted(options.signal);
    return core.subscribe(subject, options);
  }

  newInbox(): string {
    return makeInbox(this.#nuid, this.#core.options.inboxPrefix);
  }

  barrier(run: () => void): void {
    if (this.#core.state === "closed") throw new ClosedConnectionError();
    let waiting = 1;
    const done = (): void => {
      if (--waiting === 0) run();
    };
    for (const subscription of this.#core.subscriptions) {
      waiting++;
      subscription.afterPending(done);
    }
    queueMicrotask(done);
  }

  // --- requesting

  request(subject: string, payload: Payload = Empty, options: RequestOptions = {}): Promise<Msg> {
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

  #observeRequest(subject: string, promise: Promise<Msg>): void {
    const { clock, diagnostics } = this.#core.runtime;
    const startMs = clock.monotonicMs();
    const tell = (error?: unknown): void => {
      diagnostics.request.publish({ connection: this, subject, durationMs: clock.monotonicMs() - startMs, error });
    };
    promise.then(() => tell(), tell);
  }

  async requestJson<T = unknown>(subject: string, value?: unknown, options?: JsonRequestOptions): Promise<T> {
    const answer = await this.request(subject, value === undefined ? Empty : toJson(value), options);
    return answer.json<T>();
  }

  requestMany(
    subject: string,
    payload: Payload = Empty,
    options: RequestManyOptions = {},
  ): Promise<AsyncIterable<Msg>> {
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
        publishOptions.reply = options.reply ?? this.newInbox();
        forget = this.#openInbox(publishOptions.reply, sink, max);
      } else {
        this.#openMux();
        const { key, reply } = this.#mux.add(sink);
        publishOptions.reply = reply;
        forget = () => this.#mux.remove(key);
      }
      this.publish(subject, payload, publishOptions);
      return forget;
    } catch (error) {
      forget();
      sink.fail(error as Error);
      throw error;
    }
  }

  /** Subscribes for one request. Returns how to stop that. */
  #openInbox(inbox: string, sink: AnswerSink, max: number): () => void {
    const subscription = this.subscribe(inbox, {
      ...(max > 0 ? { max } : {}),
      callback: (error, msg) => {
        if (error !== null) sink.fail(error);
        else if (sink.answer(msg as ReceivedMsg)) subscription.unsubscribe();
      },
    });
    const unwatch = this.#mux.watch(sink);
    void subscription.closed.then(unwatch);
    return () => subscription.unsubscribe();
  }

  #openMux(): void {
    const core = this.#core;
    if (core.state === "closed") throw new ClosedConnectionError();
    const open = this.#muxSubscription;
    if (open !== null && !open.isClosed()) return;
    this.#muxSubscription = core.subscribe(this.#mux.subject, {
      pending: { msgs: -1, bytes: -1 },
      callback: (error, msg) => {
        if (error === null) this.#mux.deliver(msg as ReceivedMsg);
      },
    });
  }

  // --- flushing and ending

  flush(options: WaitOptions = {}): Promise<void> {
    return this.#core.flush(options);
  }

  async rtt(options: WaitOptions = {}): Promise<number> {
    const { clock } = this.#core.runtime;
    const startMs = clock.monotonicMs();
    await this.#core.flush(options);
    return clock.monotonicMs() - startMs;
  }

  drain(options: WaitOptions = {}): Promise<void> {
    if (this.#draining !== null) return this.#draining;
    const core = this.#core;
    if (core.state === "closed") return Promise.reject(new ClosedConnectionError());
    if (core.session === null) {
      return Promise.reject(
        new ConnectionError(
          "Cannot drain while there is no connection: close() instead",
          undefined,
          "ERR_NATS_RECONNECTING",
        ),
      );
    }
    this.#draining = drainConnection(core, this.#mux, this.#muxSubscription, options);
    return this.#draining;
  }

  close(): Promise<void> {
    return this.#core.close(null);
  }

  closed(): Promise<void | Error> {
    return this.#core.closed;
  }

  async reconnect(): Promise<void> {
    if (this.#core.state === "closed") throw new ClosedConnectionError();
    if (this.#core.state === "draining") throw new DrainingConnectionError();
    this.#core.forceReconnect();
    await Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#core.state === "closed") return;
    if (this.#core.session === null) await this.close();
    else await this.drain();
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

function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new InvalidArgumentError(`a value of type ${typeof value} cannot be sent as JSON`);
  return text;
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
