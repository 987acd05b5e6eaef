// A server under test in the test's own process: started in a few milliseconds, with its time and its network in the test's hands.

import { type Duplex, duplexPair } from "@myelin/platform";
import { NodeClock, NodeNetwork, NodeRandom } from "@myelin/platform/node";
import { type Fault, Faults, TestClock } from "@myelin/platform/sim";
import {
  EmbeddedServer,
  type EmbeddedServerOptions,
  type Logger,
  type Server,
  ServerStateError,
  SILENT_LOGGER,
} from "@myelin/server";
import { type Credentials, ownCredentials, urlWithCredentials } from "./client-url.ts";
import { NotSupportedError } from "./errors.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { MemoryLog } from "./memory-log.ts";
import { NO_PORTS, type ServerPorts } from "./server-ports.ts";
import type { ServerSignal, TestServer } from "./test-server.ts";
import { type WaitOptions, waitFor } from "./wait-for.ts";

/** Options of a server in the test process. */
export interface InProcessOptions extends EmbeddedServerOptions {
  /**
   * A clock that several servers share; one of its own when absent. `new TestClock(simClock)` goes by a SimClock, whose
   * `advance` is one synchronous step.
   */
  readonly clock?: TestClock;
  /** False: {@link TestServer.log} stays empty, for tests that run long or trace much. What the server says goes to `logger`. */
  readonly keepLog?: boolean;
}

/** A server in the test process; see {@link TestServer}. Does nothing before {@link start}. */
export class InProcessServer implements TestServer {
  readonly kind = "in-process";
  readonly clock: TestClock;
  readonly faults: Faults;
  readonly #options: InProcessOptions;
  readonly #log: MemoryLog;
  readonly #logger: Logger;
  readonly #proxies: Set<FaultProxy> = new Set();
  #server: EmbeddedServer | null = null;
  #port: number;
  #pause: { readonly fault: Fault; readonly sinceMs: number | null } | null = null;

  constructor(options: InProcessOptions = {}) {
    this.#options = options;
    this.#port = options.port ?? -1;
    this.clock = options.clock ?? new TestClock(new NodeClock());
    this.#log = new MemoryLog(options.logger);
    this.#logger = options.keepLog === false ? (options.logger ?? SILENT_LOGGER) : this.#log;
    this.faults = new Faults(this.clock, new NodeRandom());
  }

  /** The embedded server that runs now, with its events and counters; another one after each start. */
  get server(): EmbeddedServer {
    if (this.#server === null) throw new Error("The server was not started yet: await start()");
    return this.#server;
  }

  /**
   * The parts that the running server is made of, for tests of the server itself that look for what stays behind: accounts
   * and their interest, connections with what waits for them, counters. They change with the server from release to release.
   */
  get core(): Server {
    return this.server.core;
  }

  get id(): string {
    return this.server.id;
  }

  get name(): string {
    return this.server.name;
  }

  get host(): string {
    return this.server.host;
  }

  get port(): number {
    return this.server.port;
  }

  get ports(): ServerPorts {
    const { port, webSocketPort } = this.server;
    return { ...NO_PORTS, nats: port > 0 ? [port] : [], websocket: webSocketPort > 0 ? [webSocketPort] : [] };
  }

  get url(): string {
    return this.server.url;
  }

  get pid(): number {
    return process.pid;
  }

  get isRunning(): boolean {
    return this.#server?.state === "running";
  }

  get log(): string {
    return this.#log.text;
  }

  urlWith(credentials: Credentials | null = ownCredentials(this.#options)): string {
    return urlWithCredentials(this.url, credentials);
  }

  async start(): Promise<void> {
    if (this.isRunning) return;
    await this.#server?.closed;
    const network = this.faults.wrapNetwork(this.#options.network ?? new NodeNetwork());
    const { keepLog: _, ...options } = this.#options;
    const host = options.host ?? "127.0.0.1";
    const port = this.#port;
    const server = new EmbeddedServer({ ...options, host, port, clock: this.clock, network, logger: this.#logger });
    this.#server = server;
    await server.ready;
    if (server.port > 0) this.#port = server.port;
  }

  async stop(): Promise<void> {
    await this.resume();
    await this.#server?.close();
  }

  async kill(): Promise<void> {
    const cut = this.faults.cut();
    this.#pause?.fault.undo();
    this.#pause = null;
    await this.#server?.close();
    cut.undo();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  pause(): Promise<void> {
    if (this.#pause === null) {
      const fault = this.faults.hold();
      this.#pause = { fault, sinceMs: this.clock.isStopped ? null : performance.now() };
      this.clock.stop();
    }
    return Promise.resolve();
  }

  async resume(): Promise<void> {
    const pause = this.#pause;
    if (pause === null) return;
    this.#pause = null;
    if (pause.sinceMs !== null && this.clock.isStopped) {
      // A process that goes on finds its timers due, before it reads what has come meanwhile.
      await this.clock.advance(performance.now() - pause.sinceMs);
      this.clock.start();
    }
    pause.fault.undo();
  }

  lameDuck(): Promise<void> {
    return this.server.lameDuck();
  }

  async signal(signal: ServerSignal): Promise<void> {
    switch (signal) {
      case "SIGINT":
      case "SIGTERM":
        return this.stop();
      case "SIGKILL":
        return this.kill();
      case "SIGSTOP":
        return this.pause();
      case "SIGCONT":
        return this.resume();
      case "SIGUSR2":
        this.lameDuck().catch((error: unknown) => this.#logger.error(`Lame duck mode failed: ${String(error)}`));
        return;
      case "SIGHUP":
        if (this.#options.configFile === undefined) {
          throw new NotSupportedError(
            "NOT_IN_PROCESS",
            "SIGHUP reads a configuration file again, and this server has none: call server.reload() with what changes",
          );
        }
        this.server.reload().catch((error: unknown) => {
          this.#logger.error(`Failed to reload server configuration: ${(error as Error).message}`);
        });
        return;
      case "SIGUSR1":
        throw new NotSupportedError(
          "NOT_IN_PROCESS",
          "SIGUSR1 is about the log file of a process: run the server as a child process",
        );
    }
  }

  async reset(): Promise<void> {
    this.faults.clear();
    for (const proxy of this.#proxies) proxy.faults.clear();
    this.#pause = null;
    this.clock.start();
    if (this.isRunning && !this.server.isLameDuck) await this.server.reset();
    else await this.restart();
    this.#log.clear();
  }

  async close(): Promise<void> {
    this.faults.clear();
    await this.stop();
    await Promise.all(Array.from(this.#proxies, (proxy) => proxy.close()));
    this.#proxies.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async waitForLog(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    return waitFor(() => pattern.exec(this.log), { what: `${pattern} in the log`, ...options });
  }

  async proxy(): Promise<FaultProxy> {
    const proxy = await FaultProxy.open(this, this.clock);
    this.#proxies.add(proxy);
    return proxy;
  }

  connectInProcess(): Duplex {
    const { server } = this;
    if (server.state !== "running" || server.isLameDuck) {
      throw new ServerStateError("connect in process", server.isLameDuck ? "closing" : server.state);
    }
    const [ours, theirs] = duplexPair();
    server.attach(this.faults.wrap(ours));
    return theirs;
  }
}
