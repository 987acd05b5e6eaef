import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createPlainArena, NodeClock } from "@myelin/platform/node";
import { SimClock, TestClock } from "@myelin/platform/sim";
import { SILENT_LOGGER } from "@myelin/server";
import { connect } from "@nats-io/transport-node";
import type { InProcessServer } from "./in-process-server.ts";
import { RawClient } from "./raw-client.ts";
import { startServer } from "./start-server.ts";
import { waitFor } from "./wait-for.ts";

describe("InProcessServer.clock", () => {
  test("stands still, and everything that waits follows it", async () => {
    await using server = await startServer({ run: "in-process", pingIntervalMs: 60_000, pingMax: 1 });
    server.clock.stop();
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    await server.clock.advance("3s");
    await client.expect(/^PING\r\n/); // the first one comes early
    client.send("PONG\r\n");
    await server.clock.advance("1m");
    await client.expect(/^PING\r\n/);
    await server.clock.advance("1m");
    await client.expect(/^-ERR 'Stale Connection'\r\n/);
    await client.ended();
    assert.equal(server.server.statistics.staleConnections, 1);
  });

  test("an hour passes for the official client over TCP, which answers each PING", async () => {
    await using server = await startServer({ run: "in-process" });
    const nc = await connect({ servers: server.url });
    server.clock.stop();
    await server.clock.advance("1h");
    assert.equal(server.server.connectionCount, 1);
    assert.equal((await nc.rtt()) >= 0, true);
    await nc.close();
  });

  test("is the end of a client that does not take its bytes within the write deadline", async () => {
    await using server = await startServer({ run: "in-process", writeDeadlineMs: 10_000 });
    server.clock.stop();
    const slow = new RawClient(server.connectInProcess());
    const fast = new RawClient(server.connectInProcess());
    for (const client of [slow, fast]) await client.handshake();
    slow.send("SUB a 1\r\nPING\r\n");
    await slow.expect(/PONG/);
    const fault = server.faults.hold("toClient");
    const payload = "x".repeat(500_000);
    fast.send(`PUB a ${payload.length}\r\n${payload}\r\n`.repeat(3));
    await waitFor(() => (server.server.connections[0]?.pendingBytes ?? 0) > 0);
    await server.clock.advance(9_999);
    assert.equal(server.server.connectionCount, 2);
    await server.clock.advance(1);
    assert.equal(server.server.connectionCount, 1);
    assert.match(server.log, /Slow Consumer Detected: WriteDeadline of 10s exceeded/);
    fault.undo();
    await slow.ended();
  });

  test("goes by a SimClock, one synchronous step at a time", async () => {
    const time = new SimClock();
    const clock = new TestClock(time);
    await using server = await startServer({ run: "in-process", clock, token: "t", authTimeoutMs: 2_000 });
    const silent = new RawClient(server.connectInProcess());
    await silent.expect(/^INFO .*\r\n/);
    time.advance(1_999);
    assert.equal(server.server.connectionCount, 1);
    time.advance(1);
    await silent.expect(/-ERR 'Authentication Timeout'/);
    await silent.ended();
  });

  test("is shared by servers that are given the same", async () => {
    const clock = new TestClock(new NodeClock());
    clock.stop();
    await using first = await startServer({ run: "in-process", clock });
    await using second = await startServer({ run: "in-process", clock });
    assert.equal(first.clock, second.clock);
  });
});

describe("InProcessServer.faults", () => {
  test("break connections without a socket, and TCP connections", async () => {
    await using server = await startServer({ run: "in-process" });
    const clients = [new RawClient(server.connectInProcess()), await RawClient.connect(server.url)];
    for (const client of clients) await client.handshake();
    const hold = server.faults.hold();
    for (const client of clients) client.send("PING\r\n");
    // More turns than an answer takes, were there one.
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      clients.map(({ text }) => text),
      ["", ""],
    );
    hold.undo();
    for (const client of clients) await client.expect(/PONG/);
    const cut = server.faults.cut();
    for (const client of clients) await client.ended();
    cut.undo();
    const again = new RawClient(server.connectInProcess());
    await again.handshake();
  });

  test("a ghost is found by its silence, in no time", async () => {
    await using server = await startServer({ run: "in-process" });
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    server.clock.stop();
    server.faults.halfOpen("client");
    await client.ended();
    await server.clock.advance("4m"); // PINGs after some two seconds, and every two minutes from then
    assert.equal(server.server.connectionCount, 1);
    await server.clock.advance("5s");
    assert.equal(server.server.connectionCount, 0);
  });

  test("a delay goes by the server's clock", async () => {
    await using server = await startServer({ run: "in-process" });
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    server.clock.stop();
    server.faults.delay("10m", "toClient");
    client.send("PING\r\n");
    await server.clock.advance("9m");
    assert.equal(client.text, "");
    await server.clock.advance("1m");
    assert.match(client.text, /PONG/);
  });
});

describe("InProcessServer", () => {
  test("gives every buffer back, whatever fault its clients end under", async () => {
    const ends: ReadonlyArray<(server: InProcessServer) => unknown> = [
      (server) => server.faults.hold(),
      (server) => server.faults.drop(),
      (server) => server.faults.delay("1h"),
      (server) => server.faults.throttle(1),
      (server) => server.faults.halfOpen("client"),
      (server) => server.faults.halfOpen("server"),
      (server) => server.faults.cut(),
      (server) => server.pause(),
      () => {},
    ];
    for (const end of ends) {
      for (const finish of ["stop", "kill"] as const) {
        const arena = createPlainArena(16 * 1024 * 1024);
        const server = await startServer({ run: "in-process", arena });
        const clients = [new RawClient(server.connectInProcess()), await RawClient.connect(server.url)];
        for (const client of clients) await client.handshake();
        for (const client of clients) client.send("SUB a 1\r\nPING\r\n");
        for (const client of clients) await client.expect(/PONG\r\n/);
        await end(server);
        const late = new RawClient(server.connectInProcess());
        for (const client of [...clients, late]) client.send(`PUB a 30000\r\n${"x".repeat(30_000)}\r\n`.repeat(5));
        for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
        await server[finish]();
        await waitFor(() => arena.takenBytes() === 0, { what: `all buffers back after ${String(end)} and ${finish}` });
        await server.close();
        for (const client of [...clients, late]) await client.ended();
      }
    }
  });

  test("reset() undoes faults, starts time and empties the log", async () => {
    await using server = await startServer({ run: "in-process" });
    const proxy = await server.proxy();
    server.faults.cut();
    proxy.faults.hold();
    server.clock.stop();
    await server.reset();
    assert.deepEqual([server.clock.isStopped, server.log], [false, ""]);
    const client = await RawClient.connect(proxy.url);
    await client.handshake();
    client.close();
  });

  test("reset() brings back a server that was stopped", async () => {
    await using server = await startServer({ run: "in-process" });
    const { url } = server;
    await server.kill();
    await server.reset();
    const client = await RawClient.connect(url);
    await client.handshake();
    client.close();
  });

  test("serves without a listener", async () => {
    await using server = await startServer({ run: "in-process", listen: false });
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    await server.restart();
    await client.ended();
    const again = new RawClient(server.connectInProcess());
    await again.handshake();
  });

  test("has no ports without a listener", async () => {
    await using quiet = await startServer({ run: "in-process", listen: false });
    assert.deepEqual(quiet.ports.nats, []);
  });

  test("core shows what the server holds, and lets it go", async () => {
    await using server = await startServer({ run: "in-process" });
    const interest = server.core.accounts.get("$G")?.sublist;
    assert.equal(interest?.nodeCount, 1);
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    client.send("SUB a.b 1\r\nPING\r\n");
    await client.expect(/PONG/);
    assert.deepEqual([interest?.count, interest?.nodeCount], [1, 3]);
    client.close();
    await waitFor(() => server.core.connectionCount === 0);
    assert.deepEqual([interest?.count, interest?.nodeCount], [0, 1]);
  });

  test("keepLog: false keeps nothing, and a logger still hears it", async () => {
    const heard: string[] = [];
    const logger = { ...SILENT_LOGGER, info: (text: string) => void heard.push(text) };
    await using server = await startServer({ run: "in-process", keepLog: false, logger });
    assert.equal(server.log, "");
    assert.match(heard.join("\n"), /Listening for client connections/);
  });

  test("reads its configuration file again on SIGHUP", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "myelin-sighup-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const configFile = join(folder, "server.conf");
    writeFileSync(configFile, "ping_max: 3");
    await using server = await startServer({ run: "in-process", configFile });
    writeFileSync(configFile, "ping_max: 4");
    await server.signal("SIGHUP");
    await server.waitForLog(/Reloaded server configuration/);
    assert.equal(server.core.options.pingMax, 4);
    writeFileSync(configFile, "nonsense: 1");
    await server.signal("SIGHUP");
    await server.waitForLog(/Failed to reload server configuration: .*unknown field "nonsense"/);
  });

  test("refuses signals that are about a process", async () => {
    await using server = await startServer({ run: "in-process" });
    for (const signal of ["SIGHUP", "SIGUSR1"] as const) {
      await assert.rejects(server.signal(signal), { name: "NotSupportedError", code: "NOT_IN_PROCESS" });
    }
    await server.signal("SIGSTOP");
    await server.signal("SIGCONT");
    await server.signal("SIGKILL");
    assert.equal(server.isRunning, false);
  });
});
