// The interface of a connection over its core: publishing, subscribing, draining. Requests are in requests.ts.

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
import type { RequestManyOptions, RequestOptions } from "../request/options.ts";
import type { TextBytes } from "../runtime.ts";
import type { ServerInfo } from "../server-info.ts";
import { readServers } from "../servers/read-servers.ts";
import type { Status, StatusOf } from "../status.ts";
import { checkCount } from "../subscription/checks.ts";
import type { SubscriptionOptions, WaitOptions } from "../subscription/options.ts";
import type { Subscription } from "../subscription/subscription.ts";
import type { ConnectionCore } from "./core.ts";
import { drainConnection } from "./drain.ts";
import { toPoolServer } from "./keeper.ts";
import { Requests } from "./requests.ts";

export class NatsConnectionImpl implements NatsConnection, MessageContext {
  readonly text: TextBytes;
  readonly views: BlockViews = new BlockViews();
  readonly #core: ConnectionCore;
  readonly #published: DiagnosticChannel;
  readonly #nuid: Nuid;
  readonly #requests: Requests;
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
    this.#requests = new Requests(core, this, nuid);
    core.messages = this;
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
    return this.#core.subscriptionCount - (this.#requests.muxSubscription === null ? 0 : 1);
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
    return this.#requests.request(subject, payload, options);
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
    return this.#requests.requestMany(subject, payload, options);
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
    this.#draining = drainConnection(core, this.#requests.mux, this.#requests.muxSubscription, options);
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

function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new InvalidArgumentError(`a value of type ${typeof value} cannot be sent as JSON`);
  return text;
}
