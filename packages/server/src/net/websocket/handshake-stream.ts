// A duplex as a stream of Node, for as long as an HTTP server reads from it. When the handshake is done `release` gives the
// duplex back, and what arrives goes to its new owner without a detour through streams.

import { Duplex as NodeDuplex } from "node:stream";
import type { Duplex, DuplexSink, Farewell, TlsSession } from "@myelin/platform";
import { copyOf } from "@myelin/protocol";

type Callback = (error?: Error | null) => void;

/** Lends a duplex to an HTTP server. */
export class HandshakeStream extends NodeDuplex {
  readonly inner: Duplex;
  /** What TLS came to; null without it. */
  readonly session: TlsSession | null;
  #owner: DuplexSink | null = null;
  #isReleased = false;
  #afterWrite: Callback | null = null;

  /** @param inner - Not opened yet; opened by this. */
  constructor(inner: Duplex, session: TlsSession | null) {
    super({ allowHalfOpen: true });
    this.inner = inner;
    this.session = session;
    inner.open(new HandshakeSink(this));
  }

  /** Ends the loan. The stream is of no use any more. @returns The duplex, to be opened by its new owner in this turn. */
  release(): Duplex {
    this.#isReleased = true;
    return new ReleasedDuplex(this.inner, (sink) => {
      this.#owner = sink;
      this.inner.resume();
    });
  }

  // From the duplex.

  handleReceived(bytes: Uint8Array, start: number, end: number): void {
    if (this.#owner !== null) this.#owner.received(bytes, start, end);
    else if (!this.push(copyOf(bytes, start, end))) this.inner.pause();
  }

  handleWritten(): void {
    const callback = this.#afterWrite;
    this.#afterWrite = null;
    if (this.#owner !== null) this.#owner.written();
    else callback?.();
  }

  handleEnded(): void {
    if (this.#owner !== null) this.#owner.ended();
    else this.push(null);
  }

  handleClosed(error: Error | null): void {
    if (this.#owner !== null) this.#owner.closed(error);
    else this.destroy();
  }

  // From the stream.

  override _read(): void {
    if (!this.#isReleased) this.inner.resume();
  }

  override _write(chunk: Buffer, _encoding: string, callback: Callback): void {
    if (this.inner.write(chunk)) callback();
    else this.#afterWrite = callback;
  }

  override _final(callback: Callback): void {
    this.inner.close();
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    if (!this.#isReleased) this.inner.destroy();
    callback(error);
  }
}

/** Names of a stream's members and of a sink's overlap, so this passes the calls on. */
class HandshakeSink implements DuplexSink {
  readonly #stream: HandshakeStream;

  constructor(stream: HandshakeStream) {
    this.#stream = stream;
  }

  received(bytes: Uint8Array, start: number, end: number): void {
    this.#stream.handleReceived(bytes, start, end);
  }

  written(): void {
    this.#stream.handleWritten();
  }

  ended(): void {
    this.#stream.handleEnded();
  }

  closed(error: Error | null): void {
    this.#stream.handleClosed(error);
  }
}

/** A duplex that has been open for a while, for its second owner. */
class ReleasedDuplex implements Duplex {
  readonly remote: Duplex["remote"];
  readonly local: Duplex["local"];
  readonly transport: Duplex["transport"];
  readonly #inner: Duplex;
  readonly #handOver: (sink: DuplexSink) => void;

  constructor(inner: Duplex, handOver: (sink: DuplexSink) => void) {
    this.remote = inner.remote;
    this.local = inner.local;
    this.transport = inner.transport;
    this.#inner = inner;
    this.#handOver = handOver;
  }

  open(sink: DuplexSink): void {
    this.#handOver(sink);
  }

  write(bytes: Uint8Array): boolean {
    return this.#inner.write(bytes);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  close(farewell?: Farewell): void {
    this.#inner.close(farewell);
  }

  destroy(): void {
    this.#inner.destroy();
  }
}
