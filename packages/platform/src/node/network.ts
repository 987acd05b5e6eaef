// Real sockets. The only file that imports `node:net`.

import { createServer, type Server, Socket, connect as socketConnect } from "node:net";
import type { Duplex as NodeDuplex } from "node:stream";
import type {
  Duplex,
  DuplexSink,
  Endpoint,
  Listener,
  ListenOptions,
  Network,
  TlsHandshake,
  TlsServer,
} from "../network.ts";
import { peekSocket } from "./peek.ts";
import { readInto, readSecureInto } from "./read-into.ts";
import { shakeHands } from "./tls.ts";

const BACKLOG = 4096;
/** One connection may keep the turn for about this long; then others have theirs. */
const BURST_MS_MAX = 8;
const KEEP_ALIVE_MS = 15_000; // as Go's net package does for every accepted connection

/** Finds the duplex of a socket, so that all sockets share the same few listeners instead of having closures of their own. */
const OWNER = Symbol("duplex");

interface OwnedSocket extends Socket {
  [OWNER]: TcpDuplex;
}

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket)[OWNER].received(chunk, chunk.length);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[OWNER].peerEnded();
}

function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[OWNER].error = error;
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[OWNER].ended();
}

class TcpDuplex implements Duplex {
  readonly remote: Endpoint | null;
  readonly transport = "tcp";
  sink: DuplexSink | null = null;
  error: Error | null = null;
  /** The accepted socket; once it is open, the one that reads into the buffer; or the one of TLS. */
  #socket: Socket;
  readonly #readBuffer: Uint8Array | null;
  /** Set while TLS is being begun. */
  #handshake: TlsHandshake | null = null;
  #isSecure = false;
  #stopPeeking: (() => void) | null = null;
  /** Completed synchronously or not, every write calls back; only the callback of the newest tells that all is gone. */
  #writesBegun = 0;
  #writesDone = 0;
  #waiting = false;
  readonly #onWritten: () => void;
  /** When a run of reads that each fill the buffer began; 0 outside such a run. */
  #burstStartMs = 0;
  #paused = false;
  /** What a peer sent right behind a handshake whose owner has not opened yet: a record may be in the same chunk as its end. */
  #early: Buffer | null = null;
  /** In the next turn: reads on, unless the owner has paused. */
  readonly #endBurst: () => void;

  constructor(socket: Socket, readBuffer: Uint8Array | null) {
    this.remote = endpointOf(socket.remoteAddress, socket.remotePort);
    this.#onWritten = () => this.#written();
    this.#endBurst = () => {
      this.#burstStartMs = 0;
      if (!this.#paused && this.sink !== null && !this.#socket.destroyed) this.#socket.resume();
    };
    this.#readBuffer = readBuffer;
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Asked of the system only when somebody wants it, which is rare. */
  get local(): Endpoint | null {
    return endpointOf(this.#socket.localAddress, this.#socket.localPort);
  }

  open(sink: DuplexSink): void {
    this.sink = sink;
    if (!this.#isSecure) this.#openPlain();
    else if (this.#early !== null) this.#handOnEarly(this.#early);
    this.#socket.resume();
    // A write may have ended before there was anybody to be told.
    if (this.#waiting && this.#writesDone === this.#writesBegun) process.nextTick(() => this.#tellWritten());
  }

  peek(look: (bytes: Uint8Array) => number, done: (gone: boolean) => void): void {
    this.#stopPeeking = peekSocket(this.#socket, look, (gone) => {
      this.#stopPeeking = null;
      done(gone);
    });
  }

  startTls(server: TlsServer, handshake: TlsHandshake): void {
    const plain = this.#socket;
    this.#stopPeeking?.();
    plain.off("end", onEnd).off("close", onClose);
    this.#handshake = handshake;
    this.#isSecure = true;
    const secure = shakeHands(plain, server, (session) => {
      this.#handshake = null;
      handshake.secured(session);
      // Whoever does not open it in that call gets what comes later, too.
      if (this.sink === null) secure.pause();
    });
    this.#socket = secure;
    this.#listen(secure);
    const buffer = this.#readBuffer;
    if (buffer === null || !readSecureInto(buffer, secure, (length) => this.#receivedSecure(buffer, length))) {
      secure.on("data", onData);
    }
  }

  write(bytes: Uint8Array): boolean {
    this.#writesBegun++;
    this.#socket.write(bytes, this.#onWritten);
    // libuv tries to write at once; what is left makes the length stay. 'drain' would not do: it never comes
    // for a write that goes asynchronous below the high-water mark.
    if (this.#socket.writableLength === 0) return true;
    this.#waiting = true;
    return false;
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Bytes came into the shared buffer. libuv goes on reading a socket that fills it, up to 32 times in one turn; where
   * dealing with them takes long, everybody else would wait for all of it.
   *
   * @returns Whether to go on reading in this turn.
   */
  receivedInto(buffer: Uint8Array, length: number): boolean {
    if (length < buffer.length) {
      this.#burstStartMs = 0;
      this.sink?.received(buffer, 0, length);
      return true;
    }
    if (this.#burstStartMs === 0) this.#burstStartMs = performance.now();
    this.sink?.received(buffer, 0, length);
    if (performance.now() - this.#burstStartMs < BURST_MS_MAX) return true;
    setImmediate(this.#endBurst);
    return false;
  }

  /** Bytes came in a way that needs no answer. */
  received(bytes: Uint8Array, length: number): void {
    if (this.sink === null) this.#early = Buffer.concat([this.#early ?? new Uint8Array(0), bytes.subarray(0, length)]);
    else this.sink.received(bytes, 0, length);
  }

  peerEnded(): void {
    if (this.#handshake !== null) this.#socket.destroy();
    else this.sink?.ended();
  }

  /** The socket is closed. */
  ended(): void {
    const handshake = this.#handshake;
    this.#handshake = null;
    if (handshake !== null) handshake.failed(this.error);
    else this.sink?.closed(this.error);
  }

  #listen(socket: Socket): void {
    (socket as OwnedSocket)[OWNER] = this;
    socket.on("end", onEnd).on("error", onError).on("close", onClose);
  }

  /** Has the socket read, into the shared buffer where it can. */
  #openPlain(): void {
    const accepted = this.#socket;
    this.#stopPeeking?.();
    const peeked = accepted.readableLength > 0 ? (accepted.read() as Buffer | null) : null;
    const buffer = this.#readBuffer;
    const moved =
      buffer === null || accepted.writableLength > 0
        ? null
        : readInto(buffer, accepted, (length) => this.receivedInto(buffer, length));
    if (moved === null) accepted.on("data", onData);
    else {
      accepted.off("end", onEnd).off("close", onClose);
      this.#socket = moved;
      this.#listen(moved);
    }
    // Nothing else can be read before this: the loop does not turn.
    if (peeked !== null) process.nextTick(() => this.sink?.received(peeked, 0, peeked.length));
  }

  /** A record was decrypted into the shared buffer. None fills it, so that a burst is all that comes in one turn. */
  #receivedSecure(buffer: Uint8Array, length: number): boolean {
    if (this.#burstStartMs === 0) {
      this.#burstStartMs = performance.now();
      setImmediate(this.#endBurst);
    }
    this.received(buffer, length);
    return this.sink !== null && performance.now() - this.#burstStartMs < BURST_MS_MAX;
  }

  /** Before anything else is read: the loop does not turn. */
  #handOnEarly(early: Buffer): void {
    this.#early = null;
    process.nextTick(() => this.sink?.received(early, 0, early.length));
  }

  #written(): void {
    this.#writesDone++;
    if (this.#waiting && this.#writesDone === this.#writesBegun && this.sink !== null) this.#tellWritten();
  }

  #tellWritten(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    if (!this.#socket.destroyed) this.sink?.written();
  }
}

class TcpListener implements Listener {
  readonly local: Endpoint;
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === "string")
      throw new Error("a TCP server has an address while it listens");
    this.local = { host: address.address, port: address.port };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** TCP through Node. Stateless: one may serve any number of servers. */
export class NodeNetwork implements Network {
  async listen(options: ListenOptions, accept: (duplex: Duplex) => void): Promise<Listener> {
    if (options.host !== "0.0.0.0" && options.host !== "") return listenOn(options, options.host, accept);
    try {
      return await listenOn(options, "::", accept); // one dual-stack socket, as Go binds it
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL") throw error;
      return listenOn(options, "0.0.0.0", accept); // a machine without IPv6
    }
  }

  connect(to: Endpoint, signal?: AbortSignal): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const socket = socketConnect({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: true });
      const aborted = (): void => {
        socket.destroy();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", aborted, { once: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        signal?.removeEventListener("abort", aborted);
        socket.off("error", reject);
        resolve(new TcpDuplex(socket, null));
      });
    });
  }
}

/**
 * A socket that somebody else accepted (an HTTP server that was asked to upgrade, TLS or not), as a duplex. The duplex owns it.
 *
 * @returns Null for a stream that is no socket.
 */
export function socketDuplex(stream: NodeDuplex): Duplex | null {
  if (!(stream instanceof Socket)) return null;
  stream.pause();
  return new TcpDuplex(stream, null);
}

function listenOn(options: ListenOptions, host: string, accept: (duplex: Duplex) => void): Promise<Listener> {
  const server = createServer({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    allowHalfOpen: true,
    pauseOnConnect: true,
  });
  server.on("connection", (socket) => accept(new TcpDuplex(socket, options.readBuffer ?? null)));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port: options.port, backlog: options.backlog ?? BACKLOG }, () => {
      server.off("error", reject);
      // A failing accept (no file descriptors left) must not take the process down; the peer sees a closed connection.
      server.on("error", () => {});
      resolve(new TcpListener(server));
    });
  });
}

function endpointOf(address: string | undefined, port: number | undefined): Endpoint | null {
  if (address === undefined || port === undefined) return null;
  return { host: address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address, port };
}
