// A server under test, whichever it is. Options carry the names of the configuration file, so that a transcript reads
// the same for both servers; each target turns them into its own form.

import type { WireOpener } from "./wire.ts";

/** Options by their configuration names; durations are written as the configuration file takes them (`50ms`, `2s`). */
export type TargetOptions = ReadonlyMap<string, string>;

/** A server that accepts clients. */
export interface RunningServer {
  /** A loopback address. */
  readonly host: string;
  readonly port: number;
  /** Where it takes WebSocket; null when it was not configured to. */
  readonly webSocketPort: number | null;
  /** Opens connections to it: over TCP, or without a socket where the target says so. */
  readonly wires: WireOpener;
  /** Ends the server and waits until it is gone. */
  stop(): Promise<void>;
}

/** One whose configuration can change while it runs. */
export interface ReloadableServer extends RunningServer {
  /**
   * Has the server take another configuration while it runs, as by SIGHUP.
   *
   * @returns Why it did not, in the words of the server; null when it did.
   */
  reload(options: TargetOptions): Promise<string | null>;
}

/** A kind of server that tests can start. */
export interface Target {
  /** For test names and failures. */
  readonly name: string;
  /**
   * Starts a server on a free port of the loopback address, or on `port`.
   *
   * @throws Error when an option is not known here, or the server does not come up.
   */
  start(options: TargetOptions, port?: number): Promise<ReloadableServer>;
}
