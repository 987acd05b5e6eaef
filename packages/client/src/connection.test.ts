import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SERVERS } from "./fixtures/servers.ts";
import { nextStatus } from "./fixtures/until.ts";
import { connect } from "./node.ts";

for (const kind of SERVERS) {
  describe(`a connection to a server, ${kind.name}`, { skip: kind.skip }, () => {
    test("connect() takes a URL, publish() and subscribe() carry subject, reply, headers and payload", async () => {
      await using server = await kind.start();
      const nc = await connect(`nats://${server.url}`);
      assert.equal(nc.state, "connected");
      assert.equal(nc.getServer(), server.url);
      assert.equal(nc.info?.proto, 1);
      const got: unknown[] = [];
      const sub = nc.subscribe("a.*", {
        callback: (error, m) => {
          assert.equal(error, null);
          got.push([m.subject, m.reply, m.string(), m.headers?.get("Key"), m.sid]);
        },
      });
      nc.publish("a.b", "hällo");
      nc.publish("a.ü", new Uint8Array([65, 66]), { reply: "r.s", headers: { Key: "value" } });
      nc.publish("a.c");
      await nc.flush();
      assert.deepEqual(got, [
        ["a.b", "", "hällo", undefined, sub.getID()],
        ["a.ü", "r.s", "AB", "value", sub.getID()],
        ["a.c", "", "", undefined, sub.getID()],
      ]);
      assert.deepEqual(nc.stats(), { inMsgs: 3, inBytes: 32, outMsgs: 3, outBytes: 32, reconnects: 0 });
      assert.ok((await nc.rtt()) > 0);
      await nc.close();
      assert.equal(await nc.closed(), undefined);
      assert.throws(() => nc.publish("a"), { code: "ERR_NATS_CONNECTION_CLOSED" });
      assert.throws(() => nc.subscribe("a"), { code: "ERR_NATS_CONNECTION_CLOSED" });
      await assert.rejects(nc.flush(), { code: "ERR_NATS_CONNECTION_CLOSED" });
      await assert.rejects(nc.request("a"), { code: "ERR_NATS_CONNECTION_CLOSED" });
    });

    test("messages of every size arrive whole and in order", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      const sizes = [0, 1, 9, 10, 31, 32, 33, 99, 100, 1000, 65_000, 65_536, 70_000, 1_048_576, 5, 999_999, 3];
      const got: number[] = [];
      nc.subscribe("size", {
        callback: (_error, m) => {
          const data = m.data;
          assert.ok(data.every((byte, index) => byte === ((index * 7 + data.length) & 0xff)));
          got.push(data.length);
        },
      });
      const payload = new Uint8Array(1_048_576);
      for (const size of sizes) {
        const part = payload.subarray(0, size);
        for (let i = 0; i < size; i++) part[i] = (i * 7 + size) & 0xff;
        nc.publish("size", part);
        part.fill(0xee); // the caller's again at once
      }
      await nc.flush();
      assert.deepEqual(got, sizes);
      await nc.close();
    });

    test("an iterator ends by break, by max and with the connection", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      const broken = nc.subscribe("it");
      const limited = nc.subscribe("it", { max: 2 });
      const open = nc.subscribe("it");
      for (let i = 0; i < 5; i++) nc.publish("it", String(i));
      await nc.flush();
      for await (const m of broken) if (m.string() === "1") break;
      assert.ok(broken.isClosed());
      const seen: string[] = [];
      for await (const m of limited) seen.push(m.string());
      assert.deepEqual(seen, ["0", "1"]);
      assert.equal(open.getPending(), 5);
      await nc.close();
      let rest = 0;
      for await (const _m of open) rest++;
      assert.equal(rest, 5, "what was received is still given");
    });

    test("queue groups get one copy each", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      let one = 0;
      let two = 0;
      nc.subscribe("q", { queue: "w", callback: () => one++ });
      nc.subscribe("q", { queue: "w", callback: () => two++ });
      for (let i = 0; i < 100; i++) nc.publish("q");
      await nc.flush();
      assert.equal(one + two, 100);
      assert.ok(one > 0 && two > 0);
      await nc.close();
    });

    test("request() answers, times out, and tells that there are no responders; multiplexed and with its own inbox", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      nc.subscribe("echo", { callback: (_error, m) => m.respond(m.data, { headers: { Was: m.subject } }) });
      nc.subscribe("silent", { callback: () => {} });
      for (const noMux of [false, true]) {
        const answer = await nc.request("echo", "ping", { noMux });
        assert.equal(answer.string(), "ping");
        assert.equal(answer.headers?.get("Was"), "echo");
        await assert.rejects(nc.request("silent", "", { noMux, timeout: 20 }), { code: "ERR_NATS_TIMEOUT" });
        const refused = nc.request("nobody", "", { noMux });
        await assert.rejects(refused, (error: { isNoResponders(): boolean; cause: { code: string } }) => {
          return error.isNoResponders() && error.cause.code === "ERR_NATS_NO_RESPONDERS";
        });
      }
      const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => nc.request("echo", String(i))));
      assert.deepEqual(
        answers.map((m) => Number(m.string())),
        Array.from({ length: 1000 }, (_, i) => i),
      );
      assert.deepEqual(await nc.requestJson("echo", { a: 1 }), { a: 1 });
      assert.equal(nc.numSubscriptions, 2, "inboxes of finished requests are gone");
      await nc.close();
    });

    test("unsubscribe(max) counts what was received before", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      let count = 0;
      const sub = nc.subscribe("m", { callback: () => count++ });
      for (let i = 0; i < 3; i++) nc.publish("m");
      await nc.flush();
      sub.unsubscribe(5);
      for (let i = 0; i < 10; i++) nc.publish("m");
      await nc.flush();
      assert.equal(count, 5);
      assert.ok(sub.isClosed());
      assert.equal(await sub.closed, undefined);
      await nc.close();
    });

    test("a lost connection comes back with its subscriptions, and with what was published meanwhile, in order", async () => {
      let server = await kind.start();
      const nc = await connect({
        port: server.port,
        reconnectTimeWait: 5,
        reconnectJitter: 0,
        maxReconnectAttempts: -1,
      });
      const got: string[] = [];
      const sub = nc.subscribe("r", { callback: (_error, m) => got.push(m.string()), max: 200 });
      nc.publish("r", "before");
      await nc.flush();
      const disconnected = nextStatus(nc, "disconnect");
      const back = nextStatus(nc, "reconnect");
      await server.stop();
      await disconnected;
      assert.equal(nc.state, "reconnecting");
      for (let i = 0; i < 100; i++) nc.publish("r", String(i));
      server = await kind.start({ port: server.port });
      await back;
      await nc.flush();
      assert.deepEqual(got, ["before", ...Array.from({ length: 100 }, (_, i) => String(i))]);
      assert.equal(nc.stats().reconnects, 1);
      assert.equal(sub.isClosed(), false);
      await nc.drain();
      await server.stop();
    });

    test("drain() waits for iterators and asynchronous callbacks, lets handlers publish and request, then closes", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      const other = await connect({ port: server.port, requestTimeout: 10_000 });
      const answers: string[] = [];
      other.subscribe("ask", { callback: (_error, m) => m.respond("fine") });
      other.subscribe("out", { callback: (_error, m) => answers.push(m.string()) });
      await other.flush();
      let handled = 0;
      nc.subscribe("work", {
        callback: async (_error, m) => {
          const answer = await nc.request("ask");
          nc.publish("out", `${m.string()} ${answer.string()}`);
          handled++;
        },
      });
      const iterated = nc.subscribe("work");
      const loop = (async () => {
        let count = 0;
        for await (const _m of iterated) {
          await new Promise((resolve) => setImmediate(resolve));
          count++;
        }
        return count;
      })();
      for (let i = 0; i < 50; i++) nc.publish("work", String(i));
      await nc.flush();
      const draining = nc.drain();
      assert.throws(() => nc.subscribe("x"), { code: "ERR_NATS_CONNECTION_DRAINING" });
      assert.equal(nc.drain(), draining, "a second drain is the first");
      await draining;
      assert.equal(handled, 50);
      assert.equal(await loop, 50);
      await other.flush();
      assert.equal(answers.length, 50);
      assert.ok(nc.isClosed());
      await other.close();
    });
  });
}
