// WebSocket under load that nobody means well: what it may cost in memory and time, and what is left behind.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { type InProcessOptions, SimClock } from "@myelin/testing";
import { BINARY, COMPRESSED, clientFrame, FINAL, PING, WebSocketWire } from "../support/websocket-wire.ts";
import { eventually, startInTest } from "./server.ts";

const DEADLINE = { timeout: 60_000 };
const MIB = 1024 * 1024;
const COMPRESSION = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
const GREETING = 'CONNECT {"verbose":false}\r\n';
const CONTINUED = BINARY & ~FINAL;

/** @param clock - Stands still unless the test moves it, so that no PING comes in between; null for the machine's. */
async function start(t: TestContext, options: InProcessOptions = {}, clock: SimClock | null = new SimClock()) {
  const webSocket = { host: "127.0.0.1", port: -1, noTls: true, compression: true, ...options.webSocket };
  const { arena, server } = await startInTest(t, { ...options, webSocket }, clock ?? undefined);
  const port = server.ports.websocket[0] ?? 0;
  const crowd: WebSocketWire[] = [];
  t.after(() => {
    for (const wire of crowd) wire.destroy();
  });
  const open = async (headers = ""): Promise<WebSocketWire> => {
    const wire = await WebSocketWire.upgrade(port, headers);
    crowd.push(wire);
    return wire;
  };
  const connections = (): number => server.server.connectionCount;
  const everybodyLeaves = async (): Promise<void> => {
    for (const wire of crowd.splice(0)) wire.destroy();
    await eventually(() => connections() === 0 && arena.takenBytes() === 0);
  };
  return { arena, server, port, open, connections, everybodyLeaves };
}

function compress(bytes: Uint8Array | string): Buffer {
  return deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

test("five hundred clients that slowly send a giant cost next to nothing", DEADLINE, async (t) => {
  const { arena, everybodyLeaves, open } = await start(t, { token: "t" });
  const clients = await Promise.all(Array.from({ length: 500 }, () => open()));
  const before = process.memoryUsage().rss;
  // A frame that says it is 256 MiB, and a CONNECT in it that never ends: as much of it as a control line may be.
  for (const client of clients) client.send(clientFrame(BINARY, "CONNECT {", { length: 256 * MIB }));
  for (let round = 0; round < 20; round++) {
    for (const client of clients) client.socket.write(Buffer.alloc(100, 0x11));
    await new Promise(setImmediate);
  }
  await eventually(() => arena.takenBytes() >= 500 * 2_048);
  assert.ok(arena.takenBytes() <= 500 * 4_096, `${arena.takenBytes()} bytes of the arena`);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 100 * MIB, `${Math.round(grown / MIB)} MiB more`);
  await everybodyLeaves();
});

test("a compressed message may come to eight times max_payload, which a reload may change", DEADLINE, async (t) => {
  const { everybodyLeaves, open, server } = await start(t, { maxPayloadBytes: 1_000 });
  const messages = compress("PUB a 1\r\nx\r\n".repeat(3_000));
  const [first, second] = [await open(COMPRESSION), await open(COMPRESSION)];
  first.send(clientFrame(COMPRESSED | BINARY, messages));
  await eventually(() => first.closed);
  assert.equal(first.farewell, "1009 compressed message of more than 8000 bytes");
  await server.server.reload({ maxPayloadBytes: 10_000 });
  second.send(clientFrame(BINARY, GREETING), clientFrame(COMPRESSED | BINARY, messages));
  await eventually(() => server.server.core.counters.traffic.inMsgs >= 3_000);
  await server.server.reload({ maxPayloadBytes: 2_000 });
  second.send(clientFrame(COMPRESSED | BINARY, messages));
  await eventually(() => second.closed);
  assert.equal(second.farewell, "1009 compressed message of more than 16000 bytes");
  await everybodyLeaves();
});

test("endless fragments of a message cost nothing, and are taken", DEADLINE, async (t) => {
  const { arena, everybodyLeaves, open } = await start(t);
  const client = await open();
  client.say(`${GREETING}PING\r\n`);
  await client.until(() => client.text === "PONG\r\n");
  const piece = clientFrame(0, "PUB a 5\r\nhello\r\n".repeat(50));
  client.send(clientFrame(CONTINUED, "PUB a 0\r\n\r\n"));
  for (let n = 0; n < 5_000; n++) client.socket.write(piece);
  client.send(clientFrame(FINAL, "PING\r\n"));
  await client.until(() => client.text === "PONG\r\nPONG\r\n");
  assert.ok(arena.takenBytes() < 256 * 1024);
  await everybodyLeaves();
});

test("bombs are cut at eight times max_payload, one by one and from everywhere at once", DEADLINE, async (t) => {
  const { everybodyLeaves, open } = await start(t, { maxPayloadBytes: 64 * 1024 });
  const bomb = compress(Buffer.alloc(64 * MIB, "PING\r\n"));
  const witness = await open();
  const before = process.memoryUsage().rss;
  const clients = await Promise.all(Array.from({ length: 50 }, () => open(COMPRESSION)));
  for (const client of clients) client.send(clientFrame(BINARY | COMPRESSED, bomb));
  await Promise.all(clients.map((client) => client.ended()));
  for (const { farewell } of clients) assert.equal(farewell, "1009 compressed message of more than 524288 bytes");
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 100 * MIB, `${Math.round(grown / MIB)} MiB more`);
  witness.say(`${GREETING}PING\r\n`);
  await witness.until(() => witness.text === "PONG\r\n");
  await everybodyLeaves();
});

test("the limit of a bomb holds over its fragments", DEADLINE, async (t) => {
  const { everybodyLeaves, open } = await start(t, { maxPayloadBytes: 64 * 1024 });
  const client = await open(COMPRESSION);
  const bomb = compress(`${GREETING}${"PING\r\n".repeat(2 * MIB)}`);
  for (let at = 0; at < bomb.length; at += 500) {
    const first = at === 0 ? CONTINUED | COMPRESSED : 0;
    client.send(clientFrame(first, bomb.subarray(at, at + 500)));
  }
  await client.ended();
  assert.equal(client.farewell, "1009 compressed message of more than 524288 bytes");
  await everybodyLeaves();
});

test("whoever does not finish the handshake is let go after handshake_timeout, not before", DEADLINE, async (t) => {
  const clock = new SimClock();
  const { open, port, server } = await start(t, { webSocket: { handshakeTimeoutMs: 2_000 } }, clock);
  const silent = await WebSocketWire.open(port);
  const slow = await WebSocketWire.open(port);
  slow.socket.write("GET / HTTP/1.1\r\n");
  const done = await open();
  for (let second = 0; second < 19; second++) {
    slow.socket.write(`X-${second}: y\r\n`);
    clock.advance(100);
  }
  // A turn of the loop in which the bytes could have done something.
  done.say(`${GREETING}PING\r\n`);
  await done.until(() => done.text === "PONG\r\n");
  assert.deepEqual([silent.closed, slow.closed], [false, false]);
  clock.advance(100);
  await Promise.all([silent.ended(), slow.ended()]);
  done.say("PING\r\n");
  await done.until(() => done.text === "PONG\r\nPONG\r\n");
  await server.close();
});

test("a request that never ends is cut off, whatever the time", DEADLINE, async (t) => {
  const { port } = await start(t, {});
  const client = await WebSocketWire.open(port);
  client.socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"y".repeat(100_000)}`);
  await client.ended();
  assert.equal(client.status, 431);
});

test("a client that does not read is closed as a slow consumer, and others do not wait for it", DEADLINE, async (t) => {
  // A producer that is made to wait goes on by the clock.
  const { connections, everybodyLeaves, open, server } = await start(t, { maxPendingBytes: 4 * MIB }, null);
  const slow = await open();
  slow.say(`${GREETING}SUB a 1\r\nPING\r\n`);
  await slow.until(() => slow.said === "PONG\r\n");
  slow.socket.pause();
  const quick = await open();
  quick.say(GREETING);
  const message = `PUB a 65536\r\n${"x".repeat(65_536)}\r\n`;
  let asked = 0;
  while (connections() === 2) {
    quick.say(`${message.repeat(16)}PING\r\n`);
    asked++;
    await quick.until(() => quick.said.length === asked * "PONG\r\n".length);
  }
  assert.equal(server.server.statistics.slowConsumers, 1);
  assert.match(server.log, /wid:1 .*Slow Consumer Detected: MaxPending of 4194304 Exceeded/);
  slow.socket.resume();
  await slow.ended();
  await everybodyLeaves();
});

test("a client that reads slowly gets everything, in order", DEADLINE, async (t) => {
  const { everybodyLeaves, open } = await start(t);
  const slow = await open("User-Agent: Mozilla/5.0\r\n");
  slow.say(`${GREETING}SUB a 1\r\nPING\r\n`);
  await slow.until(() => slow.text === "PONG\r\n");
  const quick = await open();
  quick.say(GREETING);
  let expected = "PONG\r\n";
  for (let n = 0; n < 60; n++) {
    slow.socket.pause();
    const body = `${n} `.padEnd(100_000, String(n));
    quick.say(`PUB a ${body.length}\r\n${body}\r\n`);
    expected += `MSG a 1 ${body.length}\r\n${body}\r\n`;
    slow.send(clientFrame(PING, String(n)));
    await new Promise(setImmediate);
    if (n % 3 === 0) slow.socket.resume();
  }
  slow.socket.resume();
  await slow.until(() => slow.text.length >= expected.length);
  // Not assert.equal: nobody wants to read six megabytes.
  assert.ok(slow.text === expected);
  await everybodyLeaves();
});

test("a thousand that come and go, wherever they are, leave nothing", DEADLINE, async (t) => {
  const { connections, everybodyLeaves, open, port } = await start(t, { token: "t", authTimeoutMs: 60_000 });
  const packed = compress(`CONNECT {"auth_token":"t"}\r\nSUB a 1\r\n`);
  for (let round = 0; round < 10; round++) {
    const crowd = await Promise.all(Array.from({ length: 80 }, () => open(round % 2 === 0 ? COMPRESSION : "")));
    const half = await Promise.all(Array.from({ length: 20 }, () => WebSocketWire.open(port)));
    for (const wire of half) wire.socket.write("GET / HTTP/1.1\r\nHost: ");
    for (const [index, wire] of crowd.entries()) {
      if (index % 4 === 0) wire.send(clientFrame(BINARY, 'CONNECT {"auth_token":"t"}\r\nSUB a.* 1\r\nPUB a.b 5\r\nhe'));
      if (index % 4 === 1) wire.send(clientFrame(BINARY | COMPRESSED, packed));
      if (index % 4 === 2) wire.send(clientFrame(CONTINUED | COMPRESSED, packed.subarray(0, 9)));
      if (index % 4 === 3) wire.socket.write(Buffer.from([0x82]));
      if (index % 2 === 0) wire.destroy();
      else wire.socket.resetAndDestroy();
    }
    for (const wire of half) wire.destroy();
    await eventually(() => connections() === 0);
  }
  await everybodyLeaves();
});

test("max_connections counts WebSockets too", DEADLINE, async (t) => {
  const { everybodyLeaves, open } = await start(t, { maxConnections: 2 });
  await open();
  await open();
  const refused = await open();
  await refused.ended();
  const said = Buffer.concat(refused.frames.slice(0, -1).map(({ payload }) => payload)).toString();
  assert.match(said, /^INFO .*\r\n-ERR 'maximum connections exceeded'\r\n$/s);
  assert.equal(refused.farewell, "1008 Maximum Connections Exceeded");
  await everybodyLeaves();
});
