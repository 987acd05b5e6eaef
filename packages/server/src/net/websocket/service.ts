// WebSocket in a server: its listener, the requests that a program's own HTTP server passes on, and what differs for clients that
// come this way. Made by server.ts, which attaches the clients.

import type { IncomingMessage } from "node:http";
import type { Duplex, Network } from "@myelin/platform";
import type { Authenticator, ConnectionContext } from "../../connection/context.ts";
import type { ServerOptions } from "../../options.ts";
import { type ListenerTls, listenerTls } from "../../tls/listener-tls.ts";
import type { Ocsp } from "../../tls/ocsp.ts";
import type { WebSocketOptions } from "../../websocket-options.ts";
import { hostPort } from "../listener.ts";
import { CookieAuthenticator, cookieCredentials } from "./credentials.ts";
import { StagePool } from "./frame-writer.ts";
import { WebSocketGate } from "./gate.ts";
import { WebSocketListener } from "./listener.ts";
import { CodecPool } from "./message-codec.ts";
import { Unmasker } from "./unmask.ts";

/** A compressed message may come to this many times `max_payload`, and never to more than the second (websocket.go wsMaxMessageSize). */
const DECOMPRESSED_PAYLOADS_MAX = 8;
const DECOMPRESSED_BYTES_MAX = 64 * 1024 * 1024;

/** What it takes of the server. */
export interface WebSocketServerSide {
  readonly network: Network;
  /** Of clients that come by TCP. */
  readonly context: ConnectionContext;
  readonly ocsp: Ocsp;
  /** Says who may come in here, as things stand. */
  readonly authenticator: () => Authenticator;
  /** INFO as clients here get it. */
  readonly info: ConnectionContext["info"];
  /** Serves a client. */
  readonly attach: (duplex: Duplex, context: ConnectionContext) => void;
}

/** The listener for WebSockets could not be had. */
export class WebSocketListenError extends Error {
  override readonly name = "WebSocketListenError";
  /** The platform's: `EADDRINUSE`, `EACCES`, ... */
  readonly code: string | undefined;
  readonly host: string;
  readonly port: number;
  override readonly cause: Error;

  constructor(host: string, port: number, cause: Error) {
    super(`Unable to listen for websocket connections: ${cause.message}`);
    this.code = (cause as NodeJS.ErrnoException).code;
    this.host = host;
    this.port = port;
    this.cause = cause;
  }
}

/** WebSocket in one server. */
export class WebSocketService {
  options: WebSocketOptions;
  readonly #context: ConnectionContext;
  readonly #codecs: CodecPool;
  readonly #gate: WebSocketGate;
  readonly #listener: WebSocketListener;
  readonly #ocsp: Ocsp;
  #tls: ListenerTls | null;
  #port = 0;

  constructor(options: WebSocketOptions, side: WebSocketServerSide) {
    this.options = options;
    const { context, network, ocsp } = side;
    this.#ocsp = ocsp;
    const { clock, logger, readBuffer } = context;
    this.#context = contextHere(options, side);
    this.#codecs = new CodecPool(maxMessageBytes(context.options));
    const parts = { clock, unmasker: new Unmasker(context.arena), stages: new StagePool(), codecs: this.#codecs };
    this.#gate = new WebSocketGate(options, parts, logger, (duplex, cookies) =>
      side.attach(duplex, this.#contextOf(cookies)),
    );
    this.#tls = this.#createTls(options, context.options);
    this.#listener = new WebSocketListener(options, {
      network,
      clock,
      logger,
      readBuffer,
      gate: this.#gate,
    });
    this.#listener.tls = this.#tls;
  }

  /** The port that it listens on; 0 without a listener. */
  get port(): number {
    return this.#port;
  }

  /** Where a client on this machine connects; null without a listener. */
  get url(): string | null {
    if (this.#port === 0) return null;
    const { host, tls } = this.options;
    const isAny = host === "0.0.0.0" || host === "::" || host === "";
    return `${tls === null ? "ws" : "wss"}://${hostPort(isAny ? "127.0.0.1" : host, this.#port)}`;
  }

  /** Begins to listen, where the options have a port. Rejects with the platform's error when the address cannot be had. */
  async open(): Promise<void> {
    const { host, port } = this.options;
    if (port === 0) return;
    await this.#tls?.ocsp?.start();
    try {
      this.#port = await this.#listener.open();
    } catch (error) {
      throw new WebSocketListenError(host, port, error as Error);
    }
  }

  /** The server's options are others now. Most are read where they are needed; this takes what is kept. */
  optionsChanged(): void {
    this.#codecs.maxMessageBytes = maxMessageBytes(this.#context.options);
  }

  /** Takes other certificates for handshakes that begin from now on. Nothing else may be different. */
  reload(options: WebSocketOptions): void {
    this.options = options;
    this.#stopTls();
    this.#tls = this.#createTls(options, this.#context.options);
    if (options.port !== 0) this.#tls?.ocsp?.startLater();
    this.#listener.tls = this.#tls;
  }

  /** Stops listening; resolves when the port is free. */
  async close(): Promise<void> {
    this.#stopTls();
    this.#codecs.close();
    await this.#listener.close();
  }

  /** Answers a request that another HTTP server was asked to upgrade. See {@link WebSocketGate.upgrade}. */
  upgrade(request: IncomingMessage, inner: Duplex, head: Uint8Array, isSecure: boolean): void {
    this.#gate.upgrade(request, inner, head, isSecure, null);
  }

  #createTls({ tls }: WebSocketOptions, options: ServerOptions): ListenerTls | null {
    const { clock, logger } = this.#context;
    return tls === null ? null : listenerTls(tls, false, { clock, logger, ocsp: this.#ocsp, options });
  }

  #stopTls(): void {
    this.#tls?.rate?.stop();
    this.#tls?.ocsp?.stop();
  }

  #contextOf(cookies: ReadonlyMap<string, string>): ConnectionContext {
    const credentials = cookieCredentials(this.options, cookies);
    if (credentials === null) return this.#context;
    let authenticator = new CookieAuthenticator(this.#context.authenticator, credentials);
    const get = (): Authenticator => {
      const { authenticator: inner } = this.#context;
      // The same for as long as nothing has changed: who asks compares.
      if (authenticator.inner !== inner) authenticator = new CookieAuthenticator(inner, credentials);
      return authenticator;
    };
    return derived(this.#context, { authenticator: { get } });
  }
}

/** The server's context with what is different here. Options and authenticator of the server may be replaced, so both are looked up. */
function contextHere(here: WebSocketOptions, { authenticator, context, info }: WebSocketServerSide): ConnectionContext {
  let from: ServerOptions | null = null;
  let options = context.options;
  return derived(context, {
    info: { value: info },
    // It has been done before there is a WebSocket.
    tls: { value: null },
    authenticator: { get: authenticator },
    options: {
      get: () => {
        if (context.options !== from) {
          from = context.options;
          options = optionsHere(from, here);
        }
        return options;
      },
    },
  });
}

/** A context that is another one but for some properties. */
function derived(context: ConnectionContext, changes: PropertyDescriptorMap): ConnectionContext {
  return Object.create(context, changes) as ConnectionContext;
}

/** What a compressed message may come to. */
function maxMessageBytes({ maxPayloadBytes }: ServerOptions): number {
  return Math.min(maxPayloadBytes * DECOMPRESSED_PAYLOADS_MAX, DECOMPRESSED_BYTES_MAX);
}

/** The server's options with the times that hold here. */
function optionsHere(options: ServerOptions, here: WebSocketOptions): ServerOptions {
  const authTimeoutMs = here.authTimeoutMs ?? options.authTimeoutMs;
  const pingIntervalMs = here.pingIntervalMs ?? options.pingIntervalMs;
  return Object.freeze({ ...options, authTimeoutMs, pingIntervalMs });
}
