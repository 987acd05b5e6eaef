// How a connection gets its bytes across: a dialer makes links, a link is a duplex that may be able to start TLS.

import type { Duplex, DuplexSink } from "@myelin/platform";
import type { TlsOptions } from "../options.ts";
import type { ServerAddress } from "../servers/address.ts";

/** A sink that can take bytes for good: see `receivedOwned`. */
export interface OwningSink extends DuplexSink {
  /** As `received`, for bytes that nobody will overwrite. Reads that follow each other in one block cost no copy. */
  receivedOwned(bytes: Uint8Array, start: number, end: number): void;
  /**
   * The next read goes into `block`, a fresh one. What is incomplete until now is copied to its front, so that the two are
   * one range, if all of it has room there.
   *
   * @returns How many bytes that are: the read goes right behind them.
   */
  carryOver(block: Uint8Array): number;
}

/** One way to a server. The bytes go through `duplex`; see `@myelin/platform` for its contract. */
export interface Link {
  readonly duplex: Duplex;
  /** Nobody between here and the server can read along: TLS, wss, or the same process. */
  readonly secure: boolean;
  /** What the CONNECT message tells of the transport: WebSocket servers do not ask for TLS inside. */
  readonly kind: "tcp" | "websocket" | "in-process" | "custom";
  /** Starts TLS over this link, which is used up by it. Absent where that is impossible. */
  startTls?(tls: TlsOptions, serverName: string, signal: AbortSignal): Promise<Link>;
}

/** What a dialer needs to know besides the address. */
export interface DialOptions {
  readonly tls: TlsOptions | null;
  /** Start TLS before the server says anything. */
  readonly tlsFirst: boolean;
  /** HTTP headers for a WebSocket handshake. */
  readonly webSocketHeaders: Readonly<Record<string, string>>;
  readonly webSocketCompression: boolean;
  /** Longest WebSocket message, unpacked: a server that sends more loses the connection before it is unpacked. */
  readonly webSocketBytesMax: number;
  readonly webSocketFactory: ((url: string) => Promise<{ socket: WebSocketLike; encrypted: boolean }>) | null;
  readonly localAddress: string | null;
}

/** Makes links. Aborting the signal frees whatever was opened and rejects with the signal's reason. */
export interface Dialer {
  /**
   * @param host - Where to connect: the address's host name, or one of the IP addresses that it resolves to.
   */
  dial(address: ServerAddress, host: string, options: DialOptions, signal: AbortSignal): Promise<Link>;
}

/** The part of a WebSocket that is used: browsers', Node's, Deno's and the `ws` package's all have it. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}
