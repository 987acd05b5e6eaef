// One interface over a server under test, however it runs. What a way of running cannot do is refused with a
// NotSupportedError that says what can.

import type { Duplex } from "@myelin/platform";
import type { Faults, TestClock } from "@myelin/platform/sim";
import type { EmbeddedServerOptions, PartialServerOptions } from "@myelin/server";
import type { Credentials } from "./client-url.ts";
import type { FaultProxy } from "./fault-proxy.ts";
import type { ServerPorts } from "./server-ports.ts";
import type { WaitOptions } from "./wait-for.ts";

/** A server's options, with TLS as a program gives it. */
export type ServerUnderTestOptions = Omit<PartialServerOptions, "tls" | "webSocket"> &
  Pick<EmbeddedServerOptions, "tls" | "webSocket">;

/** Options for both ways of running. Without `port` a free one and without `host` loopback, whatever a configuration says. */
export type CommonOptions = ServerUnderTestOptions & {
  /** A configuration file of nats-server's form, under the options given here. */
  readonly configFile?: string;
  /** The same as text. */
  readonly configText?: string;
};

/** Signals that a server knows. */
export type ServerSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGUSR1" | "SIGUSR2" | "SIGKILL" | "SIGSTOP" | "SIGCONT";

/** A real NATS server for tests. */
export interface TestServer extends AsyncDisposable {
  readonly kind: "in-process" | "child";
  /** A public server nkey, anew at each start. */
  readonly id: string;
  readonly name: string;
  readonly host: string;
  /** The port that clients connect to: the same after a restart. */
  readonly port: number;
  /** Where it listens, by what is served there: as it was at the last start. */
  readonly ports: ServerPorts;
  /** Where a client on this machine connects: `nats://127.0.0.1:port`, `tls://` where the server demands TLS. */
  readonly url: string;
  /** The process that the server runs in. */
  readonly pid: number;
  readonly isRunning: boolean;
  /** Everything that the server logged since it was made, or since {@link reset}. */
  readonly log: string;

  /** The URL with credentials in it: those given, or else the ones that the server was started with. */
  urlWith(credentials?: Credentials): string;

  /** Starts a server that was stopped or killed: on the same ports, with the same options and data. */
  start(): Promise<void>;
  /** Stops in good order: clients are told. */
  stop(): Promise<void>;
  /** Ends at once, as by `kill -9`: no client is told, nothing is flushed. */
  kill(): Promise<void>;
  /** Stops and starts; see {@link start}. */
  restart(): Promise<void>;
  /** Freezes the server, as by SIGSTOP: its port still accepts, nothing is read or answered. */
  pause(): Promise<void>;
  /** Ends {@link pause}. */
  resume(): Promise<void>;
  /** Lame duck mode: clients are told, then sent away one by one. Resolves when the server has stopped. */
  lameDuck(): Promise<void>;
  /** Does what the signal does to `nats-server`. Resolves when the signal was sent; wait for its effect. */
  signal(signal: ServerSignal): Promise<void>;
  /**
   * As good as new, for the next test: no connections, subscriptions or faults, counters and log empty, time running, on
   * the same ports. In this process that takes a millisecond or less; a child process is restarted with empty data.
   */
  reset(): Promise<void>;
  /** Stops, and removes everything that belongs to the server. */
  close(): Promise<void>;

  /** Waits until the log matches. */
  waitForLog(pattern: RegExp, options?: WaitOptions): Promise<RegExpExecArray>;

  /** Opens another way to the server, with faults of its own. Closed with the server, or before. */
  proxy(): Promise<FaultProxy>;

  /** The server's time. @throws NotSupportedError for a child process. */
  readonly clock: TestClock;
  /** Faults on every connection that comes directly. @throws NotSupportedError for a child process: use {@link proxy}. */
  readonly faults: Faults;
  /** Attaches a client without a socket. @throws NotSupportedError for a child process. */
  connectInProcess(): Duplex;
}
