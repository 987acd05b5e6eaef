// How Node, Deno and Bun get to a server: TCP, TLS, WebSocket.

import type { Clock } from "@myelin/platform";
import { ConnectionError } from "../errors.ts";
import { hostPort, type ServerAddress } from "../servers/address.ts";
import type { Dialer, DialOptions, Link, WebSocketLike } from "./dialer.ts";
import { dialTcp } from "./socket-node.ts";
import { readTlsFiles } from "./tls-files-node.ts";
import { openWebSocket } from "./web-socket.ts";

export class NodeDialer implements Dialer {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async dial(address: ServerAddress, host: string, options: DialOptions, signal: AbortSignal): Promise<Link> {
    if (address.scheme === "ws" || address.scheme === "wss") return this.#dialWebSocket(address, options, signal);
    const link = await dialTcp(host, address.port, options.localAddress, signal);
    if (!options.tlsFirst || link.startTls === undefined) return link;
    return link.startTls(options.tls ?? {}, address.tlsName, signal);
  }

  async #dialWebSocket(address: ServerAddress, options: DialOptions, signal: AbortSignal): Promise<Link> {
    const url = `${address.scheme}://${hostPort(address.hostname, address.port)}${address.path}`;
    const factory = options.webSocketFactory;
    const made =
      factory === null
        ? { socket: await makeSocket(url, options), encrypted: address.scheme === "wss" }
        : await factory(url);
    return openWebSocket(made.socket, url, made.encrypted, this.#clock, signal);
  }
}

type SocketClass = new (url: string, protocolsOrOptions?: object, options?: object) => WebSocketLike;

/** The platform's own WebSocket where it can do what is asked for, else that of the `ws` package. */
async function makeSocket(url: string, options: DialOptions): Promise<WebSocketLike> {
  const { handshakeFirst: _first, certFile: _cert, keyFile: _key, caFile: _ca, ...tls } = options.tls ?? {};
  const files = options.tls === null ? {} : await readTlsFiles(options.tls);
  const special = { ...tls, ...files };
  const isSpecial =
    Object.keys(special).length > 0 || Object.keys(options.webSocketHeaders).length > 0 || options.webSocketCompression;
  const own = (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (own !== undefined && !isSpecial) return new own(url);
  const Ws = await importWs();
  if (Ws === null) {
    throw new ConnectionError(
      "WebSocket connections need the package 'ws' here: npm install ws",
      { retryable: false },
      "ERR_NATS_TRANSPORT",
    );
  }
  return new Ws(url, [], {
    perMessageDeflate: options.webSocketCompression,
    maxPayload: options.webSocketBytesMax,
    headers: options.webSocketHeaders,
    ...special,
  });
}

/** The optional package; null when it is not installed. */
async function importWs(): Promise<SocketClass | null> {
  try {
    const name = "ws"; // not a literal, so that bundlers do not insist on it
    const module = (await import(name)) as { WebSocket: SocketClass };
    return module.WebSocket;
  } catch {
    return null;
  }
}
