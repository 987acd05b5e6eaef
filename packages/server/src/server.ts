// The server: puts the parts together and owns them. What it is made of comes in through `Outside`, so that two servers in one
// process share nothing but the byte arena, and a test can hold time still.

import type { IncomingMessage } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { type Arena, type Disk, type Duplex, duplexPair, type HttpFetch, type Network } from "@myelin/platform";
import { NodeDisk, nodeHttpFetch } from "@myelin/platform/node";
import { createParserScratch, type Publication } from "@myelin/protocol";
import { createServerId, createServerXKey } from "./auth/nkey.ts";
import type { SettingName } from "./config/settings.ts";
import { ClientConnection } from "./connection/client-connection.ts";
import type { CloseReason } from "./connection/close-reasons.ts";
import type { Authenticator, ConnectionContext, Router, ServerCounters } from "./connection/context.ts";
import { FlushQueue } from "./connection/flush-queue.ts";
import { type InfoSource, infoByTcp, infoByWebSocket } from "./info-content.ts";
import { InfoLines } from "./info-lines.ts";
import { LameDuck } from "./lame-duck.ts";
import { ClientListener, hostPort } from "./net/listener.ts";
import { ProxiedDuplex } from "./net/proxied-duplex.ts";
import { WebSocketService } from "./net/websocket/service.ts";
import type { ServerObserver } from "./observer.ts";
import { completeOptions, type PartialServerOptions, type ServerOptions } from "./options.ts";
import { inSlices } from "./reload/in-slices.ts";
import { compareSettings, ReloadError, type ReloadPlan } from "./reload/plan.ts";
import { type Account, clearTraffic, noTraffic } from "./routing/account.ts";
import { deliver } from "./routing/deliver.ts";
import type { SublistNode } from "./routing/sublist-node.ts";
import type { Subscriber } from "./routing/subscriber.ts";
import { type AuthenticationOutside, ServerAuthentication } from "./server-authentication.ts";
import { type ListenerTls, listenerTls } from "./tls/listener-tls.ts";
import { Ocsp } from "./tls/ocsp.ts";

/** What a server takes from outside. */
export interface Outside extends AuthenticationOutside {
  readonly network: Network;
  readonly arena: Arena;
  /** Asks OCSP responders; Node's HTTP when absent. */
  readonly fetch?: HttpFetch;
  /** Gives a folder that the options name, which need not be there; one of Node's file system when absent. */
  readonly openDisk?: (folder: string) => Disk;
  /** Takes the server down because a certificate of its own has been revoked; {@link Server.close} when absent. */
  readonly shutDown?: () => void;
  /** Is told of connections. */
  readonly observer?: ServerObserver;
}

/** The context of the connections, with what a reload replaces open to the server. */
interface LiveContext extends Omit<ConnectionContext, "options" | "authenticator" | "tls"> {
  options: ServerOptions;
  authenticator: Authenticator;
  tls: ListenerTls | null;
}

/** A change of these makes INFO another: clients that take one at any time are told. */
const TOLD_IN_INFO: ReadonlySet<SettingName> = new Set(["clientAdvertise", "maxPayloadBytes"]);

/** A change of these is for OCSP of all listeners. */
const OF_OCSP: ReadonlySet<SettingName> = new Set(["ocsp", "ocspCache", "storeDir"]);

/** What it costs to ask again who a client is, in subscriptions that are looked at. */
const CONNECTION_COST = 4;

/** What a server is doing. */
export type ServerState = "new" | "starting" | "running" | "closing" | "closed";

/** A NATS server. */
export class Server implements Router {
  /** `N...`, made anew for each server. */
  readonly id: string;
  readonly name: string;
  readonly counters: ServerCounters = { traffic: noTraffic(), slowConsumers: 0, staleConnections: 0, stalls: 0 };
  /** Connections accepted so far, refused ones included. */
  totalConnections = 0;

  readonly #outside: Outside;
  readonly #context: LiveContext;
  readonly #listener: ClientListener;
  readonly #authentication: ServerAuthentication;
  readonly #ocsp: Ocsp;
  readonly #connections: Map<number, ClientConnection> = new Map();
  readonly #xkey: string;
  readonly #info: InfoLines;
  readonly #webSocketInfo: InfoLines;
  readonly #webSocket: WebSocketService;
  #state: ServerState = "new";
  #port = 0;
  #nextId = 0;
  #lameDuck: LameDuck | null = null;
  #lameDuckEnd: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  /** @throws OptionsError when an option cannot be used. */
  constructor(options: PartialServerOptions, outside: Outside) {
    const complete = completeOptions(options);
    this.#outside = outside;
    const { arena, clock, logger, network, random } = outside;
    this.id = createServerId(random);
    this.#xkey = createServerXKey(random);
    this.name = complete.serverName ?? this.id;
    this.#authentication = new ServerAuthentication(complete, outside);
    this.#listener = new ClientListener(network, logger);
    const { fetch = nodeHttpFetch, openDisk = openFolder, shutDown = (): void => void this.close() } = outside;
    this.#ocsp = new Ocsp({ clock, random, logger, fetch, openDisk, shutDown });
    this.#context = {
      arena,
      readBuffer: arena.bytes.subarray(arena.readStart, arena.readStart + arena.readSize),
      clock,
      random,
      flushQueue: new FlushQueue(),
      options: complete,
      logger,
      router: this,
      authenticator: this.#authentication.byTcp,
      tls: this.#createTls(complete),
      counters: this.counters,
      globalAccount: this.#authentication.globalAccount,
      scratch: createParserScratch(),
      info: (account, face) => this.#info.parts(account, face),
    };
    this.#info = new InfoLines((face) => infoByTcp(this.#infoSource(), face));
    this.#webSocketInfo = new InfoLines((face) =>
      infoByWebSocket(this.#infoSource(), this.webSocketPort, this.#authentication.byWebSocket(this.options), face),
    );
    this.#webSocket = this.#createWebSocket(network);
  }

  /** The options as they stand; a reload replaces them. */
  get options(): ServerOptions {
    return this.#context.options;
  }

  /** Accounts by name; every connection is in one. */
  get accounts(): ReadonlyMap<string, Account> {
    return this.#authentication.accounts;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** The port that clients connect to; 0 without a listener. */
  get port(): number {
    return this.#port;
  }

  /** Where a client on this machine connects to; the loopback address when the server listens on every address. */
  get url(): string {
    const { host } = this.options;
    const isAny = host === "0.0.0.0" || host === "::" || host === "";
    const { tls } = this.#context;
    const scheme = tls === null || tls.allowNonTls ? "nats" : "tls";
    return `${scheme}://${hostPort(isAny ? "127.0.0.1" : host, this.#port)}`;
  }

  /** The port that WebSockets connect to; 0 without a listener for them. */
  get webSocketPort(): number {
    return this.#webSocket.port;
  }

  /** Where a WebSocket on this machine connects to; null without a listener for them. */
  get webSocketUrl(): string | null {
    return this.#webSocket.url;
  }

  /** Subscriptions of all accounts. */
  get subscriptionCount(): number {
    let count = 0;
    for (const account of this.accounts.values()) count += account.sublist.count;
    return count;
  }

  /** Whether the server is in lame duck mode. */
  get isLameDuck(): boolean {
    return this.#lameDuck !== null;
  }

  /** Connections that are open now. */
  get connections(): Iterable<ClientConnection> {
    return this.#connections.values();
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /**
   * Begins to listen, unless `listen` is false. Call once.
   *
   * @returns Rejects with the platform's error when the address cannot be had (`code` is `EADDRINUSE` for a busy port); with an
   *   OcspError when one of the server's certificates needs an OCSP answer and there is none, or must not be used.
   */
  async start(): Promise<void> {
    if (this.#state !== "new") throw new Error(`Cannot start a server that is ${this.#state}`);
    this.#state = "starting";
    const { host, listen, port } = this.options;
    try {
      await this.#context.tls?.ocsp?.start();
      // As in the reference, so that the log has the same order: a server that clients by TCP can reach has everything else.
      await this.#webSocket.open();
      if (listen) {
        this.#port = await this.#listener.open(host, port, this.#context.readBuffer, (duplex) => this.#accept(duplex));
        if (this.options.proxyProtocol) this.#outside.logger.info("PROXY protocol enabled for client connections");
        this.#tellTls();
      }
    } catch (error) {
      this.#state = "closed";
      this.#stopOcsp();
      await Promise.all([this.#webSocket.close(), this.#ocsp.close()]);
      throw error;
    }
    this.#forgetInfo(); // the ports are known now
    this.#state = "running";
  }

  /** Ends what {@link start} waits for before it listens, which is OCSP responders; it rejects then. */
  giveUpStarting(): void {
    if (this.#state === "starting") this.#ocsp.stop();
  }

  #accept(duplex: Duplex): void {
    if (!this.options.proxyProtocol) {
      this.attach(duplex);
      return;
    }
    const { clock, logger } = this.#outside;
    this.attach(new ProxiedDuplex(duplex, clock, (text) => logger.warn(text)));
  }

  #tellTls(): void {
    const { logger } = this.#outside;
    const { tls } = this.#context;
    if (tls === null) return;
    const { handshakeFirst, handshakeFirstFallbackMs } = tls.settings;
    const isFirstOnly = handshakeFirst && handshakeFirstFallbackMs === 0;
    logger.info(`TLS ${tls.allowNonTls && !isFirstOnly ? "available" : "required"} for client connections`);
    if (isFirstOnly) {
      logger.warn('Clients that are not using "TLS Handshake First" option will fail to connect');
    }
  }

  /** Serves a client on a duplex that is not opened yet. */
  attach(duplex: Duplex): void {
    this.#serve(duplex, this.#context);
  }

  /**
   * Answers a request to upgrade to a WebSocket that came to an HTTP server of the embedding program, and serves the client.
   *
   * @param inner - The connection that it came by, not opened yet. It belongs to the server from now on.
   * @param head - What came behind the request.
   * @param isSecure - Whether the connection is TLS.
   */
  upgrade(request: IncomingMessage, inner: Duplex, head: Uint8Array, isSecure: boolean): void {
    this.#webSocket.upgrade(request, inner, head, isSecure);
  }

  #serve(duplex: Duplex, context: ConnectionContext): void {
    const connection = new ClientConnection(++this.#nextId, duplex, context);
    this.totalConnections++;
    if (this.#state === "closing" || this.#state === "closed" || this.isLameDuck) {
      duplex.destroy();
      return;
    }
    if (this.#connections.size >= mostConnections(this.options)) {
      connection.refuseConnection();
      return;
    }
    this.#connections.set(connection.id, connection);
    connection.start();
  }

  /**
   * Sends what waits at the connections, now instead of at the end of the turn. For who answers at a turn's end, such as a store that
   * has written: it saves a round of the event loop, a twentieth of the time of a small one.
   */
  flush(): void {
    this.#context.flushQueue.flushAll();
  }

  /** Attaches a client without a socket. @returns The client's end, not opened yet. */
  connectInProcess(): Duplex {
    const [ours, theirs] = duplexPair();
    this.attach(ours);
    return theirs;
  }

  /**
   * Lame duck mode: stops listening, tells the clients, and after a time of grace ends them one by one; see lame-duck.ts.
   *
   * @returns Resolves when the last client was ended, at once where there is none, or when {@link close} is called. The
   *   caller closes the server then. Further calls wait for the same end.
   */
  lameDuck(): Promise<void> {
    this.#lameDuckEnd ??= this.#runLameDuck();
    return this.#lameDuckEnd;
  }

  /**
   * Looks at what a reload with these options would change, and changes nothing. A port of -1 or 0 means the one that is there.
   *
   * @throws OptionsError when no server could run with them.
   */
  planReload(options: PartialServerOptions): ReloadPlan {
    const { port, webSocket } = this.options;
    const real = { port: this.#port > 0 ? this.#port : port, webSocketPort: this.webSocketPort || webSocket.port };
    const current = { ...this.options, port: real.port, webSocket: { ...webSocket, port: real.webSocketPort } };
    const wanted = completeOptions(options);
    // Of WebSocket 0 is no listener, and -1 any port.
    const keepsWebSocket = wanted.webSocket.port < 0 && real.webSocketPort > 0;
    const next = completeOptions({
      ...options,
      port: wanted.port > 0 ? wanted.port : real.port,
      webSocket: { ...options.webSocket, port: keepsWebSocket ? real.webSocketPort : wanted.webSocket.port },
    });
    return { options: next, ...compareSettings(next, current) };
  }

  /**
   * Takes the options of a plan over, at once, and says so in the log. Connections that still fit stay.
   *
   * @param plan - Made by {@link planReload} after the reload before was called.
   * @returns Resolves when no connection goes by the old options any more. Rejects with a ReloadError when the plan has refusals;
   *   nothing has changed then.
   */
  async reload({ changed, lines, options, refusals }: ReloadPlan): Promise<void> {
    if (refusals.length > 0) throw new ReloadError(refusals);
    const hasOtherOcsp = changed.some((name) => OF_OCSP.has(name));
    const tls = changed.includes("tls") || hasOtherOcsp ? this.#nextTls(options) : this.#context.tls;
    const hasOtherPins = !isDeepStrictEqual(options.tls?.pinnedCerts, this.options.tls?.pinnedCerts);
    this.#context.options = options;
    this.#context.tls = tls;
    if (changed.includes("webSocket") || hasOtherOcsp) this.#webSocket.reload(options.webSocket);
    this.#webSocket.optionsChanged();
    this.#forgetInfo();
    for (const connection of this.#connections.values()) connection.optionsChanged();
    this.#closeSurplus();
    if (hasOtherPins) this.#closeUnpinned();
    if (this.#reloadAuthentication(changed)) await inSlices(this.#connections.values(), authorizeAgain);
    if (changed.some((name) => TOLD_IN_INFO.has(name))) {
      for (const connection of this.#connections.values()) connection.sendAsyncInfo();
    }
    for (const line of lines) this.#outside.logger.info(line);
  }

  /** Ends every connection at once and sets all counters to zero; the server goes on listening. For tests, between two of them. */
  reset(): void {
    for (const connection of [...this.#connections.values()]) connection.close("KICKED");
    for (const account of this.accounts.values()) {
      clearTraffic(account.traffic);
      account.slowConsumers = 0;
    }
    clearTraffic(this.counters.traffic);
    this.counters.slowConsumers = 0;
    this.counters.staleConnections = 0;
    this.counters.stalls = 0;
    this.totalConnections = 0;
    this.#nextId = 0;
  }

  /** Stops listening, ends every connection, and resolves when all of it is over. Further calls wait for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // Router.

  deliver(message: Publication, nodes: readonly SublistNode[], count: number, from: Subscriber): boolean {
    return deliver(message, nodes, count, from, this.#outside.random);
  }

  connected(connection: ClientConnection): void {
    if (connection.isAnnounced) return;
    connection.isAnnounced = true;
    this.#outside.observer?.connected(connection);
  }

  slowConsumer(connection: ClientConnection, reason: CloseReason): void {
    this.#outside.observer?.slowConsumer(connection, reason);
  }

  gone(connection: ClientConnection, reason: CloseReason): void {
    this.#connections.delete(connection.id);
    if (connection.isAnnounced) this.#outside.observer?.disconnected(connection, reason);
  }

  /** TLS for handshakes that begin from now on. Their rate cannot change, and is counted on. */
  #nextTls(options: ServerOptions): ListenerTls | null {
    const previous = this.#context.tls;
    previous?.ocsp?.stop();
    const next = this.#createTls(options);
    next?.ocsp?.startLater();
    return next === null ? null : { ...next, rate: previous?.rate ?? next.rate };
  }

  #createTls(options: ServerOptions): ListenerTls | null {
    const { allowNonTls, tls } = options;
    const { clock, logger } = this.#outside;
    return tls === null ? null : listenerTls(tls, allowNonTls, { clock, logger, ocsp: this.#ocsp, options });
  }

  #stopOcsp(): void {
    this.#context.tls?.ocsp?.stop();
    this.#ocsp.stop();
  }

  /** Ends the connections whose certificate is none of those that alone may be used from now on. */
  #closeUnpinned(): void {
    const unpinned = [...this.#connections.values()].filter((connection) => !connection.mayStayPinned());
    if (unpinned.length === 0) return;
    this.#outside.logger.info(`Disconnect ${unpinned.length} clients due to pinned certs reload`);
    for (const connection of unpinned) connection.close("TLS_HANDSHAKE_ERROR");
  }

  /**
   * Makes accounts and authentication anew. Who each client is has to be asked again then, which takes a while where there are
   * thousands, so it is done in slices, and others have their turn in between:
   *
   * - What decides is replaced at once: who comes in meanwhile is judged by the new rules.
   * - A connection whose turn has not come knows that it is to be asked, and is so before anything else that it sends is read. So
   *   nobody publishes or subscribes by the old rules from here on.
   * - What others publish still reaches it by the old rules until its turn, as if it had been published before the reload. Asking at
   *   each delivery instead would close connections and end subscriptions while routing walks over them.
   * - The reload is done, and said to be, when all have been asked.
   *
   * @returns Whether there is anything to ask.
   */
  #reloadAuthentication(changed: ReloadPlan["changed"]): boolean {
    const former = this.#authentication.reload(this.options, changed);
    if (former === null) return false;
    this.#context.authenticator = this.#authentication.byTcp;
    for (const connection of this.#connections.values()) {
      connection.authorizeLater(connection.duplex.transport === "websocket" ? former.byWebSocket : former.byTcp);
    }
    return true;
  }

  /** Ends the connections that came last, as many as there are too many. */
  #closeSurplus(): void {
    const most = mostConnections(this.options);
    if (this.#connections.size <= most) return;
    const surplus = [...this.#connections.values()].slice(most);
    for (const connection of surplus) connection.endSurplus();
    this.#outside.logger.info(`Closed ${surplus.length} connections to fall within max_connections`);
  }

  async #close(): Promise<void> {
    this.#state = "closing";
    this.#lameDuck?.stop();
    this.#context.tls?.rate?.stop();
    this.#stopOcsp();
    const stopped = Promise.all([this.#listener.close(true), this.#webSocket.close(), this.#ocsp.close()]);
    for (const connection of [...this.#connections.values()]) connection.close("SERVER_SHUTDOWN");
    this.#authentication.close();
    await stopped;
    this.#state = "closed";
  }

  async #runLameDuck(): Promise<void> {
    if (this.#state !== "running") throw new Error(`Cannot enter lame duck mode: the server is ${this.#state}`);
    const { clock, logger, random } = this.#outside;
    logger.info("Entering lame duck mode, stop accepting new clients");
    const lameDuck = new LameDuck(clock, random, this.options);
    this.#lameDuck = lameDuck;
    this.#forgetInfo();
    await Promise.all([this.#listener.close(false), this.#webSocket.close()]);
    const clients = [...this.#connections.values()];
    for (const connection of clients) connection.sendAsyncInfo();
    await lameDuck.run(
      clients,
      (connection) => connection.close("SERVER_SHUTDOWN"),
      () => logger.info("Closing existing clients"),
    );
  }

  #forgetInfo(): void {
    this.#info.forget();
    this.#webSocketInfo.forget();
  }

  #createWebSocket(network: Network): WebSocketService {
    return new WebSocketService(this.options.webSocket, {
      network,
      context: this.#context,
      ocsp: this.#ocsp,
      authenticator: () => this.#authentication.byWebSocket(this.options),
      info: (account, face) => this.#webSocketInfo.parts(account, face),
      attach: (duplex, context) => this.#serve(duplex, context),
    });
  }

  #infoSource(): InfoSource {
    const { id, isLameDuck, name, options } = this;
    const { authenticator, tls } = this.#context;
    return { id, name, xkey: this.#xkey, port: this.#port, options, isLameDuck, authenticator, tls };
  }
}

/** @returns What it costs, for {@link inSlices}. */
function authorizeAgain(connection: ClientConnection): number {
  const cost = CONNECTION_COST + connection.subscriptions.size;
  return connection.authorizeAgain() ? cost : 1;
}

function openFolder(folder: string): Disk {
  return new NodeDisk(folder);
}

/** How many connections there may be; 0 for nobody, infinite for no limit. */
function mostConnections({ maxConnections }: ServerOptions): number {
  return maxConnections === 0 ? Number.POSITIVE_INFINITY : Math.max(0, maxConnections);
}
