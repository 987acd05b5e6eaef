// Real sockets. The only file that imports `node:net`.

import { createServer, type OnReadOpts, type Server, Socket, connect as socketConnect } from "node:net";
import type { Duplex, DuplexSink, Endpoint, Listener, ListenOptions, Network } from "../network.ts";

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
  (this as OwnedSocket)[OWNER].sink?.received(chunk, 0, chunk.length);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[OWNER].sink?.ended();
}

function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[OWNER].error = error;
}

function onClose(this: Socket): void {
  const duplex = (this as OwnedSocket)[OWNER];
  duplex.sink?.closed(duplex.error);
}

class TcpDuplex implements Duplex {
  readonly remote: Endpoint | null;
  readonly local: Endpoint | null;
  readonly transport = "tcp";
  sink: DuplexSink | null = null;
  error: Error | null = null;
  readonly #socket: Socket;
  /** Completed synchronously or not, every write calls back; only the callback of the newest tells that all is gone. */
  #writesBegun = 0;
  #writesDone = 0;
  #waiting = false;
  readonly #onWritten: () => void;
  /** When a run of reads that each fill the buffer began; 0 outside such a run. */
  #burstStartMs = 0;
  #paused = false;

  constructor(socket: Socket, readBuffer: Uint8Array | null) {
    this.remote = endpointOf(socket.remoteAddress, socket.remotePort);
    this.local = endpointOf(socket.localAddress, socket.localPort);
    this.#onWritten = () => this.#written();
    this.#socket = readBuffer === null ? socket : readInto(readBuffer, socket, this);
    (this.#socket as OwnedSocket)[OWNER] = this;
    if (this.#socket === socket) socket.on("data", onData);
    this.#socket.on("end", onEnd).on("error", onError).on("close", onClose);
  }

  open(sink: DuplexSink): void {
    this.sink = sink;
    this.#socket.resume();
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
    this.#burstStartMs = 0;
    setImmediate(() => {
      if (!this.#paused && !this.#socket.destroyed) this.#socket.resume();
    });
    return false;
  }

  #written(): void {
    this.#writesDone++;
    if (!this.#waiting || this.#writesDone !== this.#writesBegun) return;
    this.#waiting = false;
    if (!this.#socket.destroyed) this.sink?.written();
  }
}

/** The one semi-private thing that is touched: an accepted socket's handle, to give it a read buffer of our own. */
interface HandleHolder {
  _handle: unknown;
}

/**
 * Makes an accepted socket read into `buffer`, by moving its handle into a new socket that is created that way.
 * Where this Node has no such handle the socket comes back as it is, and is read by 'data' events.
 */
function readInto(buffer: Uint8Array, accepted: Socket, duplex: TcpDuplex): Socket {
  const holder = accepted as unknown as HandleHolder;
  const handle = holder._handle;
  if (handle === null || typeof handle !== "object") return accepted;
  const onread: OnReadOpts = {
    buffer,
    callback: (length) => duplex.receivedInto(buffer, length),
  };
  const options = { handle, onread, allowHalfOpen: true };
  const socket = new Socket(options);
  // The empty shell still counts as a connection of its server until it is destroyed.
  holder._handle = null;
  accepted.destroy();
  return socket;
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
