// A raw connection of a load generator: handshake, then bytes out and borrowed bytes in.
//
// All connections of the process read into one buffer: a read is dealt with before the next one happens.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { BenchError } from "../errors.ts";
import type { LoadTarget } from "./spec.ts";
import { FrameCache, FrameStripper, handshakeRequest, maskedFrame } from "./websocket.ts";

const READ_BYTES = 1 << 20;
const PING = Buffer.from("PING\r\n");
const PONG = Buffer.from("PONG\r\n");

/** Takes `length` bytes at the front of `chunk`; they are gone when it returns. */
export type ChunkTaker = (chunk: Buffer, length: number) => void;

/** The read buffer that connections share; one for a process. */
export function createReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES);
}

export class LoadConnection {
  /** Where received bytes go once a load wants them; until then they are read as protocol lines. */
  onChunk: ChunkTaker | null = null;
  /** Called when everything written has left this process. */
  onWritten: () => void = () => undefined;
  /** The server asks whether we are there; by default it hears so at once. */
  onPing: () => void = () => this.pong();
  /** The server has dealt with everything up to a PING of ours. */
  onPong: () => void = () => undefined;
  readonly #socket: Socket;
  readonly #fail: (error: Error) => void;
  readonly #whenWritten: () => void;
  #closing = false;
  /** Begun protocol line, while {@link onChunk} is not set. */
  #line = "";
  /** Frames in and out, where the server is talked to by WebSocket. */
  readonly #stripper: FrameStripper | null;
  readonly #frames = new FrameCache();
  #onInfo: (() => void) | null = null;

  /** @param plain - A socket that has received INFO, to speak TLS over; null to connect. */
  private constructor(target: LoadTarget, plain: Socket | null, readBuffer: Buffer, fail: (error: Error) => void) {
    this.#fail = fail;
    this.#whenWritten = () => this.onWritten();
    this.#stripper = target.webSocket
      ? new FrameStripper(
          (payload) => this.#received(payload, payload.length),
          (frame) => this.#socket.write(frame),
        )
      : null;
    this.#socket = target.tls ? this.#connectTls(target, plain) : this.#connectPlain(target, readBuffer);
    this.#socket.on("error", (error) => this.#ended(error));
    this.#socket.on("close", () => this.#ended(null));
  }

  /**
   * Connects, sends CONNECT and `protocolLines` and waits until the server has answered a PING behind them.
   *
   * @param protocolLines - Subscriptions, each line closed by CRLF.
   * @param fail - Hears of everything that goes wrong, now and later: a closed connection, `-ERR`, wrong bytes.
   */
  static async open(
    target: LoadTarget,
    readBuffer: Buffer,
    protocolLines: string,
    fail: (error: Error) => void,
  ): Promise<LoadConnection> {
    // Below a WebSocket TLS comes before everything else.
    const plain = target.tls && !target.webSocket ? await socketWithInfo(target) : null;
    return new Promise((resolve) => {
      const connection = new LoadConnection(target, plain, readBuffer, fail);
      connection.onPong = () => {
        connection.onPong = () => undefined;
        resolve(connection);
      };
      const options = { verbose: false, pedantic: false, lang: "bench", version: "1", protocol: 1, headers: true };
      const connectLine = `CONNECT ${JSON.stringify({ ...options, ...target.connect })}\r\n`;
      connection.#greet(target, Buffer.from(`${connectLine}${protocolLines}PING\r\n`, "latin1"));
    });
  }

  /** True while an earlier write has not left this process. */
  get isBlocked(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** Writes `bytes`, which stay untouched until {@link onWritten}. */
  write(bytes: Uint8Array): void {
    this.#socket.write(this.#stripper === null ? bytes : this.#frames.frameOf(bytes), this.#whenWritten);
  }

  ping(): void {
    this.#socket.write(this.#stripper === null ? PING : this.#frames.frameOf(PING));
  }

  pong(): void {
    this.#socket.write(this.#stripper === null ? PONG : this.#frames.frameOf(PONG));
  }

  /** Handles a protocol line that is no message, given without its line end. */
  takeControl(line: string): void {
    if (line.startsWith("INFO ")) this.#greetOnce();
    else if (line === "PING") this.onPing();
    else if (line === "PONG") this.onPong();
    else if (line.startsWith("-ERR")) this.#fail(new BenchError("LOAD_FAILED", `The server answered ${line}.`));
  }

  #greetOnce(): void {
    const greet = this.#onInfo;
    this.#onInfo = null;
    greet?.();
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  #connectPlain({ host, port }: LoadTarget, buffer: Buffer): Socket {
    const callback = (length: number, chunk: Uint8Array): boolean => {
      this.#take(chunk as Buffer, length);
      return true;
    };
    return connect({ host, port, noDelay: true, onread: { buffer, callback } });
  }

  #connectTls({ host, port }: LoadTarget, plain: Socket | null): Socket {
    const to = plain === null ? { host, port } : { socket: plain };
    const secure = connectTls({ ...to, rejectUnauthorized: false });
    return secure.setNoDelay(true).on("data", (chunk: Buffer) => this.#take(chunk, chunk.length));
  }

  #take(chunk: Buffer, length: number): void {
    if (this.#stripper === null) this.#received(chunk, length);
    else this.#strip(this.#stripper, chunk.subarray(0, length));
  }

  /** By WebSocket nothing may be sent before the handshake is answered: the greeting waits for the first byte behind it, INFO. */
  #greet(target: LoadTarget, greeting: Buffer): void {
    if (this.#stripper === null) {
      this.#socket.write(greeting);
      return;
    }
    this.#socket.write(handshakeRequest(target.host, target.port));
    this.#onInfo = () => this.#socket.write(maskedFrame(greeting));
  }

  #strip(stripper: FrameStripper, chunk: Buffer): void {
    try {
      stripper.feed(chunk);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #received(chunk: Buffer, length: number): void {
    try {
      if (this.onChunk === null) this.#takeLines(chunk.toString("latin1", 0, length));
      else this.onChunk(chunk, length);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #takeLines(text: string): void {
    const lines = (this.#line + text).split("\r\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.takeControl(line);
  }

  #ended(error: Error | null): void {
    if (this.#closing) return;
    this.#closing = true;
    const why = error === null ? "" : ` (${error.message})`;
    this.#fail(new BenchError("LOAD_FAILED", `The server closed a connection of the load generator${why}.`));
  }
}

/** A socket on which the server has said INFO, which fits one read; what follows is TLS. */
async function socketWithInfo({ host, port }: LoadTarget): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  await once(socket, "data");
  socket.pause().removeAllListeners("data");
  return socket;
}
