// A server for all tests of a file, as good as new before each: for any test runner that has these hooks.

import type { ChildOptions, ChildServer } from "./child/child-server.ts";
import type { InProcessOptions, InProcessServer } from "./in-process-server.ts";
import { makeServer, type StartOptions } from "./start-server.ts";
import type { TestServer } from "./test-server.ts";

/** The hooks of a test runner: `before`, `after`, `beforeEach` of node:test; `beforeAll`, `afterAll` of vitest and jest. */
export interface Hooks {
  readonly before: (run: () => Promise<void>) => unknown;
  readonly after: (run: () => Promise<void>) => unknown;
  readonly beforeEach: (run: () => Promise<void>) => unknown;
}

/**
 * Starts a server before the tests of a file or suite, resets it before each test, and closes it behind the last.
 *
 * @returns The server. It has a URL once the first hook has run, so inside tests.
 * @example
 * import { after, before, beforeEach, test } from "node:test";
 * const server = useServer({ before, after, beforeEach });
 *
 * import { afterAll, beforeAll, beforeEach, test } from "vitest"; // or "@jest/globals"
 * const server = useServer({ before: beforeAll, after: afterAll, beforeEach });
 */
export function useServer(hooks: Hooks, options: InProcessOptions & { readonly run: "in-process" }): InProcessServer;
export function useServer(hooks: Hooks, options: ChildOptions & { readonly run: "child" }): ChildServer;
export function useServer(hooks: Hooks, options?: StartOptions): TestServer;
export function useServer(hooks: Hooks, options: StartOptions = {}): TestServer {
  const server = makeServer(options);
  let isNew = true;
  hooks.before(async () => {
    await server.start();
    isNew = true;
  });
  hooks.beforeEach(async () => {
    if (!isNew) await server.reset();
    isNew = false;
  });
  hooks.after(() => server.close());
  return server;
}
