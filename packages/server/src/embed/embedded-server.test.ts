import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { NodeClock } from "@myelin/platform/node";
import { TestClock } from "@myelin/platform/sim";
import { RawClient, waitFor } from "@myelin/testing";
import { connect } from "@nats-io/transport-node";
import { ConfigError } from "../config/problem.ts";
import { type Logger, SILENT_LOGGER } from "../logger.ts";
import { OptionsError } from "../options.ts";
import { createServer, EmbeddedServer, NoListenerError, ServerStateError } from "./embedded-server.ts";

describe("createServer()", () => {
  test("listens on a free port of loopback, and serves the official client by its URL", async () => {
    await using server = await createServer();
    assert.match(server.url, /^nats:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(new URL(server.url).port, String(server.port));
    const nc = await connect({ servers: server.url });
    nc.subscribe("greet", { callback: (_error, message) => void message.respond(`hello ${message.string()}`) });
    assert.equal((await nc.request("greet", "you")).string(), "hello you");
    await nc.close();
    await server.close();
    assert.equal(server.state, "closed");
  });

  test("serves clients in process, with and without a listener", async () => {
    for (const listen of [true, false]) {
      await using server = await createServer({ listen });
      const subscriber = new RawClient(server.connectInProcess());
      const publisher = new RawClient(server.connectInProcess());
      await subscriber.handshake();
      subscriber.send("SUB a.* 1\r\nPING\r\n");
      await subscriber.expect(/PONG\r\n/);
      publisher.send("PUB a.b 5\r\nhello\r\n");
      await subscriber.expect(/^MSG a\.b 1 5\r\nhello\r\n/);
      assert.equal(server.connectionCount, 2);
      assert.equal(server.subscriptionCount, 1);
      await server.close();
      await subscriber.ended();
    }
  });

  test("url is refused without a listener", async () => {
    await using server = await createServer({ listen: false });
    assert.equal(server.port, 0);
    assert.throws(() => server.url, NoListenerError);
    await server.close();
  });

  test("takes a configuration, under the options of the program", async () => {
    const warnings: string[] = [];
    const configText = `
      host: 127.0.0.1, port: -1, server_name: configured, max_payload: 1000, logfile: x.log
      client_advertise: "example.com:99"
      authorization { user: alice, password: s3cret }`;
    const logger: Logger = { ...SILENT_LOGGER, warn: (text) => warnings.push(text) };
    const server = await createServer({ configText, logger, maxPayloadBytes: 2000 });
    const client = await RawClient.connect(`nats://127.0.0.1:${server.port}`);
    const [info] = await client.expect(/INFO .*\r\n/);
    assert.match(
      info,
      /"server_name":"configured".*"host":"example.com","port":99,.*"auth_required":true.*"max_payload":2000/,
    );
    client.send('CONNECT {"verbose":false,"user":"alice","pass":"s3cret"}\r\nPING\r\n');
    await client.expect(/PONG/);
    assert.deepEqual(warnings, ["configuration text:2:87: logFile has no effect in an embedded server"]);
    await server.close();
  });

  test("takes a user of the program over a token of the configuration", async () => {
    const server = await createServer({
      configText: "authorization { token: t }",
      user: "u",
      pass: "p",
      listen: false,
    });
    const client = new RawClient(server.connectInProcess());
    client.send('CONNECT {"verbose":false,"user":"u","pass":"p"}\r\nPING\r\n');
    await client.expect(/PONG/);
    await server.close();
  });

  test("refuses a configuration with every error in it, and two configurations", async () => {
    await assert.rejects(createServer({ configText: "prot: 1\nhots: 2" }), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.problems.map(({ message }) => message),
        ['unknown field "prot"', 'unknown field "hots"'],
      );
      return true;
    });
    await assert.rejects(
      createServer({ configFile: "/nonexistent/x.conf" }),
      /open \/nonexistent\/x.conf: no such file/,
    );
    await assert.rejects(createServer({ configFile: "x", configText: "y" }), /only one of them/);
  });

  test("takes any free port for 0 and for -1", async () => {
    const servers = await Promise.all([createServer({ port: 0 }), createServer({ port: -1 })]);
    assert.notEqual(servers[0].port, servers[1].port);
    for (const server of servers) {
      assert.ok(server.port > 0);
      await server.close();
    }
  });

  test("rejects when the port is taken, and closes", async () => {
    const first = await createServer();
    const second = new EmbeddedServer({ port: first.port });
    await assert.rejects(second.ready, { code: "EADDRINUSE" });
    await second.closed;
    assert.equal(second.state, "closed");
    await first.close();
  });

  test("names an option that does not exist, or cannot be combined", () => {
    assert.throws(() => new EmbeddedServer({ nonsense: 1 } as object), OptionsError);
    for (const [ocspCache, problem] of [
      [true, /ocspCache: true is no object/],
      [{ type: "disk" }, /type "disk" is none of none, memory, local/],
      [{ type: "local", localStore: "" }, /localStore is empty/],
      [{ type: "local", saveIntervalMs: 999 }, /saveIntervalMs 999 is not a whole number from 1000/],
      [{ type: "local", folder: "x" }, /there is no such option as ocspCache.folder/],
    ] as const) {
      assert.throws(() => new EmbeddedServer({ ocspCache } as object), problem);
    }
    assert.throws(() => new EmbeddedServer({ storeDir: "" }), /storeDir: it is empty/);
    assert.throws(() => new EmbeddedServer({ user: "a", authenticate: () => ({}) }), /user: authenticate is set too/);
  });

  test("takes undefined for absent", async () => {
    await using server = await createServer({ port: undefined, host: undefined });
    assert.equal(server.host, "127.0.0.1");
    await server.close();
  });
});

describe("EmbeddedServer", () => {
  test("keeps no process alive once it is closed", () => {
    const code = `
      import { createServer } from ${JSON.stringify(new URL("../index.js", import.meta.url).href)};
      import { RawClient } from ${JSON.stringify(import.meta.resolve("@myelin/testing"))};
      const server = await createServer();
      for (const client of [new RawClient(server.connectInProcess()), await RawClient.connect(server.url)]) {
        await client.handshake();
        client.send("SUB a 1\\r\\nPUB a 1\\r\\nx\\r\\n");
      }
      server.close();`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { timeout: 20_000 });
    assert.deepEqual([status, stderr.toString()], [0, ""]);
  });

  test("shares nothing with another in the same process", async () => {
    await using one = await createServer({ listen: false });
    await using other = await createServer({ listen: false });
    const here = new RawClient(one.connectInProcess());
    const there = new RawClient(other.connectInProcess());
    for (const client of [here, there]) await client.handshake();
    for (const client of [here, there]) client.send("SUB a 1\r\nPING\r\n");
    for (const client of [here, there]) await client.expect(/PONG\r\n/);
    here.send("PUB a 1\r\nx\r\n");
    await here.expect(/MSG a 1 1\r\nx\r\n/);
    there.send("PING\r\n");
    await there.expect(/^PONG\r\n/);
    assert.equal(other.statistics.inMsgs, 0);
    assert.notEqual(one.id, other.id);
  });

  test("serves clients that attach before it is ready", async () => {
    const server = new EmbeddedServer({ listen: false });
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    await server.close();
  });

  test("close() before it is ready leaves nothing behind", async () => {
    const server = new EmbeddedServer();
    await server.close();
    await server.closed;
    assert.equal(server.state, "closed");
    assert.throws(() => server.connectInProcess(), ServerStateError);
  });

  test("is closed at the end of a block that uses it", async () => {
    let kept: EmbeddedServer;
    {
      await using server = await createServer({ listen: false });
      kept = server;
    }
    assert.equal(kept.state, "closed");
  });

  test("tells of clients that connect, disconnect and are too slow", async () => {
    await using server = await createServer({ maxPendingBytes: 2_000_000, maxPayloadBytes: 1_500_000 });
    const told: string[] = [];
    server.on("connect", ({ id, name, account }) => told.push(`connect ${id} ${name} ${account}`));
    server.on("slowConsumer", ({ id }, reason) => told.push(`slow ${id} ${reason}`));
    server.on("disconnect", ({ id }, reason) => told.push(`disconnect ${id} ${reason}`));
    const slow = new RawClient(server.connectInProcess());
    await slow.handshake({ name: "tortoise" });
    slow.send("SUB a 1\r\nPING\r\n");
    await slow.expect(/PONG/);
    slow.pause();
    const publisher = new RawClient(server.connectInProcess());
    await publisher.handshake();
    const payload = "x".repeat(1_400_000);
    for (let i = 0; i < 4; i++) publisher.send(`PUB a ${payload.length}\r\n${payload}\r\n`);
    await waitFor(() => told.some((line) => line.startsWith("disconnect 1")));
    assert.deepEqual(told, [
      "connect 1 tortoise $G",
      "connect 2  $G",
      "slow 1 SLOW_CONSUMER_PENDING_BYTES",
      "disconnect 1 SLOW_CONSUMER_PENDING_BYTES",
    ]);
    assert.equal(server.statistics.slowConsumers, 1);
    await server.close();
  });

  test("does not tell of a client that never said CONNECT", async () => {
    await using server = await createServer({ listen: false });
    server.on("disconnect", () => assert.fail("nobody had connected"));
    const client = new RawClient(server.connectInProcess());
    await client.expect(/INFO/);
    client.close();
    await waitFor(() => server.connectionCount === 0);
    await server.close();
  });

  test("survives a listener that throws, and logs it", async () => {
    const errors: string[] = [];
    const silent = (): void => {};
    const logger: Logger = {
      info: silent,
      warn: silent,
      debug: silent,
      trace: silent,
      error: (text) => errors.push(text),
    };
    await using server = await createServer({ listen: false, logger });
    server.on("connect", () => {
      throw new Error("of no use");
    });
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    assert.match(errors.join("\n"), /A listener of the event "connect" failed: Error: of no use/);
    await server.close();
  });

  test("reset() ends connections and subscriptions, and starts to count anew", async () => {
    await using server = await createServer();
    const { port } = server;
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    client.send("SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n");
    await client.expect(/PONG/);
    await server.reset();
    assert.equal(server.connectionCount, 0);
    assert.equal(server.subscriptionCount, 0);
    assert.deepEqual(Object.values(server.statistics), [0, 0, 0, 0, 0, 0, 0, 0]);
    await client.ended();
    assert.equal(server.port, port);
    const again = await RawClient.connect(server.url);
    assert.match((await again.expect(/INFO .*\r\n/))[0], /"client_id":1[,}]/);
    await server.close();
  });

  test("times of the server go by the clock that it was given", async () => {
    const clock = new TestClock(new NodeClock());
    clock.stop();
    await using server = await createServer({ listen: false, clock, user: "a", pass: "b", authTimeoutMs: 2_000 });
    const client = new RawClient(server.connectInProcess());
    await client.expect(/INFO/);
    await clock.advance(1_999);
    assert.equal(client.isEnded, false);
    await clock.advance(1);
    await client.expect(/-ERR 'Authentication Timeout'\r\n/);
    await server.close();
  });

  test("lameDuck() sends clients away, one by one, and closes", async () => {
    const clock = new TestClock(new NodeClock());
    clock.stop();
    await using server = await createServer({ clock });
    const clients = [1, 2, 3].map(() => new RawClient(server.connectInProcess()));
    for (const client of clients) await client.handshake({ protocol: 1 });
    let told = false;
    server.once("lameDuck", () => {
      told = true;
    });
    const [ended] = [server.lameDuck(), server.lameDuck()];
    assert.ok(told);
    for (const client of clients) await client.expect(/INFO [^\r]*"ldm":true/);
    await assert.rejects(RawClient.connect(server.url), { code: "ECONNREFUSED" });
    assert.throws(() => server.connectInProcess(), ServerStateError);
    await clock.advance("9999ms");
    assert.equal(server.connectionCount, 3);
    await clock.advance("1ms");
    assert.equal(server.connectionCount, 2);
    await clock.advance("2s");
    await ended;
    assert.equal(server.state, "closed");
    for (const client of clients) await client.ended();
  });

  test("close() cuts lame duck mode short", async () => {
    await using server = await createServer();
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    const ended = server.lameDuck();
    await server.close();
    await ended;
    await client.ended();
  });

  test("closed is told once, as an event too", async () => {
    await using server = await createServer();
    const told = once(server, "closed");
    await Promise.all([server.close(), server.close()]);
    await told;
    await server.closed;
  });
});
