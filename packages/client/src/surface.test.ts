// What connections, subscriptions and errors tell of themselves: getters, counters, codes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connectWith } from "./connect-with.ts";
import { FakeServer, greet } from "./fixtures/fake-server.ts";
import { SERVERS } from "./fixtures/servers.ts";
import { nextStatus, until } from "./fixtures/until.ts";
import {
  CallbackError,
  connect,
  createMsg,
  credsFileAuthenticator,
  DisconnectedError,
  ProtocolError,
  SILENT_LOGGER,
  wsconnect,
} from "./node.ts";
import { createNodeRuntime } from "./runtime-node.ts";

const quick = { requestTimeout: 10_000, reconnectTimeWait: 1, reconnectJitter: 0, logger: SILENT_LOGGER } as const;

/** A server that answers PINGs until it is told to stop. */
async function answering(): Promise<FakeServer> {
  return FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    for (;;) if ((await line()) === "PING") socket.write("PONG\r\n");
  });
}

for (const kind of SERVERS) {
  describe(`what they tell, ${kind.name}`, { skip: kind.skip }, () => {
    test("a connection: its states, addresses, counters and errors", async () => {
      await using server = await kind.start();
      const nc = await connect({ servers: server.url, ...quick });
      assert.deepEqual(
        [nc.isConnected(), nc.isReconnecting(), nc.isDraining(), nc.isClosed()],
        [true, false, false, false],
      );
      assert.equal(nc.remoteAddress, server.url);
      assert.match(nc.localAddress ?? "", /^127\.0\.0\.1:\d+$/);
      const lastError = (): Error | undefined => nc.lastError;
      assert.equal(lastError(), undefined);
      assert.equal(nc.numSubscriptions, 0);
      assert.ok(nc.info !== undefined && nc.info.server_id !== "" && nc.info.max_payload > 0);
      nc.subscribe("json", { callback: (_error, m) => void m.respond(JSON.stringify(m.json())) });
      nc.publishJson("json", { a: [1, null, "ü"] });
      assert.deepEqual(await nc.requestJson("json", { a: [1, null, "ü"] }), { a: [1, null, "ü"] });
      assert.throws(() => nc.publishJson("json", undefined), { code: "ERR_NATS_INVALID_ARGUMENT" });
      const stop = AbortSignal.abort(new Error("no"));
      await assert.rejects(nc.requestJson("json", 1, { signal: stop }), { message: "no" });
      const inboxes = [nc.newInbox(), nc.newInbox()];
      assert.ok(inboxes.every((inbox) => /^_INBOX\.\w{22}$/.test(inbox)) && inboxes[0] !== inboxes[1]);
      nc.subscribe("fails", { callback: () => assert.fail("as it should") });
      nc.publish("fails");
      await nc.flush();
      assert.ok(lastError() instanceof CallbackError);
      const draining = nc.drain();
      assert.deepEqual([nc.isDraining(), nc.state], [true, "draining"]);
      assert.throws(() => nc.subscribe("a"), { code: "ERR_NATS_CONNECTION_DRAINING" });
      await draining;
      assert.deepEqual([nc.isDraining(), nc.isClosed(), nc.remoteAddress], [false, true, null]);
    });

    test("a subscription: its subject, queue, limits and counters", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, inboxPrefix: "_INBOX.bob", ...quick });
      assert.match(nc.newInbox(), /^_INBOX\.bob\.\w{22}$/);
      const sub = nc.subscribe("a.*", { queue: "q", pending: { msgs: 100, bytes: 1000 }, max: 5 });
      assert.deepEqual([sub.getSubject(), sub.getQueue(), sub.getMax(), sub.getID()], ["a.*", "q", 5, 1]);
      assert.deepEqual(sub.getPendingLimits(), { msgs: 100, bytes: 1000, policy: "drop" });
      for (let i = 0; i < 3; i++) nc.publish("a.b", "12345");
      await nc.flush();
      assert.deepEqual([sub.getReceived(), sub.getProcessed(), sub.getPending(), sub.getPendingBytes()], [3, 0, 3, 15]);
      assert.equal((await sub.nextMsg()).string(), "12345");
      assert.deepEqual([sub.getReceived(), sub.getProcessed(), sub.getPending(), sub.getDropped()], [3, 1, 2, 0]);
      assert.deepEqual(sub.getMaxPending(), { msgs: 3, bytes: 15 });
      sub.clearMaxPending();
      assert.deepEqual(sub.getMaxPending(), { msgs: 0, bytes: 0 });
      await assert.rejects(sub.nextMsg({ signal: AbortSignal.abort(new Error("no")) }), { message: "no" });
      const drained = sub.drain();
      assert.ok(sub.isDraining());
      await drained;
      const ended = nc.subscribe("b");
      ended.unsubscribe();
      await assert.rejects(ended.drain(), { code: "ERR_NATS_BAD_SUBSCRIPTION" });
      await nc.close();
    });

    test("errors of requests and messages have their codes", async () => {
      await using server = await kind.start();
      const nc = await connect({ port: server.port, ...quick });
      await assert.rejects(nc.request("nobody"), (error: Error & { code: string; cause: { code: string } }) => {
        assert.deepEqual([error.code, error.cause.code], ["ERR_NATS_REQUEST", "ERR_NATS_NO_RESPONDERS"]);
        return true;
      });
      assert.throws(() => nc.publish("a b"), { code: "ERR_NATS_BAD_SUBJECT" });
      assert.throws(() => nc.subscribe("a..b"), { code: "ERR_NATS_BAD_SUBJECT" });
      assert.throws(() => nc.subscribe("a", { queue: "q q" }), { code: "ERR_NATS_BAD_QUEUE" });
      assert.throws(() => createMsg({ subject: "a", reply: "b" }).respond(), { code: "ERR_NATS_MSG_NO_REPLY" });
      await nc.close();
    });
  });
}

test("flush() and rtt() under way reject when the connection is lost, and what was half sent is counted", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    while ((await line()) !== "PING") continue;
    socket.destroy();
  });
  const nc = await connect({ port: server.port, ...quick });
  const lost = nextStatus(nc, "disconnect");
  const flushed = nc.flush();
  const measured = nc.rtt();
  await assert.rejects(
    flushed,
    (error) => error instanceof DisconnectedError && error.code === "ERR_NATS_DISCONNECTED",
  );
  await assert.rejects(measured, { code: "ERR_NATS_DISCONNECTED" });
  assert.equal((await lost).unconfirmed, 0, "all of it was taken");
  assert.equal(nc.isConnected(), false);
  assert.ok(nc.isReconnecting());
  await nc.close();
});

test("a server that is not there is refused, one that speaks something else a ProtocolError", async () => {
  const gone = await FakeServer.start(() => {});
  await gone[Symbol.asyncDispose]();
  for (const [open, scheme] of [
    [connect, "nats"],
    [wsconnect, "ws"],
  ] as const) {
    const refused = open({ servers: `${scheme}://127.0.0.1:${gone.port}`, ...quick });
    await assert.rejects(refused, (error: Error & { code: string; errors: Array<{ code: string }> }) => {
      assert.deepEqual([error.code, error.errors[0]?.code], ["ERR_NATS_NO_SERVERS", "ERR_NATS_CONNECTION_REFUSED"]);
      return true;
    });
  }
  await using http = await FakeServer.start((socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\n"));
  await assert.rejects(connect({ port: http.port, ...quick }), (error) => error instanceof ProtocolError);
  await assert.rejects(connect({ port: http.port, authenticator: credsFileAuthenticator("/none.creds"), ...quick }));
  await using asking = await FakeServer.start(async (socket, line) => void (await greet(socket, line, { nonce: "n" })));
  const authenticator = credsFileAuthenticator("/none.creds");
  await assert.rejects(connect({ port: asking.port, authenticator, ...quick }), { code: "ERR_NATS_BAD_CREDENTIALS" });
});

test("an -ERR without a class is a ProtocolError as a status, and goes to the console when nobody listens", async (t) => {
  const printed: string[] = [];
  t.mock.method(console, "error", (text: string) => printed.push(text));
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    socket.write("-ERR 'the moon is full'\r\n");
    for (;;) if ((await line()) === "PING") socket.write("PONG\r\n");
  });
  const nc = await connect({ port: server.port, reconnectTimeWait: 1 });
  await until("it is printed", () => printed.length > 0);
  assert.match(printed.join(), /the moon is full/);
  assert.ok(nc.lastError instanceof ProtocolError && nc.lastError.code === "ERR_NATS_PROTOCOL");
  assert.ok(nc.isConnected());
  await nc.close();
});

test("flushTimeout, drainTimeout, reconnectJitterTLS and the delay handler's random do what they say", async () => {
  await using silent = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  const slow = await connect({ port: silent.port, flushTimeout: 20, ...quick });
  await assert.rejects(slow.flush(), { code: "ERR_NATS_TIMEOUT" });
  await assert.rejects(slow.rtt(), { code: "ERR_NATS_TIMEOUT" });
  await slow.close();
  await using server = await answering();
  const drawn: number[] = [];
  const asked = await connect({
    port: server.port,
    ...quick,
    reconnectDelayHandler: (_attempt, random) => {
      drawn.push(random(), random());
      return 0;
    },
  });
  const back = nextStatus(asked, "reconnect");
  await asked.reconnect();
  await back;
  assert.ok(drawn.length >= 2 && drawn.every((value) => value >= 0 && value < 1));
  await asked.close();
  await using sending = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    for (;;) {
      const text = await line();
      if (text === "PING") socket.write("PONG\r\n");
      if (text === "SUB a 1") socket.write("MSG a 1 0\r\n\r\n");
    }
  });
  const stuck = await connect({ port: sending.port, drainTimeout: 100, ...quick });
  stuck.subscribe("a", { callback: () => new Promise(() => {}) });
  await until("it is stuck", () => stuck.stats().inMsgs === 1);
  await assert.rejects(stuck.drain(), { code: "ERR_NATS_DRAIN_TIMEOUT" });
  assert.ok(stuck.isClosed());
  for (const name of ["reconnectJitter", "reconnectJitterTLS"] as const) {
    await assert.rejects(connect({ port: server.port, [name]: -1 }), new RegExp(`'${name}' must be a number`));
  }
});

test("the wait is reconnectTimeWait, and jitter: reconnectJitter, or reconnectJitterTLS for tls://", async () => {
  const gone = await FakeServer.start(() => {});
  await gone[Symbol.asyncDispose]();
  const WAIT = 1_000_000;
  for (const [scheme, jitter] of [
    ["nats", 100],
    ["tls", 30_000],
  ] as const) {
    const waits: number[] = [];
    const runtime = createNodeRuntime();
    const { clock } = runtime;
    const recording = {
      wallMs: () => clock.wallMs(),
      turnMs: () => clock.turnMs(),
      wallNs: () => clock.wallNs(),
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (ms: number, run: () => void, keeps?: boolean) => {
        if (ms >= WAIT) waits.push(ms);
        return clock.setTimer(ms >= WAIT ? 0 : ms, run, keeps);
      },
    };
    // Chance at its largest.
    const random = { uint32: () => 0xffff_ffff, fillSecret: (bytes: Uint8Array) => runtime.random.fillSecret(bytes) };
    const options = {
      servers: `${scheme}://127.0.0.1:${gone.port}`,
      retryOnFailedConnect: true,
      reconnectTimeWait: WAIT,
      reconnectJitter: 100,
      reconnectJitterTLS: 30_000,
      maxReconnectAttempts: -1,
      logger: SILENT_LOGGER,
    };
    const nc = await connectWith({ ...runtime, clock: recording, random }, options, "nats", () => assert.fail());
    await until("it has waited", () => waits.length > 2);
    await nc.close();
    assert.ok(
      waits.every((wait) => Math.round(wait) === WAIT + jitter),
      `${scheme}: ${waits.slice(0, 3).join()}`,
    );
  }
});
