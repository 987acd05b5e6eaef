// One life of a connection: from an open link to its end. Reads operations and hands them on; knows nothing of reconnecting.

import type { Duplex } from "@myelin/platform";
import { MessageParseError, MessageParser, type MessageSink } from "@myelin/protocol/client";
import { type Deferred, deferred, handled } from "../deferred.ts";
import { ConnectionError, DisconnectedError, type NatsError, ProtocolError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { parseServerError } from "../server-error.ts";
import { parseServerInfo, type ServerInfo } from "../server-info.ts";
import type { Link, OwningSink } from "../transport/dialer.ts";

/** Who a session belongs to, once the handshake is done. */
export interface SessionOwner {
  message(
    bytes: Uint8Array,
    lineStart: number,
    sid: number,
    bodyStart: number,
    payloadStart: number,
    end: number,
  ): void;
  /** A later INFO. */
  serverInfoChanged(info: ServerInfo): void;
  serverError(text: string): void;
  /** Sends a line; here it is a PONG. */
  send(line: string): void;
  /** All operations of a read are dealt with. */
  blockDone(): void;
  written(): void;
  /** The link is gone; comes once, and only if the owner did not end it itself. */
  lost(error: Error | null): void;
  /** Tells of bytes in and out, when protocol operations are to be logged. */
  readonly trace: ((direction: "<" | ">", bytes: Uint8Array) => void) | null;
}

const encoder = /* @__PURE__ */ new TextEncoder();
const PONG_LINE = "PONG\r\n";
/** -ERR texts are shown and matched; no server sends longer ones. */
const ERROR_TEXT_MAX = 1024;

type PongWaiter = Deferred<void> | null;

/** Reads one link. In the handshake INFO, -ERR and PONG settle promises; afterwards everything goes to the owner. */
export class Session implements OwningSink, MessageSink {
  readonly link: Link;
  /** What the server said last; null before it said anything. */
  serverInfo: ServerInfo | null = null;
  readonly #runtime: Runtime;
  readonly #parser: MessageParser;
  readonly #duplex: Duplex;
  #owner: SessionOwner | null = null;
  #trace: ((direction: "<" | ">", bytes: Uint8Array) => void) | null = null;
  readonly #firstInfo: Deferred<ServerInfo> = deferred();
  #pongs: PongWaiter[] = [];
  #busy = false;
  /** More came behind INFO before anything was sent. */
  #spokeEarly = false;
  #ended = false;
  #released = false;
  #failure: Error | null = null;
  #linkClosed = false;
  #onClosed: (() => void) | null = null;
  /** Pings of the heartbeat that wait for their pong. */
  pendingPings = 0;

  constructor(runtime: Runtime, link: Link, messageBytesMax: number) {
    this.#runtime = runtime;
    this.link = link;
    this.#duplex = link.duplex;
    const limits = { lineBytesMax: 64 * 1024, infoBytesMax: 1024 * 1024, messageBytesMax };
    this.#parser = new MessageParser(this, limits, (size) => runtime.text.allocate(size));
    handled(this.#firstInfo);
  }

  /** Starts reading. */
  open(trace: SessionOwner["trace"]): void {
    this.#trace = trace;
    this.#duplex.open(this);
  }

  /** Resolves with the server's first INFO; rejects when something else comes, or nothing more. */
  firstInfo(): Promise<ServerInfo> {
    return this.#firstInfo;
  }

  /**
   * Lets go of the link, so that TLS can start on it.
   *
   * @throws ProtocolError when the server said more than INFO: somebody may have put it there before the encryption.
   */
  release(): void {
    if (this.#spokeEarly || !this.#parser.atBoundary) {
      throw new ProtocolError("The server sent more than INFO before TLS began");
    }
    this.#released = true;
    this.#parser.stop();
  }

  /** Sends during the handshake, past the owner's outgoing side. */
  sendEarly(text: string): void {
    const bytes = encoder.encode(text);
    if (!this.#duplex.write(bytes)) this.#busy = true;
  }

  /** Resolves with the next PONG; rejects when the session ends before. The caller sends the PING. */
  expectPong(): Promise<void> {
    const waiter: Deferred<void> = deferred();
    handled(waiter);
    if (this.#ended) waiter.reject(this.#lostWaiting());
    else this.#pongs.push(waiter);
    return waiter;
  }

  /** Notes that a ping of the heartbeat is on its way. */
  expectHeartbeat(): void {
    this.pendingPings++;
    this.#pongs.push(null);
  }

  /** From now on everything goes to `owner`. Returns whether the link is still writing what was sent before. */
  adopt(owner: SessionOwner): boolean {
    this.#owner = owner;
    return this.#busy;
  }

  get duplex(): Duplex {
    return this.#duplex;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Why it ended; null while it has not, or when the server just closed. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Ends the session at once. The owner is not told: it knows. */
  destroy(reason: Error | null): void {
    this.#owner = null;
    this.#finish(reason);
    this.#duplex.destroy();
  }

  /** Ends the session after what was written has gone. Resolves when the link is closed. */
  closeGently(timeoutMs: number): Promise<void> {
    this.#owner = null;
    this.#parser.stop();
    this.#finish(null);
    const done: Deferred<void> = deferred();
    this.#onClosed = () => done.resolve();
    if (this.#linkClosed) done.resolve();
    const timer = this.#runtime.clock.setTimer(timeoutMs, () => {
      this.#duplex.destroy();
      done.resolve();
    });
    this.#duplex.resume();
    this.#duplex.close();
    return done.finally(() => timer.cancel());
  }

  // --- DuplexSink

  received(bytes: Uint8Array, start: number, end: number): void {
    this.#take(bytes, start, end, false);
  }

  receivedOwned(bytes: Uint8Array, start: number, end: number): void {
    this.#take(bytes, start, end, true);
  }

  carryOver(block: Uint8Array): number {
    return this.#parser.carryOver(block);
  }

  #take(bytes: Uint8Array, start: number, end: number, owned: boolean): void {
    if (this.#ended) return;
    if (this.#trace !== null) this.#trace("<", bytes.subarray(start, end));
    try {
      if (owned) this.#parser.feedOwned(bytes, start, end);
      else this.#parser.feed(bytes, start, end);
    } catch (error) {
      this.#fail(toSessionError(error));
      return;
    }
    this.#owner?.blockDone();
  }

  written(): void {
    this.#busy = false;
    this.#owner?.written();
  }

  ended(): void {
    if (this.#released) return;
    this.#fail(null);
  }

  closed(error: Error | null): void {
    this.#linkClosed = true;
    this.#onClosed?.();
    if (this.#released) return;
    this.#fail(error);
  }

  // --- MessageSink

  info(bytes: Uint8Array, start: number, end: number): void {
    const info = parseServerInfo(this.#runtime.text.decode(bytes, start, end));
    const isFirst = this.serverInfo === null;
    this.serverInfo = info;
    if (isFirst) this.#firstInfo.resolve(info);
    else {
      this.#spokeEarly = true;
      this.#owner?.serverInfoChanged(info);
    }
  }

  message(
    bytes: Uint8Array,
    lineStart: number,
    sid: number,
    bodyStart: number,
    payloadStart: number,
    end: number,
  ): void {
    const owner = this.#owner;
    if (owner !== null) owner.message(bytes, lineStart, sid, bodyStart, payloadStart, end);
    else if (!this.#ended) throw new ProtocolError("The server sent a message before the connection was made");
  }

  ping(): void {
    this.#spokeEarly = true;
    if (this.#owner !== null) this.#owner.send(PONG_LINE);
    else if (!this.#ended && this.serverInfo !== null) this.sendEarly(PONG_LINE);
  }

  pong(): void {
    this.#spokeEarly = true;
    const waiter = this.#pongs.shift();
    if (waiter === null) this.pendingPings = 0;
    else waiter?.resolve();
  }

  ok(): void {
    this.#spokeEarly = true;
  }

  error(bytes: Uint8Array, start: number, end: number): void {
    this.#spokeEarly = true;
    const text = this.#runtime.text.decode(bytes, start, Math.min(end, start + ERROR_TEXT_MAX));
    if (this.#owner !== null) this.#owner.serverError(text);
    else this.#fail(parseServerError(text).error);
  }

  // --- the end

  #fail(error: Error | null): void {
    if (this.#ended) return;
    const owner = this.#owner;
    this.#owner = null;
    this.#finish(error);
    this.#duplex.destroy();
    owner?.lost(error);
  }

  #finish(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = error;
    this.#parser.stop();
    this.#firstInfo.reject(error ?? noInfo());
    const waiters = this.#pongs;
    this.#pongs = [];
    for (const waiter of waiters) waiter?.reject(this.#lostWaiting());
  }

  #lostWaiting(): DisconnectedError {
    return new DisconnectedError(this.#failure === null ? undefined : { cause: this.#failure });
  }
}

function noInfo(): NatsError {
  return new ConnectionError("The server closed the connection before it sent INFO", undefined, "ERR_NATS_NO_INFO");
}

function toSessionError(error: unknown): Error {
  if (error instanceof MessageParseError) return new ProtocolError(error.message, { cause: error });
  return error as Error;
}
