// The same tests for every way of running: in this process, Myelin's program, and the reference's.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { connect } from "@nats-io/transport-node";
import { ChildServer } from "./child/child-server.ts";
import { RawClient } from "./raw-client.ts";
import { type StartOptions, startServer } from "./start-server.ts";
import { waitFor } from "./wait-for.ts";

const reference = process.env["REFERENCE_SERVER"];

const WAYS: ReadonlyArray<{ name: string; way: StartOptions; skip?: string }> = [
  { name: "in process", way: { run: "in-process" } },
  { name: "Myelin as a child process", way: { run: "child" } },
  {
    name: "nats-server as a child process",
    way: { run: "child", ...(reference !== undefined && { program: reference }) },
    ...(reference === undefined && { skip: "REFERENCE_SERVER names no nats-server" }),
  },
];

for (const { name, way, skip } of WAYS) {
  describe(`a server ${name}`, { skip: skip ?? false }, () => {
    test("start: a free port of loopback, an id, a log, and the official client connects", async () => {
      await using server = await startServer(way);
      assert.equal(server.url, `nats://127.0.0.1:${server.port}`);
      assert.match(server.id, /^N[A-Z2-7]{55}$/);
      assert.equal(server.name, server.id);
      assert.ok(server.isRunning);
      await server.waitForLog(/Listening for client connections on 127\.0\.0\.1:(\d+)/);
      const nc = await connect({ servers: server.url });
      nc.subscribe("greet", { callback: (_error, message) => void message.respond("hello") });
      assert.equal((await nc.request("greet")).string(), "hello");
      await nc.close();
    });

    test("ports: where it listens, also behind a restart", async () => {
      const server = await startServer(way);
      assert.deepEqual(server.ports, { nats: [server.port], monitoring: [], cluster: [], profile: [], websocket: [] });
      await server.restart();
      assert.deepEqual(server.ports.nats, [server.port]);
      await server.close();
    });

    test("restart() keeps the port and gives a new server", async () => {
      await using server = await startServer(way);
      const { id, port, url } = server;
      const client = await RawClient.connect(url);
      await client.handshake();
      await server.restart();
      await client.ended();
      assert.equal(server.port, port);
      assert.notEqual(server.id, id);
      const again = await RawClient.connect(url);
      await again.handshake();
      again.close();
    });

    test("kill() tells nobody, and start() brings the server back", async () => {
      await using server = await startServer(way);
      const client = await RawClient.connect(server.url);
      await client.handshake();
      await server.kill();
      assert.equal(server.isRunning, false);
      await client.ended();
      assert.equal(client.text, "");
      await assert.rejects(RawClient.connect(server.url), { code: "ECONNREFUSED" });
      await server.start();
      const again = await RawClient.connect(server.url);
      await again.handshake();
      again.close();
    });

    test("pause() freezes, resume() goes on where it was", async () => {
      await using server = await startServer(way);
      const client = await RawClient.connect(server.url);
      await client.handshake();
      await server.pause();
      client.send("PING\r\n");
      const late = await RawClient.connect(server.url);
      // Ten turns over loopback are more than an answer takes, were there one.
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual([client.text, late.text], ["", ""]);
      await server.resume();
      await client.expect(/^PONG\r\n/);
      await late.expect(/^INFO /);
      client.close();
      late.close();
    });

    test("urlWith() has the server's own credentials, or others", async () => {
      await using server = await startServer({ ...way, user: "us er", pass: "p@ss:word/" });
      const nc = await connect({ servers: server.url, ...userOf(server.urlWith()) });
      await nc.close();
      const wrong = userOf(server.urlWith({ user: "us er", pass: "no" }));
      await assert.rejects(
        connect({ servers: server.url, ...wrong, maxReconnectAttempts: 0 }),
        /Authorization Violation/,
      );
      assert.equal(server.urlWith({ token: "t/k" }), `nats://t%2Fk@127.0.0.1:${server.port}`);
    });

    test("options that have no flag, and a configuration, reach the server", async () => {
      const configText = "port: 4222, host: 0.0.0.0, max_payload: 1M, server_name: configured";
      const options = { configText, maxPayloadBytes: 1_000, pingIntervalMs: 30_000, authTimeoutMs: 1_500 };
      await using server = await startServer({ ...way, ...options });
      assert.notEqual(server.port, 4222);
      assert.equal(server.name, "configured");
      const client = await RawClient.connect(server.url);
      assert.match((await client.expect(/INFO .*\r\n/))[0], /"host":"127\.0\.0\.1".*"max_payload":1000[,}]/);
      client.close();
    });

    test("lameDuck() stops a server that has no clients", async () => {
      await using server = await startServer(way);
      await server.lameDuck();
      assert.equal(server.isRunning, false);
      assert.match(server.log, /Entering lame duck mode, stop accepting new clients/);
    });

    test("lameDuck() tells the clients", async () => {
      await using server = await startServer(way);
      const client = await RawClient.connect(server.url);
      await client.handshake({ protocol: 1 });
      await server.signal("SIGUSR2");
      await client.expect(/INFO [^\r]*"ldm":true/);
      await server.kill();
    });

    test("signal() stops the server in good order", async () => {
      await using server = await startServer(way);
      const client = await RawClient.connect(server.url);
      await client.handshake();
      await server.signal("SIGTERM");
      await client.ended();
      await waitFor(() => !server.isRunning);
    });

    test("reset() leaves nothing of the test before", async () => {
      await using server = await startServer(way);
      const { url } = server;
      const client = await RawClient.connect(url);
      await client.handshake();
      client.send("SUB a 1\r\n");
      await server.reset();
      await client.ended();
      assert.equal(server.url, url);
      assert.doesNotMatch(server.log, /error/i);
      const again = await RawClient.connect(url);
      await again.handshake({ no_responders: true, headers: true });
      again.send("SUB r 1\r\nPUB a r 0\r\n\r\n");
      await again.expect(/HMSG r 1 .*\r\nNATS\/1\.0 503/);
      again.close();
    });

    test("proxy() breaks the connections that go its way, and no others", async () => {
      await using server = await startServer(way);
      const proxy = await server.proxy();
      assert.notEqual(proxy.port, server.port);
      const direct = await RawClient.connect(server.url);
      const proxied = await RawClient.connect(proxy.url);
      for (const client of [direct, proxied]) await client.handshake();

      const hold = proxy.faults.hold();
      for (const client of [direct, proxied]) client.send("PING\r\n");
      await direct.expect(/PONG/);
      assert.equal(proxied.text, "");
      hold.undo();
      await proxied.expect(/PONG/);

      const beganMs = performance.now();
      const delay = proxy.faults.delay(20);
      proxied.send("PING\r\n");
      await proxied.expect(/PONG/);
      assert.ok(performance.now() - beganMs >= 40, "twenty milliseconds each way");
      delay.undo();

      const cut = proxy.faults.cut();
      await proxied.ended();
      const refused = await RawClient.connect(proxy.url);
      await refused.ended();
      cut.undo();
      const again = await RawClient.connect(proxy.url);
      await again.handshake();
      await server.restart();
      await again.ended();
      const afterwards = await RawClient.connect(proxy.url);
      await afterwards.handshake();
      await proxy.close();
      await afterwards.ended();
      direct.close();
    });

    test("proxy(): half-open leaves the server with a client that is gone", async () => {
      await using server = await startServer(way);
      await using proxy = await server.proxy();
      const client = await RawClient.connect(proxy.url);
      await client.handshake();
      client.send("SUB a 1\r\nPING\r\n");
      await client.expect(/PONG\r\n/);
      const watcher = await RawClient.connect(server.url);
      await watcher.handshake({ no_responders: true, headers: true });
      watcher.send("SUB r 1\r\nPING\r\n");
      await watcher.expect(/PONG\r\n/);
      const half = proxy.faults.halfOpen("client");
      await client.ended();
      // Somebody still listens, for all that the server knows.
      watcher.send("PUB a r 0\r\n\r\nPING\r\n");
      assert.equal((await watcher.expect(/.*PONG\r\n/s))[0], "PONG\r\n");
      half.undo();
      await waitFor(async () => {
        watcher.send("PUB a r 0\r\n\r\nPING\r\n");
        return / 503/.test((await watcher.expect(/.*PONG\r\n/s))[0]);
      });
      watcher.close();
    });

    test("close() stops and leaves nothing, also twice", async () => {
      const server = await startServer(way);
      const folder = server instanceof ChildServer ? server.folder : null;
      const { pid } = server;
      await server.close();
      await server.close();
      if (folder === null) return;
      assert.equal(existsSync(folder), false);
      assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    });
  });
}

function userOf(url: string): { user: string; pass: string } {
  const { username, password } = new URL(url);
  return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}
