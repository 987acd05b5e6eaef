// A server inside your process: `createServer()` starts one on a free loopback port, in memory, without a word.
// Wraps server.ts with Node's clock, network and random numbers, the defaults of embedding, and events.

import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex as NodeDuplex } from "node:stream";
import type { Arena, Clock, Duplex, Network, Random } from "@myelin/platform";
import { NodeClock, NodeNetwork, NodeRandom, sharedArena, socketDuplex } from "@myelin/platform/node";
import { type Authenticate, UserFunction } from "../auth/user-function.ts";
import { NODE_CONFIG_OUTSIDE } from "../config/node-outside.ts";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { CloseReason } from "../connection/close-reasons.ts";
import { type Logger, SILENT_LOGGER } from "../logger.ts";
import { OptionsError, type PartialServerOptions, type ServerOptions } from "../options.ts";
import { ReloadError } from "../reload/plan.ts";
import { type Outside, Server, type ServerState } from "../server.ts";
import { completeTls, type TlsOptions, type TlsSettings, TlsSettingsError } from "../tls/settings.ts";
import type { PartialWebSocketOptions } from "../websocket-options.ts";
import { type ConfiguredOptions, configuredOptions } from "./configured-options.ts";
import { type ConnectionInfo, connectionInfo } from "./connection-info.ts";

/** Options of WebSocket in an embedded server. */
export interface EmbeddedWebSocketOptions extends Omit<PartialWebSocketOptions, "tls"> {
  readonly tls?: TlsOptions | null;
}

/** Options of an embedded server: those of every server, and what a program can give besides. */
export interface EmbeddedServerOptions extends Omit<PartialServerOptions, "tls" | "webSocket"> {
  /** TLS for clients, in the place of a `tls` block in the configuration; null for none. Files are read when the server is made. */
  readonly tls?: TlsOptions | null;
  /** Clients by WebSocket, in the place of a `websocket` block. Its `tls` is given as {@link tls}. */
  readonly webSocket?: EmbeddedWebSocketOptions | undefined;
  /** Gets what the server has to say: any object with these five methods, `console` and pino among them. Silent when absent. */
  readonly logger?: Logger;
  /** A configuration file of nats-server's form, under the options given here. See docs/configuration.md. */
  readonly configFile?: string;
  /** The same as a text. Not both. */
  readonly configText?: string;
  /** Says who may come in. Cannot be combined with `user` or `token`. */
  readonly authenticate?: Authenticate;

  /** Time; the machine's when absent. A test gives one that it stops and moves. */
  readonly clock?: Clock;
  /** Chance; the machine's when absent. */
  readonly random?: Random;
  /** Where the server listens; the machine's network when absent. */
  readonly network?: Network;
  /** Where buffers come from; the arena that all servers of this process share when absent. */
  readonly arena?: Arena;
}

/**
 * What a reload of an embedded server changes. What is left out stays as it was given before; what is `undefined` counts as not
 * given any more.
 */
export type ReloadOptions = {
  readonly [Name in Exclude<keyof EmbeddedServerOptions, "logger" | "clock" | "random" | "network" | "arena">]?:
    | EmbeddedServerOptions[Name]
    | undefined;
};

/** What came of a reload. */
export interface ReloadResult {
  /** The options that have another value now. */
  readonly changed: ReadonlyArray<keyof ServerOptions>;
  /** `sha256:...` of the configuration; null without one. */
  readonly digest: string | null;
}

/** Events of an embedded server, with what their listeners get. */
export interface ServerEvents {
  /** A client has connected: its CONNECT was accepted. */
  connect: [connection: ConnectionInfo];
  /** A client that had connected is gone. */
  disconnect: [connection: ConnectionInfo, reason: CloseReason];
  /** A client takes its messages too slowly and is being closed. */
  slowConsumer: [connection: ConnectionInfo, reason: CloseReason];
  /** The server has entered lame duck mode. */
  lameDuck: [];
  /** The server is closed. */
  closed: [];
}

/** Counters of a server, since it was started or {@link EmbeddedServer.reset}. Bytes are headers and payload. */
export interface ServerStatistics {
  readonly inMsgs: number;
  readonly inBytes: number;
  readonly outMsgs: number;
  readonly outBytes: number;
  /** Connections accepted, refused ones included. */
  readonly totalConnections: number;
  readonly slowConsumers: number;
  readonly staleConnections: number;
  /** How often a producer was made to wait for a slow receiver. */
  readonly stalls: number;
}

/** Something was asked of a server that is not running. */
export class ServerStateError extends Error {
  override readonly name = "ServerStateError";
  readonly code = "SERVER_NOT_RUNNING";
  readonly state: ServerState;

  constructor(action: string, state: ServerState) {
    super(`Cannot ${action}: the server is ${state}`);
    this.state = state;
  }
}

/** A server without a listener has no URL. */
export class NoListenerError extends Error {
  override readonly name = "NoListenerError";
  readonly code = "NO_LISTENER";

  constructor() {
    super("The server has no URL, because it does not listen (listen: false): attach clients with connectInProcess()");
  }
}

/** What embedding changes of the program's defaults: nobody but this machine gets in, and ports do not collide. */
const EMBEDDED_DEFAULTS: PartialServerOptions = Object.freeze({ host: "127.0.0.1", port: -1 });

/**
 * A NATS server inside this process. It begins to start when it is made; {@link createServer} waits until it has.
 *
 * Several in one process share nothing but the byte arena. Nothing is written to disk, unless `storeDir` or `ocspCache` name
 * a folder for it. After {@link close} nothing of it keeps
 * the process alive; before, its listener does. A listener of an event that throws does not disturb the server: the error
 * goes to the logger.
 */
export class EmbeddedServer extends EventEmitter<ServerEvents> implements AsyncDisposable {
  /** Resolves when clients can connect; rejects with the platform's error when the address cannot be had. */
  readonly ready: Promise<void>;
  /** Resolves when the server is closed, whoever closed it; never rejects. */
  readonly closed: Promise<void>;
  /** The clock that was given, or the machine's. */
  readonly clock: Clock;
  readonly #server: Server;
  readonly #logger: Logger;
  /** What the program gave, at the start and at reloads. */
  #given: ReloadOptions;
  #tellClosed!: () => void;
  #closing: Promise<void> | null = null;
  #lameDuck: Promise<void> | null = null;

  /** @throws OptionsError when an option cannot be used, a certificate included; ConfigError when the configuration cannot. */
  constructor(options: EmbeddedServerOptions = {}) {
    super();
    const { arena, clock, logger, network, random, ...given } = options;
    this.#given = given;
    this.clock = clock ?? new NodeClock();
    this.#logger = logger ?? SILENT_LOGGER;
    const outside: Outside = {
      clock: this.clock,
      random: random ?? new NodeRandom(),
      network: network ?? new NodeNetwork(),
      arena: arena ?? sharedArena(),
      logger: this.#logger,
      shutDown: () => void this.close(),
      observer: {
        connected: (connection) => this.#tell("connect", connection),
        disconnected: (connection, reason) => this.#tell("disconnect", connection, reason),
        slowConsumer: (connection, reason) => this.#tell("slowConsumer", connection, reason),
      },
      createAuthenticator: (accounts, random) => {
        const { authenticate } = this.#given;
        return authenticate === undefined ? null : new UserFunction(authenticate, accounts, random);
      },
    };
    this.#server = new Server(this.#optionsOf(given).options, outside);
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.ready = this.#start();
    // Who does not wait for it learns of a failure by `closed`, and must not lose the process to an unhandled rejection.
    this.ready.catch(() => this.#finish());
  }

  /** The parts that it is made of: for tests of the server itself, and no part of what stays the same between releases. */
  get core(): Server {
    return this.#server;
  }

  /** A public server nkey, `N...`. */
  get id(): string {
    return this.#server.id;
  }

  get name(): string {
    return this.#server.name;
  }

  get state(): ServerState {
    return this.#server.state;
  }

  /** Whether the server is in lame duck mode. */
  get isLameDuck(): boolean {
    return this.#server.isLameDuck;
  }

  /**
   * Where a client on this machine connects: `nats://127.0.0.1:port`.
   *
   * @throws NoListenerError when the server was made with `listen: false`.
   */
  get url(): string {
    if (!this.#server.options.listen) throw new NoListenerError();
    return this.#server.url;
  }

  get host(): string {
    return this.#server.options.host;
  }

  /** The port that clients connect to; 0 without a listener or before {@link ready}. */
  get port(): number {
    return this.#server.port;
  }

  /** Where a WebSocket on this machine connects, `ws://127.0.0.1:port`; null without a `port` in the option `webSocket`. */
  get webSocketUrl(): string | null {
    return this.#server.webSocketUrl;
  }

  /** The port for WebSockets; 0 without a listener for them, and before {@link ready}. */
  get webSocketPort(): number {
    return this.#server.webSocketPort;
  }

  /** Clients that are connected now, in the order in which they came. */
  get connections(): ConnectionInfo[] {
    return Array.from(this.#server.connections, connectionInfo);
  }

  get connectionCount(): number {
    return this.#server.connectionCount;
  }

  get subscriptionCount(): number {
    return this.#server.subscriptionCount;
  }

  /** The counters as they stand; a snapshot. */
  get statistics(): ServerStatistics {
    const { counters, totalConnections } = this.#server;
    const { slowConsumers, staleConnections, stalls, traffic } = counters;
    return { ...traffic, totalConnections, slowConsumers, staleConnections, stalls };
  }

  /**
   * Attaches a client without a socket.
   *
   * @returns The client's end of a pair of duplexes, not opened yet: for any client that can take one.
   * @throws ServerStateError when the server is closing, closed or in lame duck mode.
   */
  connectInProcess(): Duplex {
    const { state } = this.#server;
    if (state === "closing" || state === "closed" || this.isLameDuck) {
      throw new ServerStateError("connect in process", this.isLameDuck ? "closing" : state);
    }
    return this.#server.connectInProcess();
  }

  /** Serves a client on a duplex of your own, which is not opened yet. It is destroyed when the server takes no clients. */
  attach(duplex: Duplex): void {
    this.#server.attach(duplex);
  }

  /**
   * Serves a WebSocket that came to an HTTP server of yours: `http.on("upgrade", server.handleUpgrade)` gives them all to the server.
   * Origins, cookies, compression and who may come in are those of the option `webSocket`, which needs no port for that.
   *
   * @param socket - Belongs to the server from now on, also when the request is refused.
   * @param head - What came behind the request.
   */
  readonly handleUpgrade = (request: IncomingMessage, socket: NodeDuplex, head: Buffer): void => {
    const { state } = this.#server;
    const takesClients = state !== "closing" && state !== "closed" && !this.isLameDuck;
    const duplex = takesClients ? socketDuplex(socket) : null;
    if (duplex === null) socket.destroy();
    else this.#server.upgrade(request, duplex, head, "encrypted" in socket);
  };

  /** Ends every connection, with its subscriptions, and sets the counters to zero. The listener and its port stay. */
  async reset(): Promise<void> {
    this.#server.reset();
    // The turn in which the peers learn of it.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /**
   * Changes options while the server runs: reads the configuration file again, or takes another configuration or other options.
   * All or nothing. Connections that still fit stay; see docs/configuration.md, Reload.
   *
   * @param changes - Over what was given before. A program's own options stay over those of a configuration.
   * @returns What has changed. Rejects with a ConfigError, an OptionsError or a ReloadError, which names every option that
   *   cannot change while the server runs, and then nothing has changed; with a ServerStateError when it is not running.
   */
  async reload(changes: ReloadOptions = {}): Promise<ReloadResult> {
    // The caller may be a listener of an event, in the middle of the server's own work.
    await new Promise((resolve) => setImmediate(resolve));
    const { state } = this.#server;
    if (state !== "running") throw new ServerStateError("reload", state);
    const given: { -readonly [Name in keyof ReloadOptions]: ReloadOptions[Name] } = { ...this.#given, ...changes };
    // One configuration takes the place of the other.
    if (changes.configText !== undefined && changes.configFile === undefined) given.configFile = undefined;
    if (changes.configFile !== undefined && changes.configText === undefined) given.configText = undefined;
    const { digest, options } = this.#optionsOf(given);
    const plan = this.#server.planReload(options);
    if (plan.refusals.length > 0) throw new ReloadError(plan.refusals);
    this.#given = given;
    await this.#server.reload(plan);
    this.#logger.info(`Reloaded server configuration${digest === null ? "" : ` (${digest})`}`);
    return { changed: plan.changed as Array<keyof ServerOptions>, digest };
  }

  /**
   * Stops listening, tells the clients to go elsewhere, ends those that stay one by one over `lameDuckDurationMs`, then closes.
   *
   * @returns Resolves when the server is closed; rejects when it was not running.
   */
  lameDuck(): Promise<void> {
    this.#lameDuck ??= this.#runLameDuck();
    return this.#lameDuck;
  }

  /** Stops listening, ends every connection, and resolves when that is done. Further calls wait for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What a server is made of: the configuration, the program's options over it, the defaults of embedding under both. */
  #optionsOf({ authenticate, configFile, configText, tls, webSocket, ...own }: ReloadOptions): ConfiguredOptions {
    const over = { ...withoutUndefined(own), ...tlsOption("tls", tls), ...webSocketOption(webSocket) };
    const configured = configuredOptions({ configFile, configText }, over, this.#logger);
    const options = { ...EMBEDDED_DEFAULTS, ...configured.options };
    if (authenticate !== undefined) checkAuthenticate(options);
    return { ...configured, options };
  }

  async #start(): Promise<void> {
    await this.#server.start();
  }

  async #runLameDuck(): Promise<void> {
    const drained = this.#server.lameDuck();
    if (this.isLameDuck) this.#emit("lameDuck");
    await drained;
    await this.close();
  }

  async #close(): Promise<void> {
    this.#server.giveUpStarting();
    // A server that is about to listen has to be let get there, or it would do so after it was closed.
    await this.ready.catch(ignoreFailedStart);
    await this.#server.close();
    this.#finish();
  }

  #finish(): void {
    this.#tellClosed();
    this.#emit("closed");
  }

  #tell(event: "connect", connection: ClientConnection): void;
  #tell(event: "disconnect" | "slowConsumer", connection: ClientConnection, reason: CloseReason): void;
  #tell(event: "connect" | "disconnect" | "slowConsumer", connection: ClientConnection, reason?: CloseReason): void {
    if (this.listenerCount(event) === 0) return;
    const info = connectionInfo(connection);
    if (event === "connect") this.#emit(event, info);
    else this.#emit(event, info, reason as CloseReason);
  }

  #emit<Name extends keyof ServerEvents>(event: Name, ...args: ServerEvents[Name]): void {
    try {
      (this as EventEmitter).emit(event, ...args);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#logger.error(`A listener of the event "${event}" failed: ${text}`);
    }
  }
}

/**
 * Starts a NATS server inside this process: on a free port of loopback, in memory, silent, unless options say otherwise.
 *
 * @returns The server, ready for clients. Rejects with an OptionsError for an option that cannot be used, and with the
 *   platform's error when the address cannot be had (`code` is `EADDRINUSE` for a busy port).
 * @example
 * await using server = await createServer();
 * const nc = await connect({ servers: server.url });
 */
export async function createServer(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const server = new EmbeddedServer(options);
  await server.ready;
  return server;
}

/** @throws OptionsError when options say too who may come in. */
function checkAuthenticate({ proxyRequired, token, trustedProxies, user, users }: PartialServerOptions): void {
  const problem = "authenticate is set too, and only one of them can say who may come in";
  if (typeof user === "string") throw new OptionsError("user", problem);
  if (typeof token === "string") throw new OptionsError("token", problem);
  if (users !== undefined && users.length > 0) throw new OptionsError("users", problem);
  if (trustedProxies !== undefined && trustedProxies.length > 0) throw new OptionsError("trustedProxies", problem);
  if (proxyRequired === true) throw new OptionsError("proxyRequired", problem);
}

function tlsOption(
  name: "tls" | "webSocket",
  tls: TlsOptions | null | undefined,
): { readonly tls?: TlsSettings | null } {
  if (tls === undefined) return {};
  if (tls === null) return { tls: null };
  try {
    return { tls: completeTls(tls, NODE_CONFIG_OUTSIDE.readFile) };
  } catch (error) {
    if (!(error instanceof TlsSettingsError)) throw error;
    const place = name === "tls" ? "" : "tls.";
    throw new OptionsError(name, `${place}${error.option}: ${error.message}`, { cause: error });
  }
}

function webSocketOption(given: EmbeddedWebSocketOptions | undefined): PartialServerOptions {
  if (given === undefined) return {};
  const { tls, ...others } = given;
  return { webSocket: { ...others, ...tlsOption("webSocket", tls) } };
}

/** `{ port: undefined }` is the same as nothing, and must not hide a default. */
function withoutUndefined(options: PartialServerOptions): PartialServerOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function ignoreFailedStart(): void {}
