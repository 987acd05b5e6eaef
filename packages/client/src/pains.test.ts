// What users of other NATS clients suffered from; docs/from-nats-js.md has the list, other files have most of the tests.

import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { nextStatus, until } from "./fixtures/until.ts";
import { connect, type NatsConnection, SILENT_LOGGER } from "./node.ts";

const quick = { reconnectTimeWait: 1, reconnectJitter: 0, maxReconnectAttempts: -1, logger: SILENT_LOGGER } as const;

test("with maxReconnectAttempts -1 a connection survives every word and every silence, and keeps its subscriptions", async () => {
  const endings: ReadonlyArray<readonly [name: string, text: string]> = [
    ["stale connection", "-ERR 'Stale Connection'\r\n"],
    ["expired", "-ERR 'User Authentication Expired'\r\n"],
    ["refused once", "-ERR 'Authorization Violation'\r\n"],
    ["too many", "-ERR 'maximum connections exceeded'\r\n"],
    ["unknown word", "-ERR 'the moon is full'\r\n"],
    ["not NATS", "\0\0\0\n"],
    ["half a message", "MSG a 1 100\r\nabc"],
    ["nothing", ""],
  ];
  let session = 0;
  await using server = await FakeServer.start(async (socket, line) => {
    const ending = endings[session++];
    await greet(socket, line);
    assert.equal(await line(), "SUB a 1");
    if (ending === undefined) socket.write("MSG a 1 2\r\nhi\r\n");
    else socket.end(ending[1]);
  });
  const nc = await connect({ port: server.port, ...quick });
  const sub = nc.subscribe("a");
  assert.equal((await sub.nextMsg({ timeout: 10_000 })).string(), "hi");
  assert.equal(nc.stats().reconnects, endings.length);
  assert.ok(!nc.isClosed() && !sub.isClosed());
  await nc.close();
});

test("no rejection appears that nobody could catch, whenever the server goes", async (t) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const caught = (promise: Promise<unknown>): void => void promise.catch(() => {});
  const everything = (nc: NatsConnection): void => {
    nc.subscribe("a", { callback: () => Promise.reject(new Error("no")) });
    nc.subscribe("b")[Symbol.asyncIterator](); // begun, and never asked
    caught(nc.subscribe("c", { timeout: 5 }).nextMsg());
    nc.subscribe("d", { callback: () => {}, timeout: 5 });
    caught(nc.subscribe("e").drain());
    nc.status()[Symbol.asyncIterator]();
    // Of these only what is handed out may reject, and that is caught here.
    for (const noMux of [false, true]) caught(nc.request("a", "", { noMux, timeout: 20 }));
    caught(nc.requestMany("a", "", { maxWait: 20 }));
    caught(nc.flush());
    caught(nc.rtt());
    caught(nc.ready());
  };
  for (let stage = 0; stage < 6; stage++) {
    await using server = await FakeServer.start(async (socket, line) => {
      if (stage === 0) return void socket.destroy();
      socket.write(infoLine());
      if (stage === 1) return void socket.destroy();
      await line();
      if (stage === 2) return void socket.end("-ERR 'Authorization Violation'\r\n");
      await line();
      socket.write("PONG\r\n");
      for (let lines = 0; lines < stage; lines++) await line();
      if (stage < 5) socket.destroy();
      else socket.resetAndDestroy();
    });
    for (const reconnect of [false, true]) {
      const options = { port: server.port, ...quick, maxReconnectAttempts: 2, timeout: 200, reconnect };
      const nc = await connect(options).catch(() => null);
      if (nc === null) continue;
      everything(nc);
      await Promise.race([nc.closed(), nextStatus(nc, "reconnect")]);
      await nc.close();
    }
  }
  for (let i = 0; i < 20; i++) await turn();
  assert.deepEqual(unhandled, []);
});

test("what is published in one turn of the event loop is written in the same turn, once", async () => {
  const written: string[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString("latin1"));
      if (chunk.toString("latin1").endsWith("PING\r\n")) stream.push("PONG\r\n");
      done();
    },
  });
  stream.push(infoLine());
  const nc = await connect({ ...quick, dialer: () => Promise.resolve(stream) });
  written.length = 0;
  nc.publish("a", "1");
  nc.publish("a", "2");
  await turn();
  assert.deepEqual(written, ["PUB a 1\r\n1\r\nPUB a 1\r\n2\r\n"]);
  nc.request("a", "3").catch(() => {}); // ends when the connection does
  await turn();
  assert.equal(written.length, 2);
  await nc.close();
});

test("no error is made on the way of a request that succeeds", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    for (;;) {
      const reply = /^PUB a (\S+) 0$/.exec(await line())?.[1];
      if (reply !== undefined) socket.write(`MSG ${reply} 1 2\r\nok\r\n`);
    }
  });
  const nc = await connect({ port: server.port, ...quick });
  const RealError = globalThis.Error;
  let made = 0;
  globalThis.Error = new Proxy(RealError, {
    construct(target, args, newTarget) {
      made++;
      return Reflect.construct(target, args, newTarget) as object;
    },
  });
  try {
    for (let i = 0; i < 10; i++) assert.equal((await nc.request("a", "", { timeout: 10_000 })).string(), "ok");
  } finally {
    globalThis.Error = RealError;
  }
  assert.equal(made, 0);
  await until("nothing waits", () => nc.numSubscriptions === 0);
  await nc.close();
});
