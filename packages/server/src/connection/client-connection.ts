// One client's connection: its state, its life from INFO to the end, and its face as a subscriber.
// net/listener.ts (or an in-process attach) makes it; it owns its duplex, and passes what arrives to Inbound -> parser -> ClientDispatch.

import type { Duplex, DuplexSink, Farewell, Timer, TlsSession } from "@myelin/platform";
import {
  CLIENT_PROTOCOL_MAX,
  ClientParser,
  type ConnectOptions,
  DEFAULT_CONNECT_OPTIONS,
  latin1Bytes,
  PROTOCOL_ERRORS,
  type ProtocolErrorCode,
  type Publication,
} from "@myelin/protocol";
import { createNonce } from "../auth/nkey.ts";
import { ProxyHeaderError } from "../net/proxy-header.ts";
import { WebSocketError } from "../net/websocket/websocket-duplex.ts";
import { type Account, noTraffic, type Traffic } from "../routing/account.ts";
import type { Subscriber } from "../routing/subscriber.ts";
import type { Subscription } from "../routing/subscription.ts";
import { showInstancesAs } from "../secrets-cover.ts";
import { isPinned } from "../tls/peer-certificate.ts";
import { ClientAdmission } from "./client-admission.ts";
import { writeMessage } from "./client-delivery.ts";
import { ClientDispatch } from "./client-dispatch.ts";
import { addressLabel, connectLabel, identityLabel, refusedLabel } from "./client-label.ts";
import type { ClientRights } from "./client-rights.ts";
import { ClientTrace } from "./client-trace.ts";
import { CLOSE_REASONS, type CloseReason } from "./close-reasons.ts";
import type { Authenticator, ConnectionContext, InfoFace } from "./context.ts";
import { Inbound } from "./inbound.ts";
import { Outbound, type OutboundOwner } from "./outbound.ts";
import { type PingTarget, PingTimer } from "./ping-timer.ts";
import { SecureStart, type SecureStartOwner } from "./secure-start.ts";
import { Stall, type StallOwner } from "./stall.ts";

const OK_LINE = latin1Bytes("+OK\r\n");
const PING_LINE = latin1Bytes("PING\r\n");
const PONG_LINE = latin1Bytes("PONG\r\n");
/** A connection that ends gets this long to take what is waiting for it (client.go flushAndClose). */
const LAST_FLUSH_MS = 100;

/** A client's connection. Everything public here is for the other files of this folder, monitoring and the server. */
export class ClientConnection
  implements DuplexSink, Subscriber, OutboundOwner, PingTarget, SecureStartOwner, StallOwner
{
  readonly kind = "client";
  readonly id: number;
  readonly duplex: Duplex;
  readonly subscriptions: Map<string, Subscription> = new Map();
  readonly traffic: Traffic = noTraffic();
  readonly pings: PingTimer;
  readonly stall: Stall;
  trace: ClientTrace | null = null;
  /** Wall time of the accept, for monitoring. */
  readonly startWallMs: number;
  account: Account;
  /** Whom authentication took the client for; empty where it asks for nobody. */
  userName: string;
  /** What the client may do; null: everything. */
  rights: ClientRights | null;
  /** What the client signs with its nkey; empty where nobody has one. */
  readonly nonce: string;
  /** The key of the trusted proxy that spoke for the client; empty without one. */
  proxyKey = "";
  /** Why the client is closed where authentication refuses it. */
  refusalReason: CloseReason = "AUTHENTICATION_FAILURE";
  /** Null without TLS. */
  tls: TlsSession | null;
  /** Whether the TLS handshake came before INFO. */
  isTlsFirst = false;
  connect: Readonly<ConnectOptions> = DEFAULT_CONNECT_OPTIONS;
  /** From `connect`, beside each other because the message path reads them. */
  echo = true;
  verbose = true;
  pedantic = true;
  takesHeaders = false;
  wantsNoResponders = false;
  connectReceived = false;
  /** Whether the server has told its observer of this client. */
  isAnnounced = false;
  lastHeardMs: number;
  isClosed = false;

  readonly #context: ConnectionContext;
  readonly #out: Outbound;
  readonly #inbound: Inbound;
  readonly #parser: ClientParser;
  readonly #dispatch: ClientDispatch;
  readonly #admission: ClientAdmission;
  /** Set until the duplex is opened, where it may come to TLS. */
  #secureStart: SecureStart | null = null;
  #label: string;
  #firstPongSent = false;
  /** Set between a reload and the moment at which the client is asked for again: who let it in. */
  #admittedBy: Authenticator | null = null;
  #duplexClosed = false;
  #closing: Timer | null = null;
  /** Why the connection ends, for a WebSocket's peer. */
  #farewell: Farewell = { status: 0, text: "" };
  /** The peer ended while the parser was suspended: what it sent before counts, then the connection ends. */
  #endsLater = false;

  /** @param duplex - Not opened yet; the connection opens it in {@link start}. */
  constructor(id: number, duplex: Duplex, context: ConnectionContext) {
    const { options } = context;
    this.id = id;
    this.duplex = duplex;
    this.tls = duplex.tls ?? null;
    this.#admission = new ClientAdmission(context, this);
    const assumed = this.#admission.assume();
    this.account = assumed?.account ?? context.globalAccount;
    this.userName = assumed?.userName ?? "";
    this.rights = this.#admission.rightsOf(assumed);
    this.nonce = context.authenticator.usesNonce ? createNonce(context.random) : "";
    this.#label = addressLabel(duplex, id);
    this.startWallMs = context.clock.wallMs();
    this.lastHeardMs = context.clock.monotonicMs();
    this.pings = new PingTimer(context.clock, options.pingIntervalMs, options.pingMax, this);
    this.stall = new Stall(this, context.clock);
    this.#context = context;
    this.#out = new Outbound(context.arena, context.flushQueue, duplex, context.clock, options, this);
    this.#dispatch = new ClientDispatch(context, this);
    this.#parser = new ClientParser(this.#dispatch, context.scratch);
    this.#takeOptions();
    this.#inbound = new Inbound(context.arena, context.readBuffer, this.#parser);
  }

  /** The server's options are others now. Most are read where they are needed; this takes those that are kept. */
  optionsChanged(): void {
    if (this.isClosed) return;
    const { options, random } = this.#context;
    this.#takeOptions();
    this.#out.limits = options;
    this.pings.configure(options.pingIntervalMs, options.pingMax, random);
  }

  /** Options that the parser or the message path keep. */
  #takeOptions(): void {
    const { logger, options } = this.#context;
    this.trace = options.trace ? new ClientTrace(logger, () => this.label()) : null;
    this.#parser.maxControlLineBytes = options.maxControlLineBytes;
    this.#parser.maxPayloadBytes = options.maxPayloadBytes;
    this.#parser.watchesLines = this.pedantic || this.trace !== null;
  }

  /** Sends INFO and begins to read, with TLS or without. */
  start(): void {
    const { clock, tls } = this.#context;
    this.account.connections++;
    this.logDebug("Client connection created");
    if (tls === null || this.duplex.transport !== "tcp") {
      this.#open(true);
      return;
    }
    this.#secureStart = new SecureStart(this.duplex, tls, clock, this);
    this.#secureStart.begin();
  }

  // From the beginning with TLS.

  sendPlainInfo(): void {
    this.#sendFirstInfo();
    this.#out.flush();
  }

  startedSecure(session: TlsSession, first: boolean): void {
    this.tls = session;
    this.isTlsFirst = first;
    if (!this.#hasPin()) {
      // The pins changed during the handshake.
      this.close("TLS_HANDSHAKE_ERROR");
      return;
    }
    this.logDebug("TLS handshake complete");
    this.logDebug(`TLS version ${session.version}, cipher suite ${session.cipherSuite}`);
    this.#open(first);
  }

  startedPlain(): void {
    this.#open(false);
  }

  startThrottled(): void {
    this.#secureStart = null;
    this.duplex.open(this);
    this.sendErrorText("Connection throttling is active. Please try again later.");
    this.close("MAX_CONNECTIONS");
  }

  startFailed(): void {
    this.close("TLS_HANDSHAKE_ERROR");
  }

  #open(sendsInfo: boolean): void {
    this.#secureStart = null;
    this.duplex.open(this);
    if (sendsInfo) this.#sendFirstInfo();
    // INFO leaves at once: the peer waits for it.
    this.#out.flush();
    this.#admission.expectConnect();
    this.pings.start(this.#context.random);
  }

  /** Whether the client may stay as far as pinned certificates go. One whose handshake is under way is looked at when it is done. */
  mayStayPinned(): boolean {
    return this.#secureStart !== null || this.#hasPin();
  }

  #hasPin(): boolean {
    const { tls } = this.#context;
    if (tls === null || this.duplex.transport !== "tcp") return true;
    const { pinnedCerts } = tls.settings;
    // Who may come without TLS needs no certificate.
    return this.tls === null ? tls.allowNonTls || pinnedCerts === null : isPinned(this.tls, pinnedCerts);
  }

  /**
   * Who may come in has changed since `previous` let this client in. It is asked again by {@link authorizeAgain}, and before
   * anything else that it sends is read; see Server.
   */
  authorizeLater(previous: Authenticator): void {
    // Who waits for an answer is asked for again when it comes. Of several reloads the first one's `previous` has let it in.
    if (!this.isClosed && !this.#admission.isPending) this.#admittedBy ??= previous;
  }

  /** Asks again who the client is, where that was put off; see {@link ClientAdmission.askAgain}. @returns Whether it was. */
  authorizeAgain(): boolean {
    const previous = this.#admittedBy;
    if (previous === null) return false;
    this.#admittedBy = null;
    try {
      this.#admission.askAgain(previous);
    } catch (error) {
      this.#failInternally(error);
    }
    return true;
  }

  /** As log lines name it; see client-label.ts. */
  label(): string {
    return this.#label;
  }

  get pendingBytes(): number {
    return this.#out.pendingBytes;
  }

  // From the duplex.

  received(bytes: Uint8Array, start: number, end: number): void {
    if (this.#admittedBy !== null) this.authorizeAgain();
    if (this.isClosed) return;
    try {
      this.#inbound.received(bytes, start, end);
    } catch (error) {
      this.#failInternally(error);
    }
    this.#endRead();
  }

  /** Adds up what a read brought. */
  #endRead(): void {
    const dispatch = this.#dispatch;
    if (dispatch.turnMsgs > 0) this.#countPublished();
    dispatch.turnChanges = 0;
    if (dispatch.active) {
      dispatch.active = false;
      if (!this.connectReceived) this.#admission.acted();
      this.lastHeardMs = this.#context.clock.monotonicMs();
    }
    if (this.stall.isDue && this.stall.wait()) this.#context.counters.stalls++;
  }

  written(): void {
    this.#out.written();
  }

  ended(): void {
    if (this.#parser.suspended) this.#endsLater = true;
    else this.close("CLIENT_CLOSED");
  }

  closed(error: Error | null): void {
    this.#duplexClosed = true;
    this.#closing?.cancel();
    if (error instanceof WebSocketError) this.logError(`read error: ${error.message}`);
    this.close(
      error === null ? "CLIENT_CLOSED" : error instanceof ProxyHeaderError ? "PROTOCOL_VIOLATION" : "READ_ERROR",
    );
    this.#out.release();
    this.#inbound.release();
  }

  // From routing.

  deliver(message: Publication, subscription: Subscription, from: Subscriber | null): boolean {
    if (from === this && !this.echo) return false;
    if (subscription.closed || this.isClosed) return false;
    const { rights } = this;
    if (subscription.filtered && rights !== null && !rights.mayReceive(message, subscription)) return false;
    // It counts, whether or not it can be written.
    const isLast = ++subscription.delivered === subscription.max;
    const taken = this.#write(message, subscription, from);
    if (rights !== null && taken) rights.delivered(message);
    if (isLast) {
      this.dropSubscription(subscription);
      this.account.retire(subscription);
    }
    return taken;
  }

  #write(message: Publication, subscription: Subscription, from: Subscriber | null): boolean {
    const out = this.#out;
    if (out.congested && from !== null && from.kind === "client") {
      if (this.#context.options.noFastProducerStall) return false;
      (from as ClientConnection).stall.causedBy(this.stall);
    }
    if (!writeMessage(out, this.#context.arena, message, subscription, this.takesHeaders)) return false;
    this.trace?.delivery(message, subscription.sid, message.headerSize > 0 && this.takesHeaders);
    return true;
  }

  // From the outbound side.

  slowConsumer(reason: "SLOW_CONSUMER_PENDING_BYTES" | "SLOW_CONSUMER_WRITE_DEADLINE"): void {
    this.#context.counters.slowConsumers++;
    this.account.slowConsumers++;
    const { maxPendingBytes, writeDeadlineMs } = this.#context.options;
    this.logInfo(
      reason === "SLOW_CONSUMER_PENDING_BYTES"
        ? `Slow Consumer Detected: MaxPending of ${maxPendingBytes} Exceeded`
        : `Slow Consumer Detected: WriteDeadline of ${writeDeadlineMs / 1000}s exceeded with ${this.pendingBytes} total bytes.`,
    );
    this.#context.router.slowConsumer(this, reason);
    // Routing may be walking over this connection's subscriptions right now.
    queueMicrotask(() => this.close(reason));
  }

  caughtUp(): void {
    this.stall.release();
  }

  drained(): void {
    if (this.#closing !== null) this.#finish();
  }

  // From the stall.

  get isCongested(): boolean {
    return this.#out.congested;
  }

  stalled(): void {
    this.duplex.pause();
  }

  unstalled(): void {
    if (!this.isClosed && !this.#parser.suspended) this.duplex.resume();
  }

  sent(msgs: number, bytes: number): void {
    for (const traffic of [this.traffic, this.account.traffic, this.#context.counters.traffic]) {
      traffic.outMsgs += msgs;
      traffic.outBytes += bytes;
    }
  }

  // From the PING timer.

  sendPing(): void {
    this.trace?.out("PING");
    this.#out.append(PING_LINE);
  }

  stale(): void {
    this.#context.counters.staleConnections++;
    this.logDebug("Stale Client Connection - Closing");
    this.sendError("STALE_CONNECTION");
    this.close("STALE_CONNECTION");
  }

  // From the dispatcher.

  /** A CONNECT was read. */
  connected(connect: ConnectOptions): void {
    const { options, random } = this.#context;
    // Who acts as somebody else from now on takes nothing along; a first operation without CONNECT stood for one.
    if (this.connectReceived || this.#admission.isTaken) this.#leaveAccount();
    if (!this.connectReceived) this.pings.start(random);
    this.connectReceived = true;
    this.#parser.expectsConnect = false;
    this.connect = connect;
    this.echo = connect.echo;
    this.verbose = connect.verbose;
    this.pedantic = connect.pedantic;
    this.takesHeaders = connect.headers && !options.noHeaderSupport;
    this.wantsNoResponders = connect.no_responders;
    this.#parser.acceptsHeaders = this.takesHeaders;
    this.#parser.watchesLines = connect.pedantic || this.trace !== null;

    this.#admission.ask(() => this.#admitted());
  }

  // From its admission.

  /** Whether the next operation has to be CONNECT. */
  expectConnect(isExpected: boolean): void {
    this.#parser.expectsConnect = isExpected;
  }

  /** Takes no further operation until {@link goOnReading}. */
  suspendReading(): void {
    this.#parser.suspend();
    this.duplex.pause();
  }

  /** Takes no further operation in this turn, and goes on in the next: others have their turn in between. */
  yieldTurn(): void {
    this.suspendReading();
    setImmediate(() => this.goOnReading(null));
  }

  /** Ends a suspension of the parser: does what it waited for, and then what has come meanwhile. */
  goOnReading(first: (() => void) | null): void {
    if (this.#admittedBy !== null) this.authorizeAgain();
    // A turn that is over ends nothing else than the wait for the next.
    if (this.isClosed || this.#admission.isPending) return;
    this.#parser.resume();
    try {
      first?.();
      if (!this.isClosed) this.#inbound.resume();
    } catch (error) {
      this.#failInternally(error);
    }
    this.#endRead();
    if (this.isClosed || this.#parser.suspended) return;
    if (this.#endsLater) this.close("CLIENT_CLOSED");
    else if (!this.stall.isWaiting) this.duplex.resume();
  }

  /** What the client may do, or as whom, is something else now. */
  rightsChanged(): void {
    this.#dispatch.forget();
    if (!this.connectReceived) return;
    const who = identityLabel(this.connect, this.userName);
    this.#label = addressLabel(this.duplex, this.id) + connectLabel(this.connect, this.account.name, who);
  }

  #admitted(): void {
    const { connect } = this;
    if (connect.protocol < 0 || connect.protocol > CLIENT_PROTOCOL_MAX) {
      this.refuse("BAD_CLIENT_PROTOCOL", "BAD_CLIENT_PROTOCOL");
      return;
    }
    if (connect.no_responders && !this.takesHeaders) {
      this.refuse("NO_RESPONDERS_WITHOUT_HEADERS", "NO_RESPONDERS_WITHOUT_HEADERS");
      return;
    }
    if (connect.verbose) this.sendOk();
    this.#context.router.connected(this);
  }

  /** PONG, and behind the first one the INFO that tells a client where it has landed. */
  answerPing(): void {
    this.trace?.out("PONG");
    this.#out.append(PONG_LINE);
    if (!this.connectReceived || this.#firstPongSent) return;
    this.#firstPongSent = true;
    if (this.connect.protocol >= 1) this.#sendLaterInfo(this.account);
  }

  /** A subscription ends: it takes nothing more and its sid is free. It is still in the sublist. */
  dropSubscription(subscription: Subscription): void {
    this.trace?.ended(subscription.sid);
    subscription.closed = true;
    this.subscriptions.delete(subscription.sid);
  }

  sendOk(): void {
    this.trace?.out("OK");
    this.#out.append(OK_LINE);
  }

  /** Sends `-ERR` with the text that belongs to the code, if one does. */
  sendError(code: ProtocolErrorCode): void {
    const { wire } = PROTOCOL_ERRORS[code];
    if (wire !== null) this.sendErrorText(wire);
  }

  sendErrorText(text: string): void {
    this.trace?.out("-ERR", text);
    this.#out.append(Buffer.from(`-ERR '${text}'\r\n`));
  }

  /** Sends a line or more, given as the latin1 reading of its bytes. */
  send(text: string): void {
    this.#out.append(latin1Bytes(text));
  }

  refuseAuthentication(): void {
    const who = refusedLabel(this.connect);
    this.logError(who === "" ? "authentication error" : `authentication error - ${who}`);
    this.refuse("AUTHORIZATION_VIOLATION", this.refusalReason);
  }

  refusePublish(quotedSubject: string): void {
    this.sendErrorText(`Permissions Violation for Publish to ${quotedSubject}`);
    this.logError(`Publish Violation - Subject ${quotedSubject}`);
  }

  refuseReply(quotedReply: string): void {
    this.sendErrorText(`Permissions Violation for Publish with Reply of ${quotedReply}`);
    this.logError(`Publish Violation - Reply ${quotedReply}`);
  }

  refuseSubscription(quotedSubject: string, quotedQueue: string | null, sid: string): void {
    const queue = quotedQueue === null ? "" : ` using queue ${quotedQueue}`;
    this.sendErrorText(`Permissions Violation for Subscription to ${quotedSubject}${queue}`);
    const loggedQueue = quotedQueue === null ? "" : `, Queue: ${quotedQueue}`;
    this.logError(`Subscription Violation - Subject ${quotedSubject}${loggedQueue}, SID ${sid}`);
  }

  refuseTokens(quotedSubject: string, sid: string): void {
    this.sendErrorText(`Permissions Violation for Subscription to ${quotedSubject}, too many tokens`);
    this.logError(`Subscription Violation Too Many Tokens - Subject ${quotedSubject}, SID ${sid}`);
  }

  /** Too many connections: told after INFO, before anything is read, and without TLS. */
  refuseConnection(): void {
    this.duplex.open(this);
    if (this.#context.tls?.settings.handshakeFirst !== true) this.#sendFirstInfo();
    this.endSurplus();
  }

  /** There may be fewer connections now than there are. */
  endSurplus(): void {
    this.logError("maximum connections exceeded");
    this.refuse("MAX_CONNECTIONS", "MAX_CONNECTIONS");
  }

  /**
   * Tells a client that takes INFO at any time how the server stands now (lame duck, other URLs).
   */
  sendAsyncInfo(): void {
    if (this.connect.protocol >= 1 && this.#firstPongSent) this.#sendLaterInfo(null);
  }

  /** Ends the connection: its subscriptions go now, its socket when what is waiting has been sent or could not be. */
  close(reason: CloseReason): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#parser.stop();
    this.pings.stop();
    this.#admission.stop();
    this.stall.stop();
    this.logDebug(`Client connection closed: ${CLOSE_REASONS[reason].text}`);
    this.#leaveAccount();
    this.account.connections--;
    this.#context.router.gone(this, reason);
    if (this.#secureStart !== null) this.#abandonStart(this.#secureStart);
    if (this.#duplexClosed) return;
    if (!CLOSE_REASONS[reason].flushes) {
      this.#out.close();
      this.duplex.destroy();
      return;
    }
    const { status, text } = CLOSE_REASONS[reason];
    this.#farewell = { status, text };
    this.#out.flush();
    if (this.#out.pendingBytes === 0) this.#finish();
    else this.#closing = this.#context.clock.setTimer(LAST_FLUSH_MS, () => this.duplex.destroy());
  }

  logError(text: string): void {
    this.#context.logger.error(`${this.label()} - ${text}`);
  }

  logInfo(text: string): void {
    this.#context.logger.info(`${this.label()} - ${text}`);
  }

  logDebug(text: string): void {
    if (this.#context.options.debug) this.#context.logger.debug(`${this.label()} - ${text}`);
  }

  /** Tells the client why, and ends the connection. */
  refuse(code: ProtocolErrorCode, reason: CloseReason): void {
    this.sendError(code);
    this.close(reason);
  }

  /** Leaves the account that the client is in, with all subscriptions, for another. */
  enterAccount(account: Account): void {
    if (account === this.account) return;
    this.#leaveAccount();
    this.account.connections--;
    account.connections++;
    this.account = account;
  }

  /** Takes all subscriptions out of the account. */
  #leaveAccount(): void {
    for (const subscription of this.subscriptions.values()) {
      this.trace?.ended(subscription.sid);
      subscription.closed = true;
      this.account.sublist.remove(subscription);
    }
    this.subscriptions.clear();
  }

  /** The duplex was not opened yet: nobody would tell of its end. */
  #abandonStart(start: SecureStart): void {
    this.#secureStart = null;
    start.stop();
    this.duplex.destroy();
    this.closed(null);
  }

  /** The first INFO of the connection: with the nonce, and how TLS begins. */
  #sendFirstInfo(): void {
    const isTcp = this.duplex.transport === "tcp";
    const nonce = this.nonce === "" ? "" : `,"nonce":"${this.nonce}"`;
    this.#writeInfo(null, isTcp ? (this.isTlsFirst ? "tls-first" : "client") : "no-tls", nonce);
  }

  /** @param account - That of the client, where this answers its CONNECT. */
  #sendLaterInfo(account: Account | null): void {
    this.#writeInfo(account, this.duplex.transport === "tcp" ? "later" : "later-no-tls", "");
  }

  #writeInfo(account: Account | null, face: InfoFace, nonce: string): void {
    const { remote, transport } = this.duplex;
    const { head, tail } = this.#context.info(account, face);
    // Before its first bytes it is not known for whom a proxy speaks, and its own address is nobody's business.
    const isHidden =
      remote === null || (this.#context.options.proxyProtocol && transport === "tcp" && !this.connectReceived);
    const address = isHidden ? "" : `,"client_ip":"${remote.host}"`;
    this.#out.append(head);
    this.send(`,"client_id":${this.id}${address}${nonce}`);
    this.#out.append(tail);
  }

  #countPublished(): void {
    const dispatch = this.#dispatch;
    for (const traffic of [this.traffic, this.account.traffic, this.#context.counters.traffic]) {
      traffic.inMsgs += dispatch.turnMsgs;
      traffic.inBytes += dispatch.turnBytes;
    }
    dispatch.turnMsgs = 0;
    dispatch.turnBytes = 0;
    dispatch.active = true;
  }

  /** Our fault, whatever the peer sent: it costs this connection, nothing else. */
  #failInternally(error: unknown): void {
    this.logError(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    this.close("INTERNAL_ERROR");
  }

  #finish(): void {
    this.#closing?.cancel();
    this.#closing = null;
    this.duplex.close(this.#farewell);
  }
}

// Whoever prints one, or what it is part of, does not get the credentials that its CONNECT brought.
showInstancesAs(ClientConnection, (connection) => `ClientConnection ${connection.label()}`);
