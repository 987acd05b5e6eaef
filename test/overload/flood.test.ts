import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "@myelin/testing";
import { RawClient } from "./raw-client.ts";
import { eventually, startInTest } from "./server.ts";

test("two thousand connections that come and go disturb nobody and leave nothing", async (t) => {
  const { arena, port, server } = await startInTest(t);
  const witness = await RawClient.open(port, "SUB w 1\r\n");
  for (let round = 0; round < 10; round++) {
    const crowd = await Promise.all(Array.from({ length: 200 }, () => RawClient.openSilent(port)));
    for (const [index, client] of crowd.entries()) {
      if (index % 3 === 0) client.socket.write("CONNECT {}\r\nSUB a.* 1\r\nPUB a.b 5\r\nhe");
      if (index % 3 === 1) client.socket.write("CONN");
      if (index % 2 === 0) client.socket.destroy();
      else client.socket.resetAndDestroy();
    }
    witness.tail = "";
    await witness.write("PUB w 2\r\nhi\r\n");
    await witness.until(() => witness.tail.includes("MSG w 1 2\r\nhi\r\n"));
  }
  await eventually(() => server.core.connectionCount === 1);
  assert.equal(server.core.accounts.get("$G")?.sublist.count, 1);
  assert.equal(server.core.accounts.get("$G")?.sublist.nodeCount, 2);
  witness.close();
  await eventually(() => server.core.connectionCount === 0);
  assert.equal(arena.takenBytes(), 0);
  await server.close();
});

test("over max_connections a connection is refused, and room is used again", async (t) => {
  const { port, server } = await startInTest(t, { maxConnections: 3 });
  const crowd = await Promise.all(Array.from({ length: 3 }, () => RawClient.open(port)));
  const refused = await RawClient.openSilent(port);
  await refused.until(() => refused.closed);
  assert.match(refused.tail, /^INFO .*\r\n-ERR 'maximum connections exceeded'\r\n$/s);
  crowd[0]?.close();
  await eventually(() => server.core.connectionCount === 2);
  const next = await RawClient.open(port);
  for (const client of [...crowd, next]) client.close();
  await server.close();
});

test("as an option a limit of 0 connections is none, and of -1 lets nobody in, be it inside the process", async (t) => {
  const free = await startInTest(t, { maxConnections: 0 });
  const client = await RawClient.open(free.port);
  const closed = await startInTest(t, { maxConnections: -1 });
  const refused = await RawClient.openSilent(closed.port);
  await refused.until(() => refused.closed);
  assert.match(refused.tail, /^INFO .*\r\n-ERR 'maximum connections exceeded'\r\n$/s);
  closed.server.server.connectInProcess();
  assert.equal(closed.server.core.connectionCount, 0);
  client.close();
});

test("a peer that sends one byte now and then is closed at the authentication timeout, not later", async (t) => {
  const clock = new SimClock();
  const { port, server } = await startInTest(t, { token: "t", authTimeoutMs: 2_000 }, clock);
  const slow = await RawClient.openSilent(port);
  await slow.until(() => slow.tail.includes("INFO"));
  for (const byte of "CONNECT {") {
    slow.socket.write(byte);
    clock.advance(200);
  }
  assert.equal(slow.closed, false);
  clock.advance(199);
  assert.equal(server.core.connectionCount, 1);
  clock.advance(1);
  await slow.until(() => slow.closed);
  assert.match(slow.tail, /-ERR 'Authentication Timeout'\r\n$/);
  await server.close();
});

test("before authentication a peer cannot make the server keep more than a control line", async (t) => {
  const { arena, port, server } = await startInTest(t, { token: "t" });
  const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.openSilent(port)));
  for (const client of clients) client.socket.write(`CONNECT {"name":"${"x".repeat(3_000)}`);
  await eventually(() => arena.takenBytes() >= 50 * 4096);
  assert.equal(arena.takenBytes(), 50 * 4096);
  for (const client of clients) client.socket.write("x".repeat(2_000));
  await Promise.all(clients.map((client) => client.until(() => client.closed)));
  for (const client of clients) assert.match(client.tail, /-ERR 'maximum control line exceeded'\r\n$/);
  await eventually(() => server.core.connectionCount === 0);
  assert.equal(arena.takenBytes(), 0);
  await server.close();
});

test("others have their turn while one client subscribes a hundred thousand times", async (t) => {
  const { port } = await startInTest(t);
  const busy = await RawClient.open(port);
  const witness = await RawClient.open(port);
  let text = "";
  for (let i = 0; i < 100_000; i++) text += `SUB s.${i}.* ${i}\r\n`;
  busy.tail = "";
  witness.tail = "";
  busy.socket.write(`${text}PING\r\n`);
  let answered = 0;
  while (!busy.tail.includes("PONG")) {
    await witness.settle();
    answered++;
  }
  assert.ok(answered > 10, `${answered} PINGs were answered meanwhile`);
  for (const client of [busy, witness]) client.close();
});

test("one hundred thousand subscriptions come and go on one connection", async (t) => {
  const { port, server } = await startInTest(t);
  const client = await RawClient.open(port);
  const many = 100_000;
  for (let from = 0; from < many; from += 1_000) {
    let text = "";
    for (let i = from; i < from + 1_000; i++) text += `SUB s.${i}.* ${i}\r\n`;
    await client.write(text);
  }
  await client.settle();
  const sublist = server.core.accounts.get("$G")?.sublist;
  assert.equal(sublist?.count, many);
  for (let from = 0; from < many; from += 1_000) {
    let text = "";
    for (let i = from; i < from + 1_000; i++) text += `UNSUB ${i}\r\n`;
    await client.write(text);
  }
  await client.settle();
  assert.equal(sublist?.count, 0);
  assert.equal(sublist?.nodeCount, 1);
  client.close();
  await server.close();
});
