// What holds a connection together over its reconnects: the state, the subscriptions, the outgoing side, the session in use.
//
//   connecting ──► connected ◄──► reconnecting        from any of them: ──► closed
//                      └──► draining ──► closed
//
// The keeper brings sessions, the session brings operations, and this file says what they mean.

import { type Deferred, deferred, handled, onAbort, throwIfAborted } from "../deferred.ts";
import {
  type CallbackError,
  ClosedConnectionError,
  ConnectionError,
  DisconnectedError,
  PermissionViolationError,
  PublishRefusedError,
  type SlowConsumerError,
  StaleConnectionError,
  TimeoutError,
} from "../errors.ts";
import type { MessageContext } from "../message.ts";
import type { ConnectionState } from "../nats-connection.ts";
import type { CompleteOptions } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { parseServerError } from "../server-error.ts";
import type { ServerInfo } from "../server-info.ts";
import type { PoolEntry, ServerPool } from "../servers/pool.ts";
import { StatusHub } from "../status.ts";
import type { PendingOptions, SubscriptionOptions, WaitOptions } from "../subscription/options.ts";
import type { SubscriptionHost } from "../subscription/subscription-host.ts";
import { SubscriptionImpl } from "../subscription/subscription-impl.ts";
import { Heartbeat, type HeartbeatHost } from "./heartbeat.ts";
import { ConnectionKeeper, type KeeperHost } from "./keeper.ts";
import { Outbound } from "./outbound.ts";
import type { Session, SessionOwner } from "./session.ts";

const PING_LINE = "PING\r\n";
/** How long closing waits for what was published to be taken by the socket, and for the socket to close. */
const CLOSE_MS_MAX = 2_000;

/** Makes a session with one server of the pool. */
export type SessionMaker = (entry: PoolEntry, signal: AbortSignal) => Promise<Session>;

/** A session's bytes, for the log. */
export type Trace = SessionOwner["trace"];

export class ConnectionCore implements KeeperHost, SessionOwner, SubscriptionHost, HeartbeatHost {
  readonly runtime: Runtime;
  readonly options: CompleteOptions;
  readonly pool: ServerPool;
  readonly hub: StatusHub;
  readonly outbound: Outbound;
  readonly trace: Trace;
  readonly pendingDefaults: Required<PendingOptions>;
  readonly drainTimeoutMs: number;
  /** Set by the connection right after it made its core. */
  messages!: MessageContext;
  /** Called for a permission error, for the requests it may concern. */
  onPermission: (error: PermissionViolationError) => void = () => {};
  /** Called once, when the connection is closed. */
  onClosed: (error: Error | null) => void = () => {};
  state: ConnectionState = "connecting";
  info: ServerInfo | undefined;
  lastError: Error | undefined;
  session: Session | null = null;
  /** The last phase of a drain: nothing may be published any more. */
  publishingEnded = false;
  inMsgs = 0;
  inBytes = 0;
  reconnects = 0;
  readonly closed: Deferred<void | Error> = deferred();
  readonly #keeper: ConnectionKeeper;
  readonly #subscriptions = new Map<number, SubscriptionImpl>();
  readonly #pausing = new Set<SubscriptionImpl>();
  #lastSid = 0;
  /** Mostly the next message is for the same one. */
  #lastDelivered: SubscriptionImpl | null = null;
  #heartbeat: Heartbeat | null = null;
  /** Settled when there is a session again, or never will be. */
  #connected: Deferred<void> | null = null;
  #wasConnected = false;
  /** The last -ERR of this session: why the server closed it, if it did not say more. */
  #serverWord: Error | undefined;
  #closing: Promise<void> | null = null;

  constructor(runtime: Runtime, options: CompleteOptions, pool: ServerPool, makeSession: SessionMaker, trace: Trace) {
    this.runtime = runtime;
    this.options = options;
    this.pool = pool;
    this.trace = trace;
    this.hub = new StatusHub(options.logger);
    this.pendingDefaults = options.pending;
    this.drainTimeoutMs = options.drainTimeout;
    this.outbound = new Outbound(runtime, {
      offlinePolicy: options.offline.policy,
      offlineBytesMax: options.offline.bytes,
      outboundBytesMax: options.outboundBytesMax,
      validateSubjects: options.skipSubjectValidation !== true,
      trace,
    });
    this.#keeper = new ConnectionKeeper(runtime, options, pool, this, makeSession);
  }

  // --- life

  /** Makes the first connection. Rejects, closed, when that is not possible and nobody asked to go on trying. */
  async start(): Promise<void> {
    try {
      await this.#keeper.connectFirst();
    } catch (error) {
      const goesOn = this.options.waitOnFirstConnect === true || this.options.retryOnFailedConnect === true;
      if (!goesOn || this.state === "closed") {
        await this.close(error as Error);
        throw error;
      }
      this.lastError = error as Error;
      this.state = "reconnecting";
      void this.#keeper.reconnect();
      if (this.options.retryOnFailedConnect !== true) await this.untilConnected();
    }
  }

  /** Closes for good. Resolves when the link is closed; further calls wait for the same. */
  close(error: Error | null): Promise<void> {
    this.#closing ??= this.#close(error);
    return this.#closing;
  }

  async #close(error: Error | null): Promise<void> {
    this.state = "closed";
    if (error !== null) this.lastError = error;
    this.#keeper.stop();
    this.#heartbeat?.stop();
    const session = this.session;
    this.session = null;
    const dropPending = this.options.noCallbacksAfterClose === true;
    for (const subscription of [...this.#subscriptions.values()]) subscription.closeWithConnection(error, dropPending);
    this.onClosed(error);
    this.#connected?.reject(new ClosedConnectionError(error === null ? undefined : { cause: error }));
    if (session !== null) {
      await this.#untilWritten(session);
      await session.closeGently(CLOSE_MS_MAX);
    }
    this.outbound.clear();
    this.hub.emit(error === null ? { type: "close" } : { type: "close", error });
    this.closed.resolve(error ?? undefined);
  }

  /** Waits, not for long, until the transport has taken everything. */
  async #untilWritten(session: Session): Promise<void> {
    this.outbound.flush();
    if (this.outbound.bufferedBytes === 0 || session.isEnded) return;
    const done: Deferred<void> = deferred();
    const timer = this.runtime.clock.setTimer(CLOSE_MS_MAX, () => done.resolve(), true);
    this.outbound.whenEmpty(() => done.resolve());
    await done;
    timer.cancel();
  }

  /** Resolves when there is a session; rejects when the connection is closed. */
  untilConnected(): Promise<void> {
    if (this.session !== null) return Promise.resolve();
    if (this.state === "closed") return Promise.reject(new ClosedConnectionError());
    if (this.#connected === null) {
      this.#connected = deferred();
      handled(this.#connected);
    }
    return this.#connected;
  }

  /** Drops the session and makes a new one. */
  forceReconnect(): void {
    this.hub.emit({ type: "forceReconnect" });
    if (this.session === null) this.#keeper.hurry();
    else this.#drop(new ConnectionError("reconnect was asked for"), true);
  }

  // --- KeeperHost

  opened(session: Session, entry: PoolEntry): void {
    if (this.state === "closed") {
      session.destroy(null);
      return;
    }
    const isReconnect = this.#wasConnected;
    this.#wasConnected = true;
    this.#serverWord = undefined;
    this.session = session;
    this.#takeInfo(session.serverInfo as ServerInfo, entry, false);
    const busy = session.adopt(this);
    this.outbound.attach(session.duplex, this.#subscriptionLines(), busy);
    if (this.#pausing.size > 0) session.duplex.pause();
    const { pingInterval, maxPingOut } = this.options;
    this.#heartbeat = new Heartbeat(this.runtime.clock, session, this, pingInterval, maxPingOut);
    this.state = "connected";
    if (isReconnect) this.reconnects++;
    const waiting = this.#connected;
    this.#connected = null;
    waiting?.resolve();
    this.hub.emit({ type: isReconnect ? "reconnect" : "connect", server: entry.address.listen });
    // It may have ended between its handshake and here, when nobody was told.
    if (session.isEnded && this.session === session) this.#lost(session.failure, true);
  }

  attempting(entry: PoolEntry, attempt: number): void {
    this.hub.emit({ type: "reconnecting", server: entry.address.listen, attempt });
  }

  attemptFailed(entry: PoolEntry, attempt: number, error: Error): void {
    this.lastError = error;
    this.hub.emit({ type: "reconnectFailed", server: entry.address.listen, attempt, error });
  }

  reportError(error: Error): void {
    this.lastError = error;
    this.hub.emit({ type: "error", error });
  }

  gaveUp(error: Error): void {
    void this.close(error);
  }

  // --- SessionOwner

  message(bytes: Uint8Array, lineStart: number, sid: number, body: number, payload: number, end: number): void {
    this.inMsgs++;
    this.inBytes += end - body;
    let subscription = this.#lastDelivered;
    if (subscription === null || subscription.sid !== sid) {
      const found = this.#subscriptions.get(sid);
      if (found === undefined) return; // it was sent before the server read our UNSUB
      subscription = this.#lastDelivered = found;
    }
    subscription.deliver(bytes, lineStart, body, payload, end);
  }

  blockDone(): void {
    this.outbound.flush(); // answers go out with the block that asked for them
  }

  written(): void {
    this.outbound.written();
  }

  send(line: string): void {
    this.outbound.control(line);
  }

  serverError(text: string): void {
    const { error, effect } = parseServerError(text);
    this.lastError = error;
    this.#serverWord = error;
    if (error instanceof PermissionViolationError) this.#endForbidden(error);
    this.hub.emit({ type: "error", error });
    if (effect === "report") return;
    const isFinal = effect === "auth" && this.#keeper.noteAuthError(error);
    this.#drop(error, !isFinal);
  }

  /** The server forbade a subscription: the one that asked for it ends. */
  #endForbidden(error: PermissionViolationError): void {
    this.onPermission(error);
    if (error.operation !== "subscription") return;
    for (const subscription of [...this.#subscriptions.values()]) {
      const isIt = subscription.subject === error.subject && subscription.queueGroup === error.queue;
      if (isIt) subscription.fail(error);
    }
  }

  /** A later INFO. */
  serverInfoChanged(info: ServerInfo): void {
    const entry = this.pool.current;
    if (entry !== null) this.#takeInfo(info, entry, true);
  }

  lost(error: Error | null): void {
    this.#lost(error, true);
  }

  // --- HeartbeatHost

  get readingPaused(): boolean {
    return this.#pausing.size > 0;
  }

  sendPing(pendingPings: number): void {
    this.hub.emit({ type: "ping", pendingPings });
    this.outbound.control(PING_LINE);
  }

  stale(): void {
    this.hub.emit({ type: "staleConnection" });
    this.#drop(new StaleConnectionError(), true);
  }

  // --- SubscriptionHost

  /** Makes a subscription; the checks are the caller's. */
  subscribe(subject: string, options: SubscriptionOptions): SubscriptionImpl {
    const subscription = new SubscriptionImpl(this, ++this.#lastSid, subject, options);
    this.#subscriptions.set(subscription.sid, subscription);
    this.outbound.control(subscriptionLine(subscription));
    return subscription;
  }

  get subscriptions(): Iterable<SubscriptionImpl> {
    return this.#subscriptions.values();
  }

  get subscriptionCount(): number {
    return this.#subscriptions.size;
  }

  sendUnsubscribe(subscription: SubscriptionImpl, max: number): void {
    const count = max > 0 ? ` ${max}` : "";
    this.outbound.control(`UNSUB ${subscription.sid}${count}\r\n`);
  }

  forget(subscription: SubscriptionImpl): void {
    this.#subscriptions.delete(subscription.sid);
    if (this.#lastDelivered === subscription) this.#lastDelivered = null;
  }

  slowConsumer(subscription: SubscriptionImpl, error: SlowConsumerError): void {
    this.lastError = error;
    this.hub.emit({ type: "slowConsumer", sub: subscription, pending: subscription.getPending(), error });
  }

  callbackFailed(error: CallbackError): void {
    this.reportError(error);
  }

  setPaused(subscription: SubscriptionImpl, paused: boolean): void {
    if (paused) this.#pausing.add(subscription);
    else this.#pausing.delete(subscription);
    if (paused && this.#pausing.size === 1) this.session?.duplex.pause();
    if (!paused && this.#pausing.size === 0) this.session?.duplex.resume();
  }

  roundTrip(timeoutMs: number): Promise<void> {
    if (this.session === null) return Promise.reject(new DisconnectedError());
    return this.flush({ timeout: timeoutMs });
  }

  /** Resolves when the server has answered a PING that went out behind everything sent before. */
  async flush(options: WaitOptions): Promise<void> {
    if (this.state === "closed") throw new ClosedConnectionError();
    throwIfAborted(options.signal);
    const timeoutMs = options.timeout ?? this.options.flushTimeout;
    const gaveUp: Deferred<never> = deferred();
    const timer = this.runtime.clock.setTimer(timeoutMs, () => gaveUp.reject(new TimeoutError()), true);
    const off = onAbort(options.signal, (reason) => gaveUp.reject(reason));
    try {
      if (this.session === null) await Promise.race([this.untilConnected(), gaveUp]);
      await Promise.race([this.#ping(), gaveUp]);
    } finally {
      timer.cancel();
      off();
    }
  }

  #ping(): Promise<void> {
    const session = this.session;
    if (session === null) return Promise.reject(new DisconnectedError());
    const answered = session.expectPong();
    this.outbound.control(PING_LINE);
    this.outbound.flush();
    return answered;
  }

  // --- the parts of it

  #drop(error: Error, mayReconnect: boolean): void {
    this.session?.destroy(error);
    this.#lost(error, mayReconnect);
  }

  #lost(error: Error | null, mayReconnect: boolean): void {
    if (this.state === "closed") return;
    const wasDraining = this.state === "draining";
    this.session = null;
    this.#heartbeat?.stop();
    const { inFlightMsgs, droppedMsgs } = this.outbound.detach();
    if (error !== null) this.lastError = error;
    const server = this.pool.current?.address.listen ?? "";
    const reason = error ?? this.#serverWord;
    const status = { type: "disconnect", server, unconfirmed: inFlightMsgs } as const;
    this.hub.emit(reason === undefined ? status : { ...status, error: reason });
    if (droppedMsgs > 0) {
      this.reportError(
        new PublishRefusedError(
          `${droppedMsgs} messages that were waiting to be sent when the connection was lost are dropped: 'offline.policy' is '${this.options.offline.policy}' with ${this.options.offline.bytes} bytes`,
          "ERR_NATS_RECONNECT_BUFFER_EXCEEDED",
        ),
      );
    }
    if (!mayReconnect || wasDraining || !this.options.reconnect) {
      void this.close(reason ?? new ConnectionError("The server closed the connection"));
      return;
    }
    this.state = "reconnecting";
    void this.#keeper.reconnect();
  }

  #takeInfo(info: ServerInfo, entry: PoolEntry, tell: boolean): void {
    const wasLameDuck = this.info?.ldm === true && tell;
    this.info = info;
    if (info.max_payload > 0) this.outbound.payloadBytesMax = info.max_payload;
    if (this.options.ignoreClusterUpdates !== true) {
      const isWeb = entry.address.scheme === "ws" || entry.address.scheme === "wss";
      const change = this.pool.update(isWeb ? info.ws_connect_urls : info.connect_urls, entry.address);
      const changed = change.added.length > 0 || change.deleted.length > 0;
      if (changed && (tell || this.reconnects > 0)) this.hub.emit({ type: "update", ...change });
    }
    if (info.ldm === true && !wasLameDuck) this.hub.emit({ type: "ldm", server: entry.address.listen });
  }

  /** What brings all subscriptions back on a new connection. */
  #subscriptionLines(): string {
    let lines = "";
    for (const subscription of this.#subscriptions.values()) lines += subscriptionLine(subscription);
    return lines;
  }
}

function subscriptionLine(subscription: SubscriptionImpl): string {
  const group = subscription.queueGroup === undefined ? "" : ` ${subscription.queueGroup}`;
  const line = `SUB ${subscription.subject}${group} ${subscription.sid}\r\n`;
  const max = subscription.beginSession();
  return max > 0 ? `${line}UNSUB ${subscription.sid} ${max}\r\n` : line;
}
