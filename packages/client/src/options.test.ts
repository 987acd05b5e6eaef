import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { until } from "./fixtures/until.ts";
import { type ConnectionOptions, connect, SILENT_LOGGER } from "./node.ts";

test("connect() refuses options that no connection can work with, naming value and limit", async () => {
  const bad: Array<[ConnectionOptions, RegExp]> = [
    [{ timeout: 0 }, /'timeout' must be a number of at least 1, and is 0/],
    [{ pingInterval: -1 }, /'pingInterval'/],
    [{ maxReconnectAttempts: -2 }, /'maxReconnectAttempts'/],
    [{ servers: "a", port: 1 }, /'servers' and 'port' cannot both be given/],
    [{ servers: [] }, /'servers' is empty/],
    [{ inboxPrefix: "a." }, /'inboxPrefix' cannot be 'a\.'/],
    [{ offline: { policy: "keep" as never } }, /'offline.policy' must be/],
    [{ pass: "x" }, /'pass' needs 'user'/],
    [
      { dialer: () => Promise.reject(new Error()), inProcessServer: { connectInProcess: () => assert.fail() } },
      /cannot both/,
    ],
  ];
  for (const [options, text] of bad) await assert.rejects(connect(options), text);
});

test("debug logs operations both ways, and no secret", async () => {
  await using server = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  const lines: string[] = [];
  const logger = { ...SILENT_LOGGER, debug: (text: string) => lines.push(text) };
  const nc = await connect({ port: server.port, user: "u", pass: "hush-hush", debug: true, logger });
  nc.publish("shown.subject", "payload");
  await until("it is sent", () => lines.some((text) => text.includes("shown.subject")));
  await nc.close();
  assert.ok(lines.some((text) => text.startsWith("nats < ") && text.includes("INFO")));
  assert.ok(lines.some((text) => text.startsWith("nats > ") && text.includes("PUB shown.subject 7")));
  assert.ok(!lines.join().includes("hush-hush"));
});

test("localAddress, resolve, ignoreClusterUpdates and skipSubjectValidation do what they say", async () => {
  const lines: string[] = [];
  let from = "";
  await using server = await FakeServer.start(async (socket, line) => {
    from = socket.remoteAddress ?? "";
    await greet(socket, line, { connect_urls: ["10.0.0.1:4222"] });
    for (;;) lines.push(await line());
  });
  const nc = await connect({
    servers: `localhost:${server.port}`,
    localAddress: "127.0.0.1",
    resolve: false,
    ignoreClusterUpdates: true,
    skipSubjectValidation: true,
  });
  assert.equal(from, "127.0.0.1");
  assert.equal(nc.getServers().length, 1);
  nc.publish("a b", "");
  assert.throws(() => nc.publish("a\r\nPUB b 0", ""), { code: "ERR_NATS_BAD_SUBJECT" });
  await until("it is sent", () => lines.includes("PUB a b 0"));
  await nc.close();
});

test("names are resolved, and every address of a name is tried", async () => {
  await using server = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  // localhost is ::1 as well on most machines, where nobody listens.
  const nc = await connect({ servers: `localhost:${server.port}` });
  assert.match(nc.remoteAddress ?? "", /^127\./);
  await nc.close();
  await assert.rejects(connect({ servers: "no-such-host.invalid:1" }), { code: "ERR_NATS_TRANSPORT" });
});

test("noCallbacksAfterClose drops what waits; without it what was received is still handled", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    await line(); // SUB
    socket.write("MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG a 1 1\r\n3\r\n");
  });
  for (const noCallbacksAfterClose of [false, true]) {
    const nc = await connect({ port: server.port, noCallbacksAfterClose });
    const handled: string[] = [];
    let release = (): void => {};
    const sub = nc.subscribe("a", {
      concurrency: 1,
      callback: (_error, m) => {
        handled.push(m.string());
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    });
    await until("all have come", () => sub.getReceived() === 3);
    await nc.close();
    for (let i = 0; i < 3; i++) {
      release();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(handled, noCallbacksAfterClose ? ["1"] : ["1", "2", "3"]);
  }
});

test("noAsyncTraces: false gives time-outs the stack of the request", async () => {
  await using server = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  const nc = await connect({ port: server.port, noAsyncTraces: false });
  async function whoAsked(): Promise<void> {
    await nc.request("a", "", { timeout: 5 });
  }
  await assert.rejects(whoAsked(), (error: Error) => /whoAsked/.test((error.cause as Error).stack ?? ""));
  await nc.close();
});

test("INFO without fields is that of an old server", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    socket.write("INFO {}\r\n");
    await line();
    await line();
    socket.write("PONG\r\n");
  });
  const nc = await connect({ port: server.port });
  assert.equal(nc.info?.max_payload, 0);
  nc.publish("a", new Uint8Array(2_000_000));
  await nc.close();
  assert.match(infoLine(), /max_payload/);
});
