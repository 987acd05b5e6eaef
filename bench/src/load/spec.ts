// What the runner tells a load generator (one JSON argument) and what it hears back (one JSON line on standard output).

/** What every load needs to know about the server under it. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  /** Process whose CPU time and memory are sampled. */
  readonly serverPid: number;
  /** Whether the port speaks WebSocket. */
  readonly webSocket: boolean;
  /** Joined into CONNECT: credentials of the setup. */
  readonly connect: Readonly<Record<string, unknown>>;
  /** TLS behind INFO, or below the WebSocket; the server's certificate is not looked at. */
  readonly tls: boolean;
}

/** Publishers send prepared batches; subscribers, if any, count what comes. */
export interface StreamLoad {
  readonly kind: "stream";
  readonly publishers: number;
  readonly subscribers: number;
  readonly payloadBytes: number;
  /** Different subjects, drawn at random; 1 means always the same one. */
  readonly subjects: number;
  /** What the subscribers subscribe to. */
  readonly filter: string;
  /** All subscribers are one queue group of this name; null: each gets every message. */
  readonly queueGroup: string | null;
  /** HPUB with a header block in front of the payload. */
  readonly headers: boolean;
  /** Largest write; null: exactly one message in each. */
  readonly writeBytesMax: number | null;
  /** How many bytes the publishers may be ahead of the slowest subscriber. */
  readonly windowBytes: number;
}

/** One requester with a fixed number of requests under way, one responder. */
export interface RequestLoad {
  readonly kind: "request";
  readonly outstanding: number;
  readonly payloadBytes: number;
  /** The server and the load generator are kept on different processors. */
  readonly apart: boolean;
}

/** Connections that subscribe to a subject of their own and then do nothing. */
export interface IdleLoad {
  readonly kind: "idle";
}

/** Connections that are greeted and closed, one after the other. */
export interface ConnectLoad {
  readonly kind: "connect";
}

export type Load = StreamLoad | RequestLoad | IdleLoad | ConnectLoad;

export interface LoadSpec {
  readonly target: LoadTarget;
  readonly load: Load;
  /** Messages published, requests made or connections opened in the measured part. */
  readonly count: number;
  /** The same before it, not measured. */
  readonly warmupCount: number;
}

/** One measurement. */
export interface LoadResult {
  /** Messages published, requests answered or connections opened. */
  readonly count: number;
  /** Messages that subscribers received; 0 where nobody listens. */
  readonly deliveries: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  /** User and system time of the load generator itself. */
  readonly loadCpuSeconds: number;
  /** Most resident memory of the server since its start. */
  readonly peakKib: number;
  readonly p50Micros: number | null;
  readonly p99Micros: number | null;
  /** Resident memory that a connection added, for idle connections. */
  readonly kibPerConnection: number | null;
}
