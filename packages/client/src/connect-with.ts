// Makes connections on a given platform: what `connect` of each entry does.

import { Nuid } from "@myelin/protocol/client";
import { ConnectionCore, type Trace } from "./connection/core.ts";
import { connectTo, type HandshakeContext } from "./connection/handshake.ts";
import { NatsConnectionImpl } from "./connection/nats-connection-impl.ts";
import { onAbort } from "./deferred.ts";
import { InvalidArgumentError } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import { type CompleteOptions, type ConnectionOptions, completeOptions } from "./options.ts";
import type { Runtime } from "./runtime.ts";
import type { Scheme } from "./servers/address.ts";
import { ServerPool } from "./servers/pool.ts";
import { readServers } from "./servers/read-servers.ts";
import type { Link } from "./transport/dialer.ts";

const DEFAULT_SERVER = "127.0.0.1:4222";

/** Turns what a custom dialer gave into a link. */
export type LinkOf = (given: unknown) => Link;

/**
 * Connects.
 *
 * @param scheme - For addresses without one.
 * @returns Rejects with the error of the last server, NoServersError, or the reason of the signal.
 */
export async function connectWith(
  runtime: Runtime,
  given: ConnectionOptions,
  scheme: Scheme,
  linkOf: LinkOf,
): Promise<NatsConnection> {
  const options = completeOptions(given);
  options.signal?.throwIfAborted();
  const servers = options.port === undefined ? (options.servers ?? DEFAULT_SERVER) : `127.0.0.1:${options.port}`;
  const addresses = readServers(servers, scheme);
  const pool = new ServerPool(addresses, runtime.random, options.noRandomize !== true);
  const trace = options.debug === true ? tracer(runtime, options) : null;
  const context: HandshakeContext = {
    runtime,
    options,
    poolSecure: addresses.some((address) => address.scheme === "tls" || address.scheme === "wss"),
    trace,
    openLink: openerOf(options, linkOf),
  };
  const core = new ConnectionCore(
    runtime,
    options,
    pool,
    (entry, signal) => connectTo(context, entry.address, signal),
    trace,
  );
  const connection = new NatsConnectionImpl(core, new Nuid(runtime.random));
  const offAbort = onAbort(options.signal, (reason) => void core.close(reason));
  void core.closed.then(offAbort);
  try {
    await core.start();
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  }
  return connection;
}

function openerOf(options: CompleteOptions, linkOf: LinkOf): HandshakeContext["openLink"] {
  const { inProcessServer, dialer } = options;
  if (inProcessServer !== undefined) {
    if (dialer !== undefined) throw InvalidArgumentError.format(["inProcessServer", "dialer"], "cannot both be given");
    return () => Promise.resolve({ duplex: inProcessServer.connectInProcess(), secure: true, kind: "in-process" });
  }
  if (dialer === undefined) return null;
  return async (address, host, signal) => linkOf(await dialer(host, address.port, signal));
}

/** Logs protocol operations; what is secret stands in CONNECT only, which is sent before tracing sees it. */
function tracer(runtime: Runtime, options: CompleteOptions): Trace {
  return (direction, bytes) => {
    const text = runtime.text.decode(bytes, 0, Math.min(bytes.length, 1024));
    options.logger.debug(`nats ${direction} ${JSON.stringify(text)}${bytes.length > 1024 ? " ..." : ""}`);
  };
}
