// A server behind a firewall that drops packets: connecting gives up in time, leaves nothing behind, and goes on to the next.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BlackHole, skipWithoutBlackHole } from "./fixtures/black-hole.ts";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { nextStatus, until } from "./fixtures/until.ts";
import { connect, SILENT_LOGGER, wsconnect } from "./node.ts";

const quick = { timeout: 150, reconnectTimeWait: 1, reconnectJitter: 0, logger: SILENT_LOGGER } as const;

for (const [name, open, scheme] of [
  ["TCP", connect, "nats"],
  ["WebSocket", wsconnect, "ws"],
] as const) {
  test(`connect() over ${name} to an address that answers nothing is a TimeoutError, and frees its socket`, {
    skip: skipWithoutBlackHole,
  }, async () => {
    await using hole = await BlackHole.open();
    const before = hole.unanswered;
    // Long enough for the SYN to be seen, also on a busy machine.
    const connecting = open({ servers: `${scheme}://127.0.0.1:${hole.port}`, ...quick, timeout: 1_000 });
    const refused = assert.rejects(connecting, { name: "TimeoutError", code: "ERR_NATS_CONNECT_TIMEOUT" });
    await until("its SYN is on its way", () => hole.unanswered > before);
    await refused;
    await until("the socket is gone", () => hole.unanswered === before);
  });
}

test("connect() with a signal leaves an address that answers nothing at once", {
  skip: skipWithoutBlackHole,
}, async () => {
  await using hole = await BlackHole.open();
  const before = hole.unanswered;
  const stop = new AbortController();
  const refused = assert.rejects(connect({ port: hole.port, ...quick, timeout: 60_000, signal: stop.signal }), {
    message: "enough",
  });
  await until("its SYN is on its way", () => hole.unanswered > before);
  stop.abort(new Error("enough"));
  await refused;
  await until("the socket is gone", () => hole.unanswered === before);
});

test("connecting and reconnecting pass over an address that answers nothing to the next of the pool", {
  skip: skipWithoutBlackHole,
}, async () => {
  await using hole = await BlackHole.open();
  const before = hole.unanswered;
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    while ((await line()) === "PING") socket.write("PONG\r\n");
  });
  const servers = [`127.0.0.1:${hole.port}`, `127.0.0.1:${server.port}`];
  const nc = await connect({ servers, noRandomize: true, ...quick });
  assert.equal(nc.getServer(), servers[1]);
  const failed = nextStatus(nc, "reconnectFailed");
  const back = nextStatus(nc, "reconnect");
  await nc.reconnect();
  const { server: passed, error } = await failed;
  assert.deepEqual([passed, (error as { code?: string }).code], [servers[0], "ERR_NATS_CONNECT_TIMEOUT"]);
  assert.equal((await back).server, servers[1]);
  await nc.close();
  await until("no socket to it is left", () => hole.unanswered === before);
});

test("connect() gives up on a server that never answers the TLS handshake, and frees its socket", async () => {
  await using server = await FakeServer.start((socket) => void socket.write(infoLine({ tls_required: true })));
  await assert.rejects(connect({ port: server.port, ...quick }), { code: "ERR_NATS_CONNECT_TIMEOUT" });
  await until("the socket is closed", () => server.open === 0);
  await using silent = await FakeServer.start(() => {});
  const first = connect({ port: silent.port, ...quick, tls: { handshakeFirst: true } });
  await assert.rejects(first, { code: "ERR_NATS_CONNECT_TIMEOUT" });
  await until("the socket is closed", () => silent.open === 0);
});
