// What every connection of a server is given: the outside world, the limits, and the few doors to the rest of the server.
// A connection knows a router (deliver this, I am gone) and its account's interest; it can be run with a stub of these.

import type { Arena, Clock, Random } from "@myelin/platform";
import type { ConnectOptions, ParserScratch, Publication } from "@myelin/protocol";
import type { Admission } from "../auth/admission.ts";
import type { Logger } from "../logger.ts";
import type { ServerOptions } from "../options.ts";
import type { Account, Traffic } from "../routing/account.ts";
import type { SublistNode } from "../routing/sublist-node.ts";
import type { Subscriber } from "../routing/subscriber.ts";
import type { ListenerTls } from "../tls/listener-tls.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { CloseReason } from "./close-reasons.ts";
import type { FlushQueue } from "./flush-queue.ts";

/** Where a connection's messages go, and whom it tells that it ends. */
export interface Router {
  /**
   * Delivers a message to what the account's sublist found.
   *
   * @returns Whether anybody took it.
   */
  deliver(message: Publication, nodes: readonly SublistNode[], count: number, from: Subscriber): boolean;

  /** The connection's CONNECT was accepted, the first one or a later one. */
  connected(connection: ClientConnection): void;

  /** The connection is about to be closed because it takes its messages too slowly. */
  slowConsumer(connection: ClientConnection, reason: CloseReason): void;

  /** The connection has ended; its subscriptions are gone from its account. Called once. */
  gone(connection: ClientConnection, reason: CloseReason): void;
}

/** What authentication says to a CONNECT: who the client is and what it may do, or null for no. */
export interface Authenticator {
  /** Whether there is anybody to tell apart: without it clients are not hurried to their CONNECT. */
  readonly asks: boolean;
  /** What INFO tells as `auth_required`. Says nothing about who is let in: where somebody is assumed, clients need not know. */
  readonly required: boolean;
  /** Whether clients sign a nonce, which INFO then has to carry. */
  readonly usesNonce: boolean;
  /** Who a client is before it has said so; null: nobody, and it may do nothing but say who it is. */
  assume(connection: ClientConnection): Admission | null;
  /**
   * Says who a client is. While a promise is awaited the connection does nothing else, and the time for authentication
   * goes on; a rejection is a no.
   */
  authenticate(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
  ): Admission | null | Promise<Admission | null>;
  /**
   * Says again who a client is, after a reload: `previous`, which this one has replaced, let it in with this CONNECT. What the
   * client has proven then counts for as long as nothing else is asked for.
   */
  authenticateAgain(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
    previous: Authenticator,
  ): Admission | null | Promise<Admission | null>;
  /** Whether there is a user of this name, or with this nkey, in an account. */
  knows(identity: string, account: Account): boolean;
}

/**
 * To whom an INFO speaks. The first one of a connection says of TLS what the listener does with `client`, that it is there with
 * `tls-first`, where the handshake came before INFO, and nothing with `no-tls`, for a connection that cannot have it. Every other
 * one, `later` or `later-no-tls`, says how the server stands for anybody, as in the reference: also that clients are asked who they
 * are, where this one need not say it.
 */
export type InfoFace = "client" | "tls-first" | "no-tls" | "later" | "later-no-tls";

/** An INFO line, encoded; `client_id` and `client_ip` go between. */
export interface InfoParts {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** Counters of the whole server that connections add to. */
export interface ServerCounters {
  /** All messages in and out. */
  readonly traffic: Traffic;
  slowConsumers: number;
  staleConnections: number;
  /** How often a producer was made to wait for a receiver. */
  stalls: number;
}

/**
 * Shared by all connections of one server. `options`, `authenticator` and `tls` are replaced when the configuration is reloaded: read
 * them here when they are needed, and keep none of them.
 */
export interface ConnectionContext {
  readonly arena: Arena;
  /** The view of the arena's read region that accepted sockets read into. */
  readonly readBuffer: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly flushQueue: FlushQueue;
  readonly options: ServerOptions;
  readonly logger: Logger;
  readonly router: Router;
  readonly authenticator: Authenticator;
  /** Null where clients come without TLS. */
  readonly tls: ListenerTls | null;
  readonly counters: ServerCounters;
  /** The account of connections that have not said who they are, where authentication names no other. */
  readonly globalAccount: Account;
  /** What parsers fill; one for all connections. */
  readonly scratch: ParserScratch;
  /**
   * INFO as it stands, in two parts round what differs between connections.
   *
   * @param account - The account of the client whose CONNECT this answers; null for any other INFO.
   */
  info(account: Account | null, face: InfoFace): InfoParts;
}
