// Node's sockets as duplexes: TCP with a read buffer of its own, TLS, and any other stream that a custom dialer brings.

import { type OnReadOpts, type Socket, connect as socketConnect } from "node:net";
import type { Duplex as Stream } from "node:stream";
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from "node:tls";
import type { Duplex, DuplexSink, Endpoint } from "@myelin/platform";
import { ConnectionError, TlsError } from "../errors.ts";
import type { TlsOptions } from "../options.ts";
import type { Link, OwningSink } from "./dialer.ts";
import { ReadBlocks } from "./read-blocks.ts";
import { readTlsFiles } from "./tls-files-node.ts";

/** Wraps a connected stream. Bytes come by 'data' events, or by `feed` for a socket that reads into its own buffer. */
export class StreamDuplex implements Duplex {
  readonly remote: Endpoint | null;
  readonly local: Endpoint | null;
  readonly transport = "tcp";
  readonly #stream: Stream;
  #sink: (DuplexSink & Partial<Pick<OwningSink, "receivedOwned" | "carryOver">>) | null = null;
  #writesBegun = 0;
  #writesDone = 0;
  #waiting = false;
  #error: Error | null = null;
  readonly #onWritten: (error?: Error | null) => void;
  readonly #onData: (chunk: Uint8Array) => void;

  /** @param readsItself - The stream was made with a read buffer and calls {@link feed}. */
  constructor(stream: Stream, readsItself: boolean) {
    this.#stream = stream;
    const socket = stream as Partial<Socket>;
    this.remote = endpointOf(socket.remoteAddress, socket.remotePort);
    this.local = endpointOf(socket.localAddress, socket.localPort);
    this.#onWritten = () => this.#written();
    this.#onData = (chunk) => this.#sink?.received(chunk, 0, chunk.length);
    if (!readsItself) stream.on("data", this.#onData);
    stream.on("end", () => this.#sink?.ended());
    stream.on("error", (error) => {
      this.#error = error;
    });
    stream.on("close", () => this.#sink?.closed(this.#error));
    stream.pause();
  }

  open(sink: DuplexSink): void {
    this.#sink = sink;
    this.#stream.resume();
  }

  /** Hands on what was read into a block that is not used again. */
  feed(block: Uint8Array, start: number, end: number): void {
    const sink = this.#sink;
    if (sink?.receivedOwned !== undefined) sink.receivedOwned(block, start, end);
    else sink?.received(block, start, end);
  }

  /** See `OwningSink.carryOver`. */
  carryOver(block: Uint8Array): number {
    return this.#sink?.carryOver?.(block) ?? 0;
  }

  write(bytes: Uint8Array): boolean {
    this.#writesBegun++;
    this.#stream.write(bytes, this.#onWritten);
    // A socket tries to write at once; what it could not write stays counted. 'drain' does not come for every such write.
    if (this.#stream.writableLength === 0) return true;
    this.#waiting = true;
    return false;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): void {
    // Destroyed once everything is with the kernel: a half-open end would wait for the server.
    this.#stream.end(() => this.#stream.destroy());
  }

  destroy(): void {
    this.#stream.destroy();
  }

  /** Lets go of the stream, so that TLS can take it over. */
  release(): Stream {
    this.#sink = null;
    this.#stream.off("data", this.#onData);
    return this.#stream;
  }

  #written(): void {
    this.#writesDone++;
    if (!this.#waiting || this.#writesDone !== this.#writesBegun) return;
    this.#waiting = false;
    if (!this.#stream.destroyed) this.#sink?.written();
  }
}

/** Opens a TCP connection. Aborting destroys the socket at once, also one that hangs in a handshake. */
export function dialTcp(host: string, port: number, localAddress: string | null, signal: AbortSignal): Promise<Link> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    let duplex: StreamDuplex | null = null;
    const blocks = new ReadBlocks(
      (size) => Buffer.allocUnsafeSlow(size),
      (block) => duplex?.carryOver(block) ?? 0,
    );
    const onread: OnReadOpts = {
      buffer: () => blocks.room(),
      callback: (length) => {
        const start = blocks.took(length);
        duplex?.feed(blocks.block, start, start + length);
        return true;
      },
    };
    const local = localAddress === null ? {} : { localAddress };
    const socket = socketConnect({ host, port, noDelay: true, keepAlive: true, onread, ...local });
    const aborted = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", aborted, { once: true });
    const failed = (error: Error): void => {
      signal.removeEventListener("abort", aborted);
      reject(dialError(error, `${host}:${port}`));
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      signal.removeEventListener("abort", aborted);
      socket.off("error", failed);
      duplex = new StreamDuplex(socket, true);
      resolve(plainLink(duplex));
    });
  });
}

/** A link over a stream that somebody else connected. */
export function streamLink(stream: Stream, secure: boolean): Link {
  const duplex = new StreamDuplex(stream, false);
  const link = secure ? { duplex, secure } : plainLink(duplex);
  return { ...link, kind: "custom" };
}

function plainLink(duplex: StreamDuplex): Link {
  return {
    duplex,
    secure: false,
    kind: "tcp",
    startTls: (tls, serverName, signal) => startTls(duplex.release(), tls, serverName, signal),
  };
}

async function startTls(stream: Stream, tls: TlsOptions, serverName: string, signal: AbortSignal): Promise<Link> {
  // Read again at each connect: certificates are renewed under a running client.
  const files = await readTlsFiles(tls).catch((error: unknown) => {
    stream.destroy();
    throw error;
  });
  const { handshakeFirst: _first, certFile: _cert, keyFile: _key, caFile: _ca, ...rest } = tls;
  return new Promise((resolve, reject) => {
    const named = isIp(serverName) ? {} : { servername: serverName };
    const given = rest as ConnectionOptions;
    const options = { minVersion: "TLSv1.2", ...named, host: serverName, ...given, ...files, socket: stream } as const;
    const secure = secured(stream, options);
    const failed = (cause: Error): void => {
      signal.removeEventListener("abort", aborted);
      secure.destroy();
      stream.destroy();
      reject(new TlsError(`TLS with '${serverName}' failed: ${cause.message}`, "ERR_NATS_TLS", { cause }));
    };
    const aborted = (): void => {
      secure.off("error", failed);
      secure.on("error", () => {}); // destroying in the middle of a handshake may report what nobody asked about
      secure.destroy();
      stream.destroy();
      reject(signal.reason as Error);
    };
    const ended = (): void => failed(new Error("the server closed the connection"));
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
    secure.once("error", failed);
    secure.once("close", ended);
    secure.once("secureConnect", () => {
      signal.removeEventListener("abort", aborted);
      secure.off("error", failed);
      secure.off("close", ended);
      resolve({ duplex: new StreamDuplex(secure, false), secure: true, kind: "tcp" });
    });
  });
}

/** @throws TlsError for a certificate or a key that cannot be used; the stream is destroyed then. */
function secured(stream: Stream, options: ConnectionOptions): TLSSocket {
  try {
    return tlsConnect(options);
  } catch (cause) {
    stream.destroy();
    const { message } = cause as Error;
    throw new TlsError(`Cannot use the TLS options: ${message}`, "ERR_NATS_TLS", { cause });
  }
}

function dialError(cause: NodeJS.ErrnoException, where: string): ConnectionError {
  if (cause.code === "ECONNREFUSED") {
    return new ConnectionError(`connection refused: ${where}`, { cause }, "ERR_NATS_CONNECTION_REFUSED");
  }
  return new ConnectionError(`Cannot connect to ${where}: ${cause.message}`, { cause }, "ERR_NATS_TRANSPORT");
}

function isIp(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

function endpointOf(address: string | undefined, port: number | undefined): Endpoint | null {
  if (address === undefined || port === undefined) return null;
  return { host: address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address, port };
}
