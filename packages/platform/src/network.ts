// The network as Myelin sees it: listeners, and duplexes that carry bytes both ways.
// A TCP socket, a TLS session, a WebSocket, one end of an in-process pair and a faulty wire in a test are all a `Duplex`.

/** One end of a connection's addresses. */
export interface Endpoint {
  /** An IP address without brackets; IPv4 in its dotted form even when the socket is a dual-stack one. */
  readonly host: string;
  readonly port: number;
}

/** What a duplex tells its owner. Calls come one at a time, never from inside a call that the owner made to the duplex. */
export interface DuplexSink {
  /**
   * Bytes arrived: `bytes[start, end)`. They are borrowed until this returns: the next read overwrites them.
   * The owner may write to them, and to what lies before `start` when `bytes` is the read buffer it passed in.
   */
  received(bytes: Uint8Array, start: number, end: number): void;

  /** The bytes of the write that returned false have all been handed on; their buffer is the owner's again. */
  written(): void;

  /** The peer will send no more. Writing still works; the owner is expected to close. */
  ended(): void;

  /** The duplex is closed, for whatever reason; comes exactly once and last. `error` is null after an orderly close. */
  closed(error: Error | null): void;
}

/** What a TLS handshake came to. */
export interface TlsSession {
  /** `1.2` or `1.3`. */
  readonly version: string;
  /** The cipher suite's name in the standard (IANA), such as `TLS_AES_128_GCM_SHA256`. */
  readonly cipherSuite: string;
  /** The name that the client asked for (SNI); null when it asked for none. */
  readonly serverName: string | null;
  /** The certificates that the peer showed, DER, its own first. Empty when it was not asked for any. */
  readonly peerCertificates: readonly Uint8Array[];
}

/** The server's side of TLS, ready for handshakes. Made by the platform, which knows its own again. */
export interface TlsServer {
  /** Whether a peer needs a certificate that can be verified. */
  readonly verifies: boolean;
}

/** How a handshake ends: one of the two is called, once. */
export interface TlsHandshake {
  /** From here on every byte is encrypted. The duplex is to be opened in this call. */
  secured(session: TlsSession): void;
  /** There will be no TLS, and the duplex is closed. `error` is null when the peer left without a word. */
  failed(error: Error | null): void;
}

/** What a peer is told about the end, on transports that can tell it. The numbers are those of RFC 6455, section 7.4. */
export interface Farewell {
  readonly status: number;
  readonly text: string;
}

/** Bytes both ways, with back-pressure. Belongs to one owner, which opens it once. */
export interface Duplex {
  /** Null where there is no address, as on an in-process pair. */
  readonly remote: Endpoint | null;
  /** Null, too, when it is asked for behind the end. */
  readonly local: Endpoint | null;
  /** Where the bytes travel: over a socket, in the frames of a WebSocket, or inside this process. */
  readonly transport: "tcp" | "websocket" | "in-process";
  /** The peer's address as a proxy in front of the server gives it; null or absent without one. Anybody can claim one. */
  readonly forwardedFor?: string | null;
  /** What a TLS handshake below this transport came to; null or absent where there was none. See {@link startTls} for one that is to come. */
  readonly tls?: TlsSession | null;

  /** Starts the flow of bytes to `sink`. Call once, before anything else but `write`, `peek` and `startTls`. */
  open(sink: DuplexSink): void;

  /**
   * Looks at the first bytes. Call before `open`, and not again before `done`; absent where it cannot be done. What is not taken
   * stays for `open` or `startTls`, both of which end the looking.
   *
   * @param look - Gets what has come so far (borrowed), again whenever more has come. Says how many bytes it takes off the front,
   *   which ends the looking, or -1 to see more.
   * @param done - The looking has ended by itself; `gone`: because the peer has ended or is gone.
   */
  peek?(look: (bytes: Uint8Array) => number, done: (gone: boolean) => void): void;

  /**
   * Does the server's part of a TLS handshake; this duplex then carries what is inside. Call before `open`; absent where it cannot
   * be done. What was written before goes out in plain text. What has come in before, a peeked byte too, is taken for the
   * handshake's beginning: nothing that was sent in plain text can ever look as if it had come through TLS. There is no limit on
   * the time: the owner sets a timer, and calls `destroy`, which ends in `failed`.
   */
  startTls?(server: TlsServer, handshake: TlsHandshake): void;

  /**
   * Sends `bytes`.
   *
   * @returns True when the bytes are no longer needed. False when the duplex still reads from them: the owner leaves
   *   them alone and writes nothing more until `sink.written()`.
   */
  write(bytes: Uint8Array): boolean;

  /** Stops calling `received` (as soon as the read under way allows) until `resume`. */
  pause(): void;
  resume(): void;

  /**
   * Closes after everything written has been handed on. The peer sees an orderly end.
   *
   * @param farewell - Why; only a WebSocket can tell it.
   */
  close(farewell?: Farewell): void;

  /** Closes at once; what was not handed on is lost. */
  destroy(): void;
}

/** Where a listener listens. */
export interface ListenOptions {
  /** An address or a name. `0.0.0.0` and `::` mean every address of the machine, of both families where it has both. */
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Longest queue of connections that the machine has accepted and the listener has not. */
  readonly backlog?: number;
  /**
   * A buffer into which all accepted connections read, in turns. Saves an allocation and a copy per read.
   * A platform that cannot do it ignores it: `received` says each time which buffer the bytes are in.
   */
  readonly readBuffer?: Uint8Array;
}

/** A bound, listening address. */
export interface Listener {
  /** What was bound: the port is the real one where 0 was asked for. */
  readonly local: Endpoint;
  /** Stops listening. Resolves when the port is free again; accepted connections live on. */
  close(): Promise<void>;
}

/** Opens listeners and connections. */
export interface Network {
  /**
   * Binds and listens.
   *
   * @param accept - Takes each new connection; it must open the duplex in the same turn.
   * @returns Rejects with the platform's error (`code` is `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, `ENOTFOUND`, ...).
   */
  listen(options: ListenOptions, accept: (duplex: Duplex) => void): Promise<Listener>;

  /**
   * Connects to a listener.
   *
   * @param signal - Aborting it frees the socket and rejects with the signal's reason.
   */
  connect(to: Endpoint, signal?: AbortSignal): Promise<Duplex>;
}
