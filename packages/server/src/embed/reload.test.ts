import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { RawClient } from "@myelin/testing";
import { ConfigError } from "../config/problem.ts";
import { type Logger, SILENT_LOGGER } from "../logger.ts";
import { OptionsError } from "../options.ts";
import { ReloadError } from "../reload/plan.ts";
import { createServer, ServerStateError } from "./embedded-server.ts";

function listening(): { logger: Logger; said: string[] } {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  return { logger: { ...SILENT_LOGGER, info: say, warn: say }, said };
}

test("reload() changes options, keeps the clients, and says what changed", async () => {
  const { logger, said } = listening();
  await using server = await createServer({ logger, maxPayloadBytes: 1000, debug: false });
  const client = await RawClient.connect(server.url);
  await client.handshake({ protocol: 1 });
  const { port } = server;
  const result = await server.reload({ maxPayloadBytes: 20, pingMax: 5 });
  assert.deepEqual(result, { changed: ["pingMax", "maxPayloadBytes"], digest: null });
  assert.equal(server.port, port);
  assert.equal(server.core.options.maxPayloadBytes, 20);
  assert.deepEqual(said.slice(-3), [
    "Reloaded: ping_max = 5",
    "Reloaded: max_payload = 20",
    "Reloaded server configuration",
  ]);
  // A client that takes INFO at any time learns of the limit, and is held to it.
  await client.expect(/INFO .*"max_payload":20,.*\r\n/);
  client.send("SUB a 1\r\nPUB a 20\r\n12345678901234567890\r\nPUB a 21\r\n");
  await client.expect(/^MSG a 1 20\r\n/);
  await client.expect(/-ERR 'Maximum Payload Violation'\r\n/);
  await client.ended();
});

test("reload() without anything reads the file again, the program's options over it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "myelin-reload-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const configFile = join(folder, "server.conf");
  writeFileSync(configFile, "max_payload: 100, ping_max: 3");
  await using server = await createServer({ configFile, pingMax: 7 });
  writeFileSync(configFile, "max_payload: 200, ping_max: 4, client_advertise: 'example.com:1'");
  const { changed, digest } = await server.reload();
  assert.deepEqual(changed, ["clientAdvertise", "maxPayloadBytes"]);
  assert.match(digest ?? "", /^sha256:/);
  assert.equal(server.core.options.pingMax, 7);
  assert.deepEqual((await server.reload({ pingMax: undefined })).changed, ["pingMax"]);
  assert.equal(server.core.options.pingMax, 4);
  assert.deepEqual((await server.reload({ configText: "max_payload: 200" })).changed, ["clientAdvertise", "pingMax"]);
  assert.deepEqual((await server.reload()).changed, []);
});

test("reload() that cannot be done changes nothing, and names every reason", async () => {
  await using server = await createServer({ configText: "max_payload: 100" });
  const before = server.core.options;
  await assert.rejects(server.reload({ configText: "prot: 1, max_payload: 200\nnothing: 2" }), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.problems.length, 2);
    return true;
  });
  await assert.rejects(server.reload({ pingMax: -1 }), OptionsError);
  await assert.rejects(
    server.reload({ debug: true, serverName: "x", host: "::1", maxPendingBytes: 2 ** 21 }),
    (error) => {
      assert.ok(error instanceof ReloadError);
      assert.deepEqual(
        error.refusals.map(({ setting }) => setting),
        ["serverName", "host", "maxPendingBytes"],
      );
      return true;
    },
  );
  assert.equal(server.core.options, before);
  // What was refused is forgotten: the next reload begins with what was in force.
  assert.deepEqual((await server.reload({ debug: true })).changed, ["debug"]);
});

test("reload() with fewer connections closes those that came last", async () => {
  const { logger, said } = listening();
  await using server = await createServer({ logger });
  const clients: RawClient[] = [];
  for (let i = 0; i < 4; i++) {
    const client = await RawClient.connect(server.url);
    await client.handshake();
    clients.push(client);
  }
  await server.reload({ maxConnections: 2 });
  for (const client of clients.slice(2)) {
    await client.expect(/-ERR 'maximum connections exceeded'\r\n/);
    await client.ended();
  }
  assert.ok(said.includes("Closed 2 connections to fall within max_connections"));
  const late = await RawClient.connect(server.url);
  await late.expect(/-ERR 'maximum connections exceeded'\r\n/);
  for (const client of clients.slice(0, 2)) {
    client.send("PING\r\n");
    await client.expect(/PONG\r\n/);
    client.close();
  }
});

test("reload() waits for its turn when a listener of an event asks for it", async () => {
  await using server = await createServer({ maxPayloadBytes: 1000 });
  const reloaded = new Promise((resolve, reject) => {
    server.once("connect", () => void server.reload({ maxPayloadBytes: 10 }).then(resolve, reject));
  });
  const client = await RawClient.connect(server.url);
  await client.handshake();
  assert.deepEqual(await reloaded, { changed: ["maxPayloadBytes"], digest: null });
  client.close();
});

test("reload() is refused by a server that does not run", async () => {
  const server = await createServer();
  await server.close();
  await assert.rejects(server.reload(), ServerStateError);
});
