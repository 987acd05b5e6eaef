// The life of a server's process: banner, start, ready, signals, stop, exit code. The order of lines and files is the reference's:
//
//   Starting, Version, Git, Name, ID -> pid file -> Listening (by the server) -> Server is ready -> ports file
//   Trapped "..." signal -> Initiating Shutdown... -> ports file gone -> Server Exiting.. -> exit 0
//
// A start that fails ends with one FTL line and exit code 1.

import type { Clock } from "@myelin/platform";
import { SERVER_VERSION } from "@myelin/protocol";
import { isBcrypt } from "../auth/secrets.ts";
import type { Logger } from "../logger.ts";
import { WebSocketListenError } from "../net/websocket/service.ts";
import { completeOptions, type PartialServerOptions, type ServerOptions } from "../options.ts";
import type { ReloadPlan } from "../reload/plan.ts";
import { SYSTEM_ACCOUNT } from "../routing/account.ts";
import { fileErrorText } from "../system-error.ts";
import { OcspError } from "../tls/ocsp/ocsp-error.ts";
import { MYELIN_VERSION } from "../version.ts";
import { bannerText } from "./banner.ts";
import { EXIT_FAILURE } from "./command-line.ts";
import { badPortText, listenErrorHint, listenErrorText, PORT_MAX, webSocketListenErrorText } from "./listen-error.ts";
import type { LogWriter } from "./log-writer.ts";
import {
  type Addresses,
  type Ports,
  portsFilePath,
  reachableUrls,
  removePortsFile,
  writePidFile,
  writePortsFile,
} from "./process-files.ts";
import { type ProcessReload, prepareReload, type ReloadOutside, reasonsOf } from "./process-reload.ts";
import type { RunSettings } from "./run-settings.ts";

/** The server, as far as its process knows it. */
export interface ManagedServer {
  /** A public server nkey. */
  readonly id: string;
  readonly name: string;
  /** The real one, after `start`. */
  readonly port: number;
  /** The port for WebSockets, after `start`; 0 or absent without a listener for them. */
  readonly webSocketPort?: number;
  /** Where a client on this machine connects, after `start`. */
  readonly url: string;
  /** Listens, and logs that. Rejects with the platform's error, or with an OcspError. */
  start(): Promise<void>;
  /** Ends what `start` waits for before it listens, so that it rejects. */
  giveUpStarting?(): void;
  /** Stops listening and closes all clients; resolves when that is done, at once when it was done before. */
  close(): Promise<void>;
  /**
   * Stops listening, tells clients to go elsewhere, closes those that stay one by one, and logs both. Resolves when the
   * last is gone or when `close` is called; the caller closes the server then.
   */
  lameDuck?(): Promise<void>;
  /** Looks at what other options would change. @throws OptionsError when no server could run with them. */
  planReload(options: PartialServerOptions): ReloadPlan;
  /** Takes the options of a plan without refusals over, and logs that; resolves when nothing goes by the old ones any more. */
  reload(plan: ReloadPlan): Promise<void>;
}

/** Makes the server; it listens later. By `shutDown` it asks for its end. */
export type OpenServer = (options: ServerOptions, logger: Logger, shutDown: () => void) => Promise<ManagedServer>;

/** What a server's process needs of the process it runs in. */
export interface ProcessOutside extends ReloadOutside {
  readonly programName: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly addresses: Addresses;
  /** Shows a person the banner; null where nobody would see it. */
  readonly showBanner: ((text: string) => void) | null;
  /** Ends the process. In a test it returns. */
  exit(code: number): void;
}

/** Signals that are handled, with the words for them in the log. */
export const SIGNAL_WORDS = {
  SIGINT: "interrupt",
  SIGTERM: "terminated",
  SIGHUP: "hangup",
  SIGUSR1: "user defined signal 1",
  SIGUSR2: "user defined signal 2",
} as const;

/** One of the signals that a server's process handles. */
export type HandledSignal = keyof typeof SIGNAL_WORDS;

/**
 * A terminal sends SIGINT to npm and to us, and npm sends it on: two within this time are one. A later one, while
 * the server is stopping, is a person who does not want to wait.
 */
const SECOND_INTERRUPT_AFTER_MS = 500;
/** Above this the reference warns (const.go MAX_PAYLOAD_MAX_SIZE). */
const DISCOURAGED_PAYLOAD_BYTES = 8 * 1024 * 1024;

/** Runs one server, once. */
export class ServerProcess {
  #settings: RunSettings;
  #openServer: OpenServer;
  #log: LogWriter;
  #outside: ProcessOutside;

  #server: ManagedServer | null = null;
  #starting: Promise<void> = Promise.resolve();
  /** Reloads that were asked for, one after the other. Never rejects. */
  #reloading: Promise<void> = Promise.resolve();
  #portsFile: string | null = null;
  #lameDuck = false;
  /** When the server was told to stop, on the monotonic clock; null before. */
  #stoppingSinceMs: number | null = null;
  #exited = false;

  constructor(settings: RunSettings, openServer: OpenServer, log: LogWriter, outside: ProcessOutside) {
    this.#settings = settings;
    this.#openServer = openServer;
    this.#log = log;
    this.#outside = outside;
  }

  /** Starts the server. Resolves when it is ready, or when it could not start and `exit` was called. */
  async run(): Promise<void> {
    const options = this.#completeOptions();
    if (options === null) return;
    this.#log.info(`Starting ${this.#outside.programName}`);
    const server = await this.#openServer(options, this.#log, () => void this.stop());
    this.#server = server;
    if (this.#stoppingSinceMs !== null) return;
    this.#logHead(server, options);
    if (!this.#writePidFile()) return;
    this.#starting = server.start();
    try {
      await this.#starting;
    } catch (error) {
      if (this.#stoppingSinceMs === null) this.#failListening(options, error as Error);
      return;
    }
    if (this.#stoppingSinceMs !== null) return;
    this.#log.info("Server is ready");
    await this.#announce(options, server);
  }

  /** Does what a signal asks for. */
  handleSignal(signal: HandledSignal): void {
    this.#log.info(`Trapped "${SIGNAL_WORDS[signal]}" signal`);
    switch (signal) {
      case "SIGINT":
        this.#interrupt();
        break;
      case "SIGTERM":
        // Lame duck mode ends by itself: an orchestrator that sends both must not cut it short.
        if (!this.#lameDuck) void this.stop();
        break;
      case "SIGHUP":
        this.#reloading = this.#reloading.then(() => this.#reload());
        break;
      case "SIGUSR1":
        this.#log.reopen();
        break;
      case "SIGUSR2":
        void this.#enterLameDuck();
        break;
    }
  }

  /** Stops the server and ends the process with 0. Resolves when that is done, at once when it is under way. */
  async stop(): Promise<void> {
    if (this.#stoppingSinceMs !== null) return;
    this.#stoppingSinceMs = this.#outside.clock.monotonicMs();
    this.#log.info("Initiating Shutdown...");
    try {
      this.#server?.giveUpStarting?.();
      // A server that is just about to listen has to be let get there, or it would do so after it was closed.
      await this.#starting.catch(ignoreFailedStart);
      await this.#server?.close();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#removePortsFile();
    this.#log.info("Server Exiting..");
    this.#exit(0);
  }

  /** Ends the process because of an error that nobody else took. */
  fail(error: unknown): void {
    this.#log.fatal(`Unexpected error, the server cannot go on: ${describe(error)}`);
    this.#removePortsFile();
    this.#exit(EXIT_FAILURE);
  }

  #completeOptions(): ServerOptions | null {
    const { options } = this.#settings;
    if (options.port !== undefined && (options.port < -1 || options.port > PORT_MAX)) {
      this.#log.fatal(badPortText(options.host ?? "0.0.0.0", options.port));
      this.#exit(EXIT_FAILURE);
      return null;
    }
    try {
      return completeOptions(options);
    } catch (error) {
      this.#log.fatal((error as Error).message);
      this.#exit(EXIT_FAILURE);
      return null;
    }
  }

  #logHead(server: ManagedServer, options: ServerOptions): void {
    this.#log.info(`  Version:  ${SERVER_VERSION}`);
    this.#log.info("  Git:      [not set]");
    this.#log.info(`  Myelin:   ${MYELIN_VERSION}`);
    this.#log.debug(`  Node.js:  ${process.version}`);
    this.#log.info(`  Name:     ${server.name}`);
    this.#log.info(`  ID:       ${server.id}`);
    if (hasPlainPassword(options)) this.#log.warn("Plaintext passwords detected, use nkeys or bcrypt");
    const { config, warnings } = this.#settings;
    for (const warning of warnings) this.#log.warn(warning);
    if (config !== null) this.#log.info(`Using configuration file: ${config.file} (${config.digest})`);
    if (options.maxPayloadBytes > DISCOURAGED_PAYLOAD_BYTES) {
      const text = "Maximum payloads over 8.00 MB are generally discouraged and could lead to poor performance";
      this.#log.warn(text);
    }
    if (!options.accounts.includes(SYSTEM_ACCOUNT) && options.systemAccount === SYSTEM_ACCOUNT) {
      this.#log.debug(`Created system account: "${SYSTEM_ACCOUNT}"`);
    }
  }

  /** Reads the configuration again. What is wrong with it is logged, and the server goes on as it was. */
  async #reload(): Promise<void> {
    await this.#starting.catch(ignoreFailedStart);
    const server = this.#server;
    if (server === null || this.#stoppingSinceMs !== null) return;
    try {
      if (this.#settings.config === null) {
        this.#reportFailedReload(["can only reload config when a file is provided using -c or --config"]);
        return;
      }
      const reload = prepareReload(this.#settings, (options) => server.planReload(options), this.#outside);
      await this.#takeOver(server, reload);
      if (reload.movesPortsFile) {
        this.#removePortsFile();
        await this.#writePortsFile(server, reload.plan.options);
      }
    } catch (error) {
      this.#reportFailedReload(reasonsOf(error));
    }
  }

  #reportFailedReload(reasons: readonly string[]): void {
    for (const reason of reasons) this.#log.error(`Failed to reload server configuration: ${reason}`);
  }

  async #takeOver(server: ManagedServer, { lines, log, plan, settings, writesPidFile }: ProcessReload): Promise<void> {
    this.#settings = settings;
    for (const warning of settings.warnings) this.#log.warn(warning);
    await server.reload(plan);
    if (this.#stoppingSinceMs !== null) return;
    if (writesPidFile) this.#rewritePidFile();
    for (const line of lines) this.#log.info(line);
    if (log !== null) this.#log.moveTo(log);
    this.#log.verbosity = plan.options;
    this.#log.info(`Reloaded server configuration (${settings.config?.digest})`);
  }

  #rewritePidFile(): void {
    const path = this.#settings.pidFile as string;
    try {
      writePidFile(path, this.#outside.pid);
    } catch (error) {
      this.#log.error(`Failed to write pidfile: ${fileErrorText("open", path, error as Error)}`);
    }
  }

  #writePidFile(): boolean {
    const { pidFile } = this.#settings;
    if (pidFile === null) return true;
    try {
      writePidFile(pidFile, this.#outside.pid);
      return true;
    } catch (error) {
      this.#log.fatal(`Could not write pidfile: ${fileErrorText("open", pidFile, error as Error)}`);
      this.#exit(EXIT_FAILURE);
      return false;
    }
  }

  #failListening(options: ServerOptions, error: Error): void {
    if (error instanceof OcspError) {
      this.#log.fatal(error.message);
      this.#exit(EXIT_FAILURE);
      return;
    }
    const isWebSocket = error instanceof WebSocketListenError;
    this.#log.fatal(isWebSocket ? webSocketListenErrorText(error) : listenErrorText(options.host, options.port, error));
    const hint = isWebSocket ? null : listenErrorHint(options.port, error);
    if (hint !== null) this.#log.info(hint);
    this.#exit(EXIT_FAILURE);
  }

  /** Tells launchers and people where the server is. What goes wrong here does not stop it. */
  async #announce(options: ServerOptions, server: ManagedServer): Promise<void> {
    await this.#writePortsFile(server, options);
    if (this.#stoppingSinceMs === null) this.#outside.showBanner?.(bannerText(server.url));
  }

  async #writePortsFile(server: ManagedServer, options: ServerOptions): Promise<void> {
    const { portsFileDir } = this.#settings;
    const { programName, pid } = this.#outside;
    if (portsFileDir === null) return;
    const path = portsFilePath(portsFileDir, programName, pid);
    try {
      const ports = await this.#ports(options, server);
      // A stop or a reload may have come meanwhile.
      if (this.#stoppingSinceMs !== null || this.#settings.portsFileDir !== portsFileDir) return;
      writePortsFile(path, ports);
      this.#portsFile = path;
    } catch (error) {
      this.#log.error(`Error writing ports file (${path}): ${fileErrorText("open", path, error as Error)}`);
    }
  }

  async #ports({ host, webSocket }: ServerOptions, server: ManagedServer): Promise<Ports> {
    const { addresses } = this.#outside;
    const { port, url, webSocketPort = 0 } = server;
    const nats = await reachableUrls(schemeOf(url), host, port, addresses);
    if (webSocketPort === 0) return { nats };
    return {
      nats,
      websocket: await reachableUrls(webSocket.tls === null ? "ws" : "wss", webSocket.host, webSocketPort, addresses),
    };
  }

  #removePortsFile(): void {
    const path = this.#portsFile;
    if (path === null) return;
    this.#portsFile = null;
    try {
      removePortsFile(path);
    } catch (error) {
      this.#log.error(`Error cleaning up ports file ${path}: ${fileErrorText("remove", path, error as Error)}`);
    }
  }

  #interrupt(): void {
    const since = this.#stoppingSinceMs;
    if (since === null) void this.stop();
    else if (this.#outside.clock.monotonicMs() - since >= SECOND_INTERRUPT_AFTER_MS) {
      this.#removePortsFile();
      this.#log.warn("Interrupted again: exiting without waiting for the shutdown to end");
      this.#exit(EXIT_FAILURE);
    }
  }

  async #enterLameDuck(): Promise<void> {
    const server = this.#server;
    if (this.#lameDuck || this.#stoppingSinceMs !== null || server === null) return;
    if (server.lameDuck === undefined) {
      this.#log.error("Lame duck mode is not supported yet; the server goes on as before");
      return;
    }
    this.#lameDuck = true;
    try {
      await this.#starting;
      await server.lameDuck();
    } catch (error) {
      this.#log.error(`Lame duck mode failed, shutting down at once: ${describe(error)}`);
    }
    await this.stop();
  }

  #exit(code: number): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#outside.exit(code);
  }
}

/** `tls` where clients need TLS, else `nats`. */
function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(":"));
}

function hasPlainPassword({ pass, tls, users }: ServerOptions): boolean {
  // Who is known by a certificate has no password.
  const passwords = users
    .filter((user) => user.nkey === null && !(user.pass === "" && tls?.map))
    .map((user) => user.pass);
  if (pass !== null && pass !== "") passwords.push(pass);
  return !passwords.every(isBcrypt);
}

/** `run` has seen it and said so. */
function ignoreFailedStart(): void {}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
