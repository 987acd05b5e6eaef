import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeServer, greet } from "./fixtures/fake-server.ts";
import { SERVERS } from "./fixtures/servers.ts";
import { connect, createInbox, createMsg, headers, InvalidArgumentError, syncIterator } from "./node.ts";
import type { RequestManyOptions } from "./request/options.ts";

for (const kind of SERVERS) {
  describe(`requests, ${kind.name}`, { skip: kind.skip }, () => {
    test("requestMany() ends by each of its strategies, multiplexed and with its own inbox", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      nc.subscribe("many", {
        callback: (_error, m) => {
          for (let i = 0; i < 5; i++) m.respond(String(i));
          m.respond(); // the sentinel
        },
      });
      const collect = async (options: RequestManyOptions): Promise<string[]> => {
        const got: string[] = [];
        for await (const m of await nc.requestMany("many", "", options)) got.push(m.string());
        return got;
      };
      const all = ["0", "1", "2", "3", "4"];
      for (const noMux of [false, true]) {
        assert.deepEqual(await collect({ strategy: "sentinel", noMux }), all);
        assert.deepEqual(await collect({ strategy: "count", maxMessages: 3, noMux }), all.slice(0, 3));
        assert.deepEqual(await collect({ strategy: "stall", stall: 20, maxWait: 5000, noMux }), [...all, ""]);
        assert.deepEqual(await collect({ strategy: "timer", maxWait: 30, noMux }), [...all, ""]);
        assert.deepEqual(await collect({ strategy: "timer", maxMessages: 2, maxWait: 5000, noMux }), all.slice(0, 2));
      }
      await assert.rejects(
        async () => {
          for await (const _m of await nc.requestMany("nobody")) assert.fail();
        },
        { code: "ERR_NATS_NO_RESPONDERS" },
      );
      await assert.rejects(nc.requestMany("a", "", { strategy: "count" }), InvalidArgumentError);
      await assert.rejects(nc.requestMany("a", "", { maxWait: 0 }), InvalidArgumentError);
      const early = await nc.requestMany("many", "", { maxWait: 60_000 });
      for await (const _m of early) break;
      assert.equal(nc.numSubscriptions, 1, "breaking off ends the request");
      await nc.close();
    });

    test("messages can be made, published and answered; status headers of a service arrive", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      nc.subscribe("svc", {
        callback: (_error, m) => {
          const answer = createMsg({
            subject: "unused",
            reply: m.reply ?? "",
            data: "no",
            headers: headers(404, "Not Found"),
          });
          nc.publish(m.reply ?? "", answer.data, { headers: answer.headers ?? {} });
        },
      });
      const answer = await nc.request("svc");
      assert.deepEqual(
        [answer.headers?.code, answer.headers?.description, answer.headers?.hasError],
        [404, "Not Found", true],
      );
      const sub = nc.subscribe("made");
      nc.publishMessage(createMsg({ subject: "made", data: "x", reply: "back", headers: { a: ["1", "2"] } }));
      const msg = await sub.nextMsg();
      assert.deepEqual([msg.reply, msg.headers?.values("a"), msg.string()], ["back", ["1", "2"], "x"]);
      const back = nc.subscribe("back");
      assert.ok(nc.respondMessage(msg));
      assert.equal((await back.nextMsg()).string(), "x");
      assert.equal(nc.respondMessage(createMsg({ subject: "made" })), false);
      assert.equal(createMsg({ subject: "ab", data: "xyz" }).size(), 5);
      await nc.close();
    });

    test("nextMsg() and syncIterator() give one message when asked", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      const inbox = createInbox("_INBOX.mine");
      assert.match(inbox, /^_INBOX\.mine\.\w{22}$/);
      const sub = nc.subscribe(inbox);
      await assert.rejects(sub.nextMsg({ timeout: 5 }), { code: "ERR_NATS_TIMEOUT" });
      nc.publish("nobody.there", "", { reply: inbox });
      await assert.rejects(sub.nextMsg({ timeout: 2000 }), { code: "ERR_NATS_NO_RESPONDERS" });
      nc.publish(inbox, "1");
      assert.equal((await sub.nextMsg()).string(), "1");
      sub.unsubscribe();
      await assert.rejects(sub.nextMsg(), { code: "ERR_NATS_BAD_SUBSCRIPTION" });
      const other = nc.subscribe("one");
      const steps = syncIterator(other);
      nc.publish("one", "2");
      assert.equal((await steps.next())?.string(), "2");
      await nc.close();
      assert.equal(await steps.next(), null);
      assert.throws(() => createInbox("a.>"), InvalidArgumentError);
      assert.throws(() => createInbox("a."), InvalidArgumentError);
    });

    test("a subscription's timeout tells that the first message did not come", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      await assert.rejects(
        async () => {
          for await (const _m of nc.subscribe("never", { timeout: 5 })) assert.fail();
        },
        { code: "ERR_NATS_TIMEOUT" },
      );
      const error = await new Promise((resolve) => nc.subscribe("never", { timeout: 5, callback: resolve }));
      assert.equal((error as { code?: string }).code, "ERR_NATS_TIMEOUT");
      await nc.close();
    });

    test("max_payload is checked before anything is sent", async () => {
      await using server = await kind.start({ config: "max_payload: 100" });
      const nc = await connect({ port: server.port, requestTimeout: 10_000 });
      assert.throws(() => nc.publish("a", new Uint8Array(101)), { code: "ERR_NATS_MAX_PAYLOAD" });
      assert.throws(() => nc.publish("a", new Uint8Array(90), { headers: { a: "b" } }), {
        code: "ERR_NATS_MAX_PAYLOAD",
      });
      await assert.rejects(nc.request("a", new Uint8Array(101)), { code: "ERR_NATS_MAX_PAYLOAD" });
      nc.publish("a", new Uint8Array(100));
      await nc.flush();
      assert.equal(nc.state, "connected");
      await nc.close();
    });
  });
}

test("an answer whose subject was rewritten reaches the only request that waits", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    await line(); // SUB
    await line(); // PUB
    socket.write("MSG mapped.away 1 2\r\nok\r\n");
  });
  const nc = await connect({ port: server.port, requestTimeout: 10_000 });
  assert.equal((await nc.request("a", "", { timeout: 2000 })).string(), "ok");
  await nc.close();
});

test("headers are refused where the server has none", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    const sent = await greet(socket, line, { headers: false });
    assert.match(sent, /"headers":false,"no_responders":false/);
  });
  const nc = await connect({ port: server.port, requestTimeout: 10_000 });
  assert.throws(() => nc.publish("a", "", { headers: { a: "b" } }), { code: "ERR_NATS_HEADERS_NOT_SUPPORTED" });
  await nc.close();
});
