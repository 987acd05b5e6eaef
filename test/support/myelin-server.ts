// Myelin inside the test process: over TCP on a free loopback port, or without a listener at all.

import { NodeClock, NodeNetwork, NodeRandom, sharedArena } from "@myelin/platform/node";
import { type PartialServerOptions, Server, SILENT_LOGGER } from "@myelin/server";
import type { RunningServer, Target, TargetOptions } from "./target.ts";
import { inProcess, overTcp } from "./wire.ts";

type OptionReader = (value: string) => PartialServerOptions;

/** The configuration's names, as options of an embedded server. */
const OPTIONS: ReadonlyMap<string, OptionReader> = new Map<string, OptionReader>([
  ["auth_timeout", (value) => ({ authTimeoutMs: Number(value) * 1000 })],
  ["max_connections", (value) => ({ maxConnections: Number(value) })],
  ["max_control_line", (value) => ({ maxControlLineBytes: Number(value) })],
  ["max_pending", (value) => ({ maxPendingBytes: Number(value) })],
  ["max_payload", (value) => ({ maxPayloadBytes: Number(value) })],
  ["max_subscription_tokens", (value) => ({ maxSubscriptionTokens: Number(value) })],
  ["max_subscriptions", (value) => ({ maxSubscriptions: Number(value) })],
  ["no_header_support", (value) => ({ noHeaderSupport: value === "true" })],
  ["pass", (value) => ({ pass: value })],
  ["ping_interval", (value) => ({ pingIntervalMs: milliseconds(value) })],
  ["ping_max", (value) => ({ pingMax: Number(value) })],
  ["server_name", (value) => ({ serverName: value })],
  ["token", (value) => ({ token: value })],
  ["user", (value) => ({ user: value })],
  ["write_deadline", (value) => ({ writeDeadlineMs: milliseconds(value) })],
]);

/** Myelin in this process, reached over TCP. */
export class MyelinServer implements Target {
  readonly name = "myelin";

  async start(options: TargetOptions, port = 0): Promise<RunningServer> {
    const server = createServer({ host: "127.0.0.1", port }, options);
    await server.start();
    const address = { host: "127.0.0.1", port: server.port };
    return { ...address, webSocketPort: null, wires: overTcp(address), stop: () => server.close() };
  }
}

/**
 * Myelin in this process, reached without sockets: every write of a client is one read of the server. It is started once
 * and serves one play after the other, as long as their options are the same; a play ends when its connections are gone.
 */
export class ReusedMyelinServer implements Target {
  readonly name = "myelin in-process";
  #server: Server | null = null;

  async start(options: TargetOptions): Promise<RunningServer> {
    if (this.#server === null) {
      this.#server = createServer({ host: "127.0.0.1", listen: false }, options);
      await this.#server.start();
    }
    const server = this.#server;
    const wires = inProcess(() => server.connectInProcess());
    const idle = async (): Promise<void> => {
      while (server.connectionCount > 0) await new Promise(setImmediate);
    };
    return { host: "127.0.0.1", port: 0, webSocketPort: null, wires, stop: idle };
  }

  /** Ends the server. */
  async close(): Promise<void> {
    await this.#server?.close();
  }
}

function createServer(given: PartialServerOptions, options: TargetOptions): Server {
  let all = given;
  for (const [name, value] of options) all = { ...all, ...readOption(name, value) };
  const outside = { clock: new NodeClock(), random: new NodeRandom(), network: new NodeNetwork() };
  return new Server(all, { ...outside, arena: sharedArena(), logger: SILENT_LOGGER });
}

function readOption(name: string, value: string): PartialServerOptions {
  const read = OPTIONS.get(name);
  if (read === undefined) throw new Error(`the option ${name} has no place in the options of an embedded server`);
  return read(value);
}

function milliseconds(duration: string): number {
  const [, number, unit] = /^(\d+)(ms|s|m)$/.exec(duration) ?? [];
  if (number === undefined) throw new Error(`"${duration}" is not a duration such as 50ms or 2s`);
  return Number(number) * (unit === "ms" ? 1 : unit === "s" ? 1000 : 60_000);
}
