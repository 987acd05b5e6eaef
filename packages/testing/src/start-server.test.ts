import assert from "node:assert/strict";
import { test } from "node:test";
import { ChildServer } from "./child/child-server.ts";
import { InProcessServer } from "./in-process-server.ts";
import { createCluster, makeServer, SERVER_VARIABLE, type StartOptions } from "./start-server.ts";
import { useServer } from "./use-server.ts";

test("makeServer() goes by the options, then by the environment", () => {
  const child = { [SERVER_VARIABLE]: "child" };
  assert.ok(makeServer({}, {}) instanceof InProcessServer);
  assert.ok(makeServer({ run: "child" }, {}) instanceof ChildServer);
  assert.ok(makeServer({}, child) instanceof ChildServer);
  assert.ok(makeServer({}, { [SERVER_VARIABLE]: "/opt/nats-server" }) instanceof ChildServer);
  assert.ok(makeServer({ run: "in-process" }, child) instanceof InProcessServer);
});

test("makeServer() refuses options that the way of running cannot honour", () => {
  assert.throws(() => makeServer({ authenticate: () => ({}) }, { [SERVER_VARIABLE]: "child" }), {
    name: "NotSupportedError",
    code: "NOT_IN_CHILD_PROCESS",
    message: /The option authenticate works in the test process only/,
  });
  assert.throws(() => makeServer({ keepLog: false }, { [SERVER_VARIABLE]: "child" }), /The option keepLog works in/);
  assert.throws(() => makeServer({ program: "nats-server" } as StartOptions, {}), {
    code: "NOT_IN_PROCESS",
    message: /give run: "child" too/,
  });
});

test("createCluster() says what it waits for", async () => {
  await assert.rejects(createCluster({ size: 3 }), { name: "NotSupportedError", code: "NOT_YET", message: /routes/ });
});

test("useServer() starts before all tests, resets between them, closes behind them", async () => {
  const hooks: Record<string, () => Promise<void>> = {};
  const hook = (name: string) => (run: () => Promise<void>) => void (hooks[name] = run);
  const run = async (name: string): Promise<void> => hooks[name]?.();
  const server = useServer({ before: hook("before"), after: hook("after"), beforeEach: hook("each") });
  await run("before");
  const { url } = server;
  await run("each");
  server.faults.cut();
  await run("each");
  assert.deepEqual([server.url, server.isRunning], [url, true]);
  await run("after");
  assert.equal(server.isRunning, false);
});
