// A server in the test process for tests of overload, with an arena of its own so that leaks show, and a clock to choose.

import type { TestContext } from "node:test";
import type { Arena } from "@myelin/platform";
import { createPlainArena } from "@myelin/platform/node";
import { type InProcessOptions, type InProcessServer, type SimClock, startServer, TestClock } from "@myelin/testing";

/** What a test has in hand. */
interface ServerInTest {
  readonly server: InProcessServer;
  readonly port: number;
  readonly arena: Arena;
}

/** Starts a server on a free loopback port; it ends with the test, whatever becomes of that. */
export async function startInTest(
  t: TestContext,
  options: InProcessOptions = {},
  time?: SimClock,
): Promise<ServerInTest> {
  const arena = createPlainArena(64 * 1024 * 1024);
  const clock = time === undefined ? {} : { clock: new TestClock(time) };
  const server = await startServer({ run: "in-process", ...options, ...clock, arena });
  t.after(() => server.close());
  return { server, port: server.port, arena };
}

/** Resolves when `condition` holds; looked at once a turn of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
