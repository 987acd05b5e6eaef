// The client for Node, Deno and Bun.

import type { Duplex as Stream } from "node:stream";
import { connectWith } from "./connect-with.ts";
import { InvalidArgumentError } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import type { ConnectionOptions } from "./options.ts";
import { createNodeRuntime } from "./runtime-node.ts";
import type { Link } from "./transport/dialer.ts";
import { streamLink } from "./transport/socket-node.ts";

export {
  credsAuthenticator,
  credsFileAuthenticator,
  externalKeyAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  nkeyFileAuthenticator,
} from "./auth/authenticators-node.ts";
export { type Ambient, type AmbientOptions, ambientOptions } from "./context/ambient.ts";
export { type ContextJetStream, contextFolder, type NatsContext, readContext } from "./context/context-file-node.ts";
export type { Settings } from "./context/settings.ts";
export { backoff, createInbox, deadline, delay, Nuid, nuid } from "./helpers-node.ts";
export * from "./index.ts";

/**
 * Connects to a NATS system.
 *
 * @example
 * const nc = await connect({ servers: "nats://127.0.0.1:4222" });
 * nc.publish("greet.joe", "hello");
 * await nc.drain();
 */
export function connect(options: ConnectionOptions | string = {}): Promise<NatsConnection> {
  return connectWith(createNodeRuntime(), typeof options === "string" ? { servers: options } : options, "nats", linkOf);
}

/** Connects by WebSocket: as `connect`, with `ws` for servers that are given without a scheme. */
export function wsconnect(options: ConnectionOptions = {}): Promise<NatsConnection> {
  return connectWith(createNodeRuntime(), options, options.tls ? "wss" : "ws", linkOf);
}

/** The custom dialer's gift: a link, a duplex of the platform, or a Node stream. */
function linkOf(given: unknown): Link {
  const candidate = given as Partial<Link> & { open?: unknown; pipe?: unknown; encrypted?: boolean };
  if (candidate.duplex !== undefined) return given as Link;
  if (typeof candidate.pipe === "function") return streamLink(given as Stream, candidate.encrypted === true);
  if (typeof candidate.open === "function") return { duplex: given as Link["duplex"], secure: false, kind: "custom" };
  throw new InvalidArgumentError("'dialer' must give a stream, a duplex or a link");
}
