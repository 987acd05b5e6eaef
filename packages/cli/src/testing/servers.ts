// For tests: a server to talk to; Myelin's own in this process, or the reference as a child.

import { setTimeout } from "node:timers/promises";
import { NodeClock, NodeNetwork, NodeRandom, sharedArena } from "@myelin/platform/node";
import { type PartialServerOptions, Server, SILENT_LOGGER } from "@myelin/server";
import { CliProcess } from "./cli-process.ts";

/** A running server. */
export interface TestServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Myelin in this process: a test can look inside. */
export interface TestMyelin extends TestServer {
  /** Resolves when there are so many subscriptions. */
  subscribed(count: number): Promise<void>;
}

const POLL_MS = 5;

/** Starts Myelin on a free port of this machine. */
export async function startMyelin(options: PartialServerOptions = {}): Promise<TestMyelin> {
  const outside = {
    clock: new NodeClock(),
    random: new NodeRandom(),
    network: new NodeNetwork(),
    arena: sharedArena(),
    logger: SILENT_LOGGER,
  };
  const server = new Server({ host: "127.0.0.1", port: -1, ...options }, outside);
  await server.start();
  const subscriptions = (): number =>
    [...server.accounts.values()].reduce((sum, { sublist }) => sum + sublist.count, 0);
  return {
    url: server.url,
    close: () => server.close(),
    subscribed: async (count) => {
      while (subscriptions() < count) await setTimeout(POLL_MS);
    },
  };
}

/** Starts the reference server on a free port. @param program - Its executable. */
export async function startReference(program: string): Promise<TestServer> {
  const child = new CliProcess(program, ["-a", "127.0.0.1", "-p", "-1"]);
  await child.said("Server is ready");
  const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(child.stderr)?.[1];
  return {
    url: `nats://127.0.0.1:${port}`,
    close: async () => {
      await child.signal("SIGTERM").ended();
    },
  };
}
