// Everything that waits has a limit and a policy; everything that takes time can be aborted.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { SERVERS } from "./fixtures/servers.ts";
import { nextStatus, until } from "./fixtures/until.ts";
import { connect, SILENT_LOGGER } from "./node.ts";

const quick = { reconnectTimeWait: 1, reconnectJitter: 0, logger: SILENT_LOGGER } as const;

for (const kind of SERVERS) {
  describe(`limits of a subscription, ${kind.name}`, { skip: kind.skip }, () => {
    test("drop: the newest go, are counted, and a slow consumer is told once per episode", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, ...quick });
      let told = 0;
      nc.on("slowConsumer", ({ error, pending }) => {
        told++;
        assert.equal((error as { code?: string }).code, "ERR_NATS_SLOW_CONSUMER");
        assert.equal(pending, 10);
      });
      const sub = nc.subscribe("s", { pending: { msgs: 10 } });
      const send = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) nc.publish("s", String(i));
        await nc.flush();
      };
      await send(30);
      assert.deepEqual([sub.getPending(), sub.getDropped(), told], [10, 20, 1]);
      await send(5);
      assert.equal(told, 1, "the same episode");
      assert.equal((await sub.nextMsg()).string(), "0");
      await send(1);
      await send(1);
      assert.equal(told, 2, "an accepted message ended the first");
      assert.deepEqual(sub.getMaxPending(), { msgs: 10, bytes: 10 });
      sub.setPendingLimits({ msgs: -1, bytes: 12 });
      await send(10);
      assert.ok(sub.getPendingBytes() <= 12);
      assert.throws(() => sub.setPendingLimits({ msgs: 0 }), { code: "ERR_NATS_INVALID_ARGUMENT" });
      await nc.close();
    });

    test("pause: nothing is dropped, reading stops and goes on", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, ...quick });
      const publisher = await connect({ port: server.port });
      const sub = nc.subscribe("p", { pending: { msgs: 100, policy: "pause" } });
      await nc.flush();
      const payload = new Uint8Array(10_000);
      for (let i = 0; i < 2000; i++) publisher.publish("p", payload);
      await publisher.flush();
      await until("it is full", () => sub.getPending() >= 100);
      for (let i = 0; i < 50; i++) await turn();
      assert.ok(sub.getPending() < 300, `one read beyond the limit at most, not ${sub.getPending()}`);
      let count = 0;
      for await (const _m of sub) if (++count === 2000) break;
      assert.equal(sub.getDropped(), 0);
      await nc.close();
      await publisher.close();
    });

    test("concurrency: no more callbacks at once than asked for, in order, drained to the end", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, ...quick });
      let running = 0;
      let most = 0;
      const order: number[] = [];
      nc.subscribe("c", {
        concurrency: 3,
        callback: async (_error, m) => {
          most = Math.max(most, ++running);
          order.push(Number(m.string()));
          await turn();
          running--;
        },
      });
      for (let i = 0; i < 200; i++) nc.publish("c", String(i));
      await nc.drain();
      assert.equal(most, 3);
      assert.deepEqual(
        order,
        Array.from({ length: 200 }, (_, i) => i),
      );
    });

    test("a callback that throws or rejects is reported, and the next message comes all the same", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, ...quick });
      const told: unknown[] = [];
      nc.on("error", ({ error }) => told.push([(error as { code?: string }).code, (error.cause as Error).message]));
      const sub = nc.subscribe("t", {
        callback: (_error, m) => {
          if (m.string() === "throw") throw new Error("thrown");
          if (m.string() === "reject") return Promise.reject(new Error("rejected"));
          return undefined;
        },
      });
      for (const text of ["throw", "reject", "fine"]) nc.publish("t", text);
      await nc.flush();
      await until("all are processed", () => sub.getProcessed() === 3);
      assert.deepEqual(told, [
        ["ERR_NATS_CALLBACK_FAILED", "thrown"],
        ["ERR_NATS_CALLBACK_FAILED", "rejected"],
      ]);
      await nc.close();
    });

    test("an object with then() that throws inside a callback, and a listener that throws, disturb nobody", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, ...quick });
      nc.on("error", () => {
        throw new Error("in a listener");
      });
      let count = 0;
      nc.subscribe("t", {
        callback: () => {
          count++;
          throw new Error("x");
        },
      });
      for (let i = 0; i < 10; i++) nc.publish("t");
      await nc.flush();
      assert.equal(count, 10);
      await nc.close();
    });

    test("barrier() runs when what was received before it has been handled", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, ...quick });
      let handled = 0;
      nc.subscribe("b", {
        callback: async () => {
          await turn();
          handled++;
        },
      });
      for (let i = 0; i < 20; i++) nc.publish("b");
      await nc.flush();
      await new Promise<void>((resolve) => nc.barrier(resolve));
      assert.equal(handled, 20);
      await nc.close();
    });

    test("drain() of a stuck handler ends at its deadline with DRAIN_TIMEOUT, closed", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, ...quick });
      nc.subscribe("stuck", { callback: () => new Promise(() => {}) });
      nc.publish("stuck");
      await nc.flush();
      await assert.rejects(nc.drain({ timeout: 30 }), { code: "ERR_NATS_DRAIN_TIMEOUT" });
      assert.equal(nc.state, "closed");
    });
  });
}

for (const kind of SERVERS) {
  describe(`publishing without a connection, ${kind.name}`, { skip: kind.skip }, () => {
    for (const policy of ["buffer", "error", "drop"] as const) {
      test(`policy ${policy}`, async () => {
        let server = await kind.start();
        const nc = await connect({
          port: server.port,
          ...quick,
          maxReconnectAttempts: -1,
          offline: { policy, bytes: 1000 },
        });
        const got: string[] = [];
        nc.subscribe("o", { callback: (_error, m) => got.push(m.string()) });
        const gone = nextStatus(nc, "disconnect");
        const back = nextStatus(nc, "reconnect");
        await server.stop();
        await gone;
        if (policy === "error") assert.throws(() => nc.publish("o", "x"), { code: "ERR_NATS_RECONNECTING" });
        else nc.publish("o", "x");
        if (policy === "buffer") {
          const full = (): void => {
            for (let i = 0; i < 100; i++) nc.publish("other", "0123456789");
          };
          assert.throws(full, { code: "ERR_NATS_RECONNECT_BUFFER_EXCEEDED", retryable: true });
        }
        server = await kind.start({ port: server.port });
        await back;
        await nc.flush();
        assert.deepEqual(got, policy === "buffer" ? ["x"] : []);
        await nc.close();
        await server.stop();
      });
    }
  });
}

test("publishing to a server that reads nothing: ready() waits, and beyond the limit publishing throws", async () => {
  let resume = (): void => {};
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    socket.pause();
    resume = () => socket.resume();
  });
  const nc = await connect({ port: server.port, ...quick, outboundBytesMax: 32 * 1024 * 1024 });
  const payload = new Uint8Array(100_000);
  let sent = 0;
  const fill = (): void => {
    for (; sent < 10_000; sent++) nc.publish("a", payload);
  };
  assert.throws(fill, { code: "ERR_NATS_OUTBOUND_FULL" });
  assert.ok(nc.buffered > 30 * 1024 * 1024 && nc.buffered < 33 * 1024 * 1024);
  for (let i = 0; i < 10_000; i++) nc.subscribe("still.possible").unsubscribe();
  await assert.rejects(nc.ready({ timeout: 20 }), { code: "ERR_NATS_TIMEOUT" });
  await assert.rejects(nc.ready({ signal: AbortSignal.timeout(5) }), { name: "TimeoutError" });
  resume();
  await nc.ready();
  assert.ok(nc.buffered <= 2 * 1024 * 1024);
  await nc.close();
});

test("a reconnect buffer keeps whole messages only, and none twice", async () => {
  // The server takes some bytes and then cuts the connection in the middle of many messages.
  const seen: string[] = [];
  let connections = 0;
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    if (++connections === 1) {
      socket.pause();
      return;
    }
    for (;;) {
      const text = await line();
      if (text === "PING") socket.write("PONG\r\n");
      else if (text.startsWith("PUB ")) seen.push((await line()).slice(0, 6));
    }
  });
  const nc = await connect({ port: server.port, ...quick, offline: { bytes: 64 * 1024 * 1024 } });
  const total = 1500;
  for (let i = 0; i < total; i++) {
    nc.publish("n", `${String(i).padStart(6, "0")}${"x".repeat(20_000)}`);
    nc.subscribe("noise").unsubscribe();
  }
  const back = nextStatus(nc, "reconnect");
  await nc.reconnect();
  await back;
  await nc.flush();
  const numbers = seen.map(Number);
  assert.ok(numbers.length > 100);
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, i) => total - numbers.length + i),
    "the last ones, in order, without a gap",
  );
  await nc.close();
});

test("AbortSignal: connect, request, flush, rtt, nextMsg, requestMany and subscriptions end with its reason", async () => {
  const reason = new Error("enough");
  const aborted = (): AbortSignal => AbortSignal.abort(reason);
  const soon = (): AbortSignal => {
    const controller = new AbortController();
    setImmediate(() => controller.abort(reason));
    return controller.signal;
  };
  await using mute = await FakeServer.start((socket) => void socket.write(infoLine()));
  for (const signal of [aborted(), soon()]) await assert.rejects(connect({ port: mute.port, signal }), reason);
  await until("its socket is closed", () => mute.open === 0);
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
  });
  const nc = await connect({ port: server.port, ...quick });
  for (const make of [aborted, soon]) {
    await assert.rejects(nc.request("a", "", { signal: make() }), reason);
    await assert.rejects(nc.request("a", "", { signal: make(), noMux: true }), reason);
    await assert.rejects(nc.flush({ signal: make() }), reason);
    await assert.rejects(nc.rtt({ signal: make() }), reason);
    await assert.rejects(nc.subscribe("a").nextMsg({ signal: make() }), reason);
    await assert.rejects(async () => {
      for await (const _m of await nc.requestMany("a", "", { signal: make() })) assert.fail();
    }, reason);
  }
  const sub = nc.subscribe("a", { signal: soon() });
  for await (const _m of sub) assert.fail();
  assert.ok(sub.isClosed());
  await nc.close();
  const closing = new AbortController();
  const nc2 = await connect({ port: server.port, ...quick, signal: closing.signal });
  closing.abort(reason);
  assert.equal(await nc2.closed(), reason);
});

test("a status iterator that nobody reads keeps a bounded number of statuses", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    await line(); // SUB
    for (let i = 0; i < 3000; i++) socket.write("-ERR 'oops'\r\n");
    socket.end();
  });
  const nc = await connect({ port: server.port, ...quick, reconnect: false });
  const unread = nc.status();
  nc.subscribe("a");
  await nc.closed();
  let count = 0;
  for await (const _status of unread) count++;
  assert.ok(count <= 1024, String(count));
});
