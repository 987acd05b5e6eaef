// The listener for WebSockets: HTTP as far as the upgrade, then a client like any other.
//
//   accept -> (TLS) -> HandshakeStream -> node:http -> gate.ts -> WebSocketDuplex -> server
//
// Node's HTTP server never listens itself: it is given connections, so that TLS, the shared read buffer and a simulated network
// are the same here as for every other listener, and time is the server's clock.

import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Clock, Duplex, Listener, Network, Timer, TlsSession } from "@myelin/platform";
import type { Logger } from "../../logger.ts";
import { handshakeProblem } from "../../tls/handshake-error.ts";
import type { ListenerTls } from "../../tls/listener-tls.ts";
import { describeCertificates, isPinned } from "../../tls/peer-certificate.ts";
import type { WebSocketOptions } from "../../websocket-options.ts";
import { hostPort } from "../listener.ts";
import { peerLabel, REFUSAL_HEADERS, refusalAnswer, type WebSocketGate } from "./gate.ts";
import { HandshakeStream } from "./handshake-stream.ts";

const STATUS_BAD_REQUEST = 400;
const STATUS_TOO_LARGE = 431;

/** What the listener works with. */
export interface WebSocketListenerParts {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly gate: WebSocketGate;
  /** What connections read into; see ListenOptions. */
  readonly readBuffer: Uint8Array;
}

/** The listener for WebSockets. */
export class WebSocketListener {
  /** For handshakes that begin from now on; null without TLS. */
  tls: ListenerTls | null = null;
  readonly #options: WebSocketOptions;
  readonly #parts: WebSocketListenerParts;
  readonly #http: HttpServer;
  /** Handshakes under way, of TLS and of HTTP, with what ends those that take too long. */
  readonly #pending: Map<Duplex, Timer> = new Map();
  #listener: Listener | null = null;

  constructor(options: WebSocketOptions, parts: WebSocketListenerParts) {
    this.#options = options;
    this.#parts = parts;
    // A missing Host is ours to judge, so that it is logged like everything else.
    this.#http = createServer({ requireHostHeader: false })
      .on("request", (request, response) => this.#refuse(request, response))
      .on("connect", (request) => this.#refuseConnect(request))
      .on("upgrade", (request, _stream, head) => this.#upgrade(request, head))
      .on("clientError", (error, stream) => {
        const { code } = error as NodeJS.ErrnoException;
        const status = code === "HPE_HEADER_OVERFLOW" ? STATUS_TOO_LARGE : STATUS_BAD_REQUEST;
        if (stream.writable) stream.end(refusalAnswer(status));
        else stream.destroy();
      });
  }

  /**
   * Binds and listens.
   *
   * @returns The real port. Rejects with the platform's error when the address cannot be had.
   */
  async open(): Promise<number> {
    const { host, port } = this.#options;
    const { logger, network, readBuffer } = this.#parts;
    this.#listener = await network.listen({ host, port: Math.max(0, port), readBuffer }, (duplex) =>
      this.#accept(duplex),
    );
    const bound = this.#listener.local.port;
    const { tls } = this;
    logger.info(`Listening for websocket clients on ${tls === null ? "ws" : "wss"}://${hostPort(host, bound)}`);
    if (tls === null) logger.warn("Websocket not configured with TLS. DO NOT USE IN PRODUCTION!");
    return bound;
  }

  /** Stops listening and ends handshakes under way; resolves when the port is free. */
  async close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    for (const duplex of [...this.#pending.keys()]) duplex.destroy();
    await listener?.close();
  }

  #accept(duplex: Duplex): void {
    const { tls } = this;
    const { clock } = this.#parts;
    this.#pending.set(
      duplex,
      clock.setTimer(this.#options.handshakeTimeoutMs, () => duplex.destroy()),
    );
    if (tls === null) this.#serve(duplex, null);
    else this.#secure(duplex, tls);
  }

  #secure(duplex: Duplex, { rate, server, settings }: ListenerTls): void {
    if (duplex.startTls === undefined || (rate !== null && !rate.allow())) {
      this.#forget(duplex);
      duplex.destroy();
      return;
    }
    duplex.startTls(server, {
      secured: (session) => {
        if (isPinned(session, settings.pinnedCerts)) this.#serve(duplex, session);
        else {
          const shown = describeCertificates(session.peerCertificates);
          this.#failSecuring(duplex, `certificate not pinned${shown === "" ? "" : ` (${shown})`}`);
          duplex.destroy();
        }
      },
      failed: (error) => this.#failSecuring(duplex, handshakeProblem(error).text),
    });
  }

  #failSecuring(duplex: Duplex, problem: string): void {
    this.#forget(duplex);
    this.#parts.logger.error(`websocket: http: TLS handshake error from ${peerLabel(duplex)}: ${problem}`);
  }

  #serve(duplex: Duplex, session: TlsSession | null): void {
    const stream = new HandshakeStream(duplex, session);
    stream.once("close", () => this.#forget(duplex));
    this.#http.emit("connection", stream);
  }

  #forget(duplex: Duplex): void {
    this.#pending.get(duplex)?.cancel();
    this.#pending.delete(duplex);
  }

  #upgrade(request: IncomingMessage, head: Buffer): void {
    const stream = streamOf(request);
    this.#forget(stream.inner);
    this.#parts.gate.upgrade(request, stream.release(), head, stream.session !== null, stream.session);
  }

  #refuse(request: IncomingMessage, response: ServerResponse): void {
    const { inner, session } = streamOf(request);
    const status = this.#parts.gate.refuse(request, inner, session !== null);
    const text = `${STATUS_CODES[status] ?? ""}\n`;
    response.writeHead(status, { ...REFUSAL_HEADERS, "Content-Length": text.length, Connection: "close" }).end(text);
  }

  #refuseConnect(request: IncomingMessage): void {
    const stream = streamOf(request);
    stream.end(refusalAnswer(this.#parts.gate.refuse(request, stream.inner, stream.session !== null)));
  }
}

/** What the HTTP server was given as the connection. */
function streamOf(request: IncomingMessage): HandshakeStream {
  return request.socket as unknown as HandshakeStream;
}
