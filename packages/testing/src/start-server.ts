// The way in: a server under test, in this process or as a child process, decided by options or by the environment.

import { type ChildOptions, ChildServer } from "./child/child-server.ts";
import { NotSupportedError } from "./errors.ts";
import { type InProcessOptions, InProcessServer } from "./in-process-server.ts";
import type { TestServer } from "./test-server.ts";

/** Set to `child`, or to the path of a nats-server, it has {@link startServer} run servers that way where options do not say. */
export const SERVER_VARIABLE = "MYELIN_TESTING_SERVER";

/** Where a server under test runs, and with what. */
export type StartOptions =
  | (InProcessOptions & { readonly run?: "in-process" })
  | (ChildOptions & { readonly run: "child" });

/**
 * Makes a server that is not started yet.
 *
 * @throws NotSupportedError for an option that the way of running cannot honour.
 */
export function makeServer(options: StartOptions = {}, environment: NodeJS.ProcessEnv = process.env): TestServer {
  const { run, ...rest } = options;
  const wanted = environment[SERVER_VARIABLE] ?? "";
  if (run === "child") return new ChildServer(rest);
  if (run === "in-process" || wanted === "" || wanted === "in-process") return inProcess(rest);
  return new ChildServer(childOptions(rest, wanted));
}

/**
 * Starts a server: in this process unless `run` says otherwise, on a free port of loopback.
 *
 * @example
 * await using server = await startServer();
 * const nc = await connect({ servers: server.url });
 */
export async function startServer(
  options?: InProcessOptions & { readonly run: "in-process" },
): Promise<InProcessServer>;
export async function startServer(options: ChildOptions & { readonly run: "child" }): Promise<ChildServer>;
export async function startServer(options?: StartOptions): Promise<TestServer>;
export async function startServer(options: StartOptions = {}): Promise<TestServer> {
  const server = makeServer(options);
  try {
    await server.start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

/** Several servers that know each other. @throws NotSupportedError always: there are no routes between servers yet. */
export function createCluster(_options: { readonly size?: number } = {}): Promise<never> {
  return Promise.reject(
    new NotSupportedError("NOT_YET", "createCluster() needs routes between servers, which do not exist yet"),
  );
}

function inProcess(options: InProcessOptions): InProcessServer {
  for (const name of ["program", "jetstream", "args", "env"]) {
    if (!(name in options)) continue;
    throw new NotSupportedError("NOT_IN_PROCESS", `The option ${name} is for child processes: give run: "child" too`);
  }
  return new InProcessServer(options);
}

function childOptions(options: InProcessOptions, wanted: string): ChildOptions {
  const { arena, authenticate, clock, keepLog, logger, network, random, ...common } = options;
  const given = { arena, authenticate, clock, keepLog, logger, network, random };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    throw new NotSupportedError(
      "NOT_IN_CHILD_PROCESS",
      `The option ${name} works in the test process only, and ${SERVER_VARIABLE} is "${wanted}": give run: "in-process" too`,
    );
  }
  return wanted === "child" ? common : { ...common, program: wanted };
}
