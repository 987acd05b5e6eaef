// A server in the test process for tests of overload, with an arena of its own so that leaks show, and a clock to choose.

import type { TestContext } from "node:test";
import type { Arena, Clock } from "@myelin/platform";
import { createPlainArena, NodeClock, NodeNetwork, NodeRandom } from "@myelin/platform/node";
import { type Logger, type PartialServerOptions, Server, SILENT_LOGGER } from "@myelin/server";

/** What a test has in hand. */
export interface TestServer {
  readonly server: Server;
  readonly port: number;
  readonly arena: Arena;
  /** What the server logged. */
  readonly log: string[];
}

/** Starts a server on a free loopback port; it ends with the test, whatever becomes of that. */
export async function startServer(
  t: TestContext,
  options: PartialServerOptions = {},
  clock: Clock = new NodeClock(),
): Promise<TestServer> {
  const log: string[] = [];
  const logger: Logger = { ...SILENT_LOGGER, info: (text) => log.push(text), error: (text) => log.push(text) };
  const arena = createPlainArena(64 * 1024 * 1024);
  const outside = { clock, network: new NodeNetwork(), random: new NodeRandom(), arena, logger };
  const server = new Server({ host: "127.0.0.1", port: 0, ...options }, outside);
  await server.start();
  t.after(() => server.close());
  return { server, port: server.port, arena, log };
}

/** Resolves when `condition` holds; looked at once a turn of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
