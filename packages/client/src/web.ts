// The client for browsers and workers: WebSocket only, no module of Node.

import { connectWith } from "./connect-with.ts";
import { InvalidArgumentError } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import type { ConnectionOptions } from "./options.ts";
import { createWebRuntime } from "./runtime-web.ts";
import type { Link } from "./transport/dialer.ts";

export {
  credsAuthenticator,
  externalKeyAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
} from "./auth/authenticators-web.ts";
export { backoff, createInbox, deadline, delay, Nuid, nuid } from "./helpers-web.ts";
export * from "./index.ts";

/**
 * Connects to a NATS system by WebSocket.
 *
 * @example
 * const nc = await connect({ servers: "wss://demo.nats.io:8443" });
 */
export function connect(options: ConnectionOptions | string = {}): Promise<NatsConnection> {
  const given = typeof options === "string" ? { servers: options } : options;
  return connectWith(createWebRuntime(), given, given.tls ? "wss" : "ws", linkOf);
}

/** The official client's name for it. */
export const wsconnect: typeof connect = connect;

function linkOf(given: unknown): Link {
  const candidate = given as Partial<Link> & { open?: unknown };
  if (candidate.duplex !== undefined) return given as Link;
  if (typeof candidate.open === "function") return { duplex: given as Link["duplex"], secure: false, kind: "custom" };
  throw new InvalidArgumentError("'dialer' must give a duplex or a link");
}
