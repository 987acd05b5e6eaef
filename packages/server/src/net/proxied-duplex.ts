// A duplex behind a proxy that speaks the PROXY protocol: takes the header off the front of what comes in, and has the address that
// it told. Stands between the listener and the connection.
//
//   socket -> [header | the client's own bytes] -> ProxiedDuplex -> [the client's own bytes] -> connection
//
// Writing goes straight through: INFO leaves before the header is there. Bytes behind the header are passed on where they are; only
// a header that comes in pieces is collected.

import type { Clock, Duplex, DuplexSink, Endpoint, Timer, TlsHandshake, TlsServer } from "@myelin/platform";
import { hostPort } from "./listener.ts";
import { type ProxyHeader, ProxyHeaderError, readProxyHeader } from "./proxy-header.ts";

/** The header has to be there after this time (client_proxyproto.go). Who brings none has to have said something. */
export const PROXY_HEADER_TIMEOUT_MS = 5_000;

const NO_BYTES = new Uint8Array(0);

/** Takes the PROXY header from a duplex. */
export class ProxiedDuplex implements Duplex, DuplexSink {
  readonly local: Endpoint | null;
  readonly transport: Duplex["transport"];
  readonly #inner: Duplex;
  readonly #clock: Clock;
  readonly #warn: (problem: string) => void;
  #remote: Endpoint | null;
  #sink: DuplexSink | null = null;
  #timer: Timer | null = null;
  /** What waits for the header, while it is being looked for before anything is opened. Told whether the connection goes on. */
  #afterHeader: ((isOver: boolean) => void) | null = null;
  /** What has come of the header so far; null once it is over. */
  #collected: Uint8Array | null = NO_BYTES;
  #error: ProxyHeaderError | null = null;

  /** @param warn - Is told why a header was refused, and from where it came. */
  constructor(inner: Duplex, clock: Clock, warn: (text: string) => void) {
    this.local = inner.local;
    this.transport = inner.transport;
    this.#remote = inner.remote;
    this.#inner = inner;
    this.#clock = clock;
    this.#warn = warn;
  }

  /** The client's address once the header has told it; until then, and where it tells none, that of the peer. */
  get remote(): Endpoint | null {
    return this.#remote;
  }

  // For the owner.

  open(sink: DuplexSink): void {
    this.#sink = sink;
    this.#afterHeader = null;
    if (this.#collected !== null && this.#timer === null) this.#setTimer();
    this.#inner.open(this);
  }

  peek(look: (bytes: Uint8Array) => number, done: (gone: boolean) => void): void {
    this.#takeHeader((isOver) => {
      if (!isOver || this.#inner.peek === undefined) done(true);
      else this.#inner.peek(look, done);
    });
  }

  /** The header is in front of the handshake, in plain text. */
  startTls(server: TlsServer, handshake: TlsHandshake): void {
    this.#takeHeader((isOver) => {
      if (!isOver || this.#inner.startTls === undefined) handshake.failed(this.#error);
      else this.#inner.startTls(server, handshake);
    });
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

  close(): void {
    this.#inner.close();
  }

  destroy(): void {
    this.#inner.destroy();
  }

  // From the inner duplex.

  received(bytes: Uint8Array, start: number, end: number): void {
    if (this.#error !== null) return;
    if (this.#collected === null) this.#sink?.received(bytes, start, end);
    else this.#receivedHeader(this.#collected, bytes, start, end);
  }

  written(): void {
    this.#sink?.written();
  }

  ended(): void {
    if (this.#collected === null) this.#sink?.ended();
    else this.#refuse("EOF");
  }

  closed(error: Error | null): void {
    this.#timer?.cancel();
    this.#sink?.closed(this.#error ?? error);
  }

  /** Takes the header before anything is opened. @param then - Told whether the connection goes on. */
  #takeHeader(then: (isOver: boolean) => void): void {
    if (this.#collected === null || this.#inner.peek === undefined) {
      then(this.#collected === null && this.#error === null);
      return;
    }
    const isTaking = this.#afterHeader !== null;
    this.#afterHeader = then; // who asks later has given up what it asked before, as with any duplex
    if (isTaking) return;
    this.#setTimer();
    let header = { kind: "incomplete", hasBegun: false } as ProxyHeader;
    const look = (bytes: Uint8Array): number => {
      header = readProxyHeader(bytes);
      if (header.kind === "incomplete") return -1;
      return header.kind === "header" ? header.length : 0;
    };
    this.#inner.peek(look, (gone) => {
      if (header.kind === "bad") this.#refuse(header.problem);
      else if (gone) this.#refuse("EOF");
      else {
        if (header.kind === "header" && header.source !== null) this.#remote = header.source;
        this.#timer?.cancel();
        this.#collected = null;
      }
      const after = this.#afterHeader;
      this.#afterHeader = null;
      after?.(this.#error === null);
    });
  }

  #setTimer(): void {
    this.#timer = this.#clock.setTimer(PROXY_HEADER_TIMEOUT_MS, () => this.#refuse("i/o timeout"));
  }

  #receivedHeader(earlier: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
    const all =
      earlier.length === 0 ? bytes.subarray(start, end) : Buffer.concat([earlier, bytes.subarray(start, end)]);
    const header = readProxyHeader(all);
    switch (header.kind) {
      case "incomplete":
        this.#collected = new Uint8Array(all); // a copy: what came is borrowed
        return;
      case "bad":
        this.#refuse(header.problem);
        return;
      case "none":
        // In one piece: the owner may overwrite the buffer that `bytes` is in while it deals with what came earlier.
        if (earlier.length > 0) this.#passOn(all, 0, all.length);
        else this.#passOn(bytes, start, end);
        return;
      case "header":
        if (header.source !== null) this.#remote = header.source;
        this.#passOn(bytes, start + header.length - earlier.length, end);
    }
  }

  /** The header is over: what is left is the client's own. */
  #passOn(bytes: Uint8Array, start: number, end: number): void {
    this.#timer?.cancel();
    this.#collected = null;
    if (start < end) this.#sink?.received(bytes, start, end);
  }

  #refuse(problem: string): void {
    if (this.#error !== null || this.#collected === null) return;
    const peer = this.#inner.remote;
    const from = peer === null ? "pipe" : hostPort(peer.host, peer.port);
    this.#timer?.cancel();
    this.#collected = null;
    this.#error = new ProxyHeaderError(`Error reading PROXY protocol header from ${from}: ${problem}`);
    this.#warn(this.#error.message);
    this.#inner.destroy();
  }
}
