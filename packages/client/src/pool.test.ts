import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { nextStatus, until } from "./fixtures/until.ts";
import { backoff, connect, exponentialBackoff, SILENT_LOGGER } from "./node.ts";
import { gossipedAddress, parseServerAddress, redacted } from "./servers/address.ts";
import { ServerPool } from "./servers/pool.ts";
import { readServers } from "./servers/read-servers.ts";

const quick = { reconnectTimeWait: 1, reconnectJitter: 0, logger: SILENT_LOGGER } as const;

test("parseServerAddress() reads every form", () => {
  const cases: Array<[string, string, string, unknown]> = [
    ["host", "nats", "host:4222", null],
    ["host:99", "nats", "host:99", null],
    ["nats://u:p%40@h", "nats", "h:4222", { user: "u", pass: "p@" }],
    ["tok@h:1", "nats", "h:1", { token: "tok" }],
    ["tls://h", "tls", "h:4222", null],
    ["ws://h", "ws", "h:80", null],
    ["wss://h/a?b=c", "wss", "h:443", null],
    ["[::1]:5", "nats", "[::1]:5", null],
    ["NATS://H:1", "nats", "H:1", null],
  ];
  for (const [text, scheme, listen, credentials] of cases) {
    const address = parseServerAddress(text);
    assert.deepEqual([address.scheme, address.listen, address.credentials], [scheme, listen, credentials], text);
  }
  assert.equal(parseServerAddress("wss://h/a?b=c").path, "/a?b=c");
  for (const bad of ["http://h", "nats://", "h:99999", "h:x", "a b"]) {
    assert.throws(() => parseServerAddress(bad), { code: "ERR_NATS_INVALID_ARGUMENT" }, bad);
  }
  assert.throws(
    () => parseServerAddress("nats://u:hush@[bad"),
    (error: Error) => !error.message.includes("hush"),
  );
  assert.equal(redacted("nats://u:hush@h:1"), "nats://***@h:1");
});

test("readServers() takes comma lists, refuses none and mixed ones", () => {
  assert.deepEqual(
    readServers("a, b:1 ,c,").map((address) => address.listen),
    ["a:4222", "b:1", "c:4222"],
  );
  assert.throws(() => readServers(" , "), { code: "ERR_NATS_INVALID_ARGUMENT" });
  assert.throws(() => readServers(["ws://a", "nats://b"]), { code: "ERR_NATS_INVALID_ARGUMENT" });
});

test("gossip keeps scheme, credentials, and for IP addresses the name that the certificate is for", () => {
  const from = parseServerAddress("tls://u:p@named.example:1");
  const ip = gossipedAddress("10.1.1.1:5", from);
  assert.deepEqual(
    [ip.scheme, ip.tlsName, ip.credentials, ip.gossiped],
    ["tls", "named.example", from.credentials, true],
  );
  assert.equal(gossipedAddress("nats://other:5", from).scheme, "tls");
  assert.equal(gossipedAddress("other:5", from).tlsName, "other");
});

test("ServerPool keeps the first in front, shuffles the others, lets gossiped ones come and go", () => {
  const addresses = readServers(Array.from({ length: 20 }, (_, i) => `h${i}`));
  const pool = new ServerPool(addresses, new SimRandom(1), true);
  assert.equal(pool.entries[0]?.address.hostname, "h0");
  assert.notDeepEqual(
    pool.entries.map((entry) => entry.address),
    addresses,
  );
  const ordered = new ServerPool(addresses, new SimRandom(1), false);
  assert.deepEqual(
    ordered.entries.map((entry) => entry.address),
    addresses,
  );
  const small = new ServerPool(readServers("a,b"), new SimRandom(1), true);
  const first = small.entries[0];
  assert.ok(first);
  assert.deepEqual(small.update(["x:1", "y:1", "a:4222"], first.address), { added: ["x:1", "y:1"], deleted: [] });
  assert.equal(small.entries.length, 4);
  const used = small.entries.find((entry) => entry.address.listen === "y:1");
  assert.ok(used);
  small.use(used);
  assert.deepEqual(small.update(["z:1"], first.address), { added: ["z:1"], deleted: ["x:1"] });
  assert.ok(small.entries.includes(used), "the one in use stays");
  assert.deepEqual(small.update(["x:1", "z:1"], first.address).added, [], "seen before");
  assert.deepEqual(small.update([], first.address), { added: [], deleted: [] });
  used.attempts = 2;
  small.retire(used, 2);
  assert.ok(!small.entries.includes(used));
});

test("exponentialBackoff() and backoff() give the waits that they promise", () => {
  const wait = exponentialBackoff({ first: 10, max: 1000, jitter: 0 });
  const waits = [1, 2, 3, 4, 20].map((attempt) => wait(attempt, () => 0));
  assert.deepEqual(waits, [0, 10, 20, 40, 1000]);
  assert.equal(
    exponentialBackoff({ jitter: 1 })(2, () => 0.75),
    2.5,
  );
  assert.equal(backoff([0, 100]).backoff(0), 0);
  assert.ok(backoff([0, 100]).backoff(9) >= 50);
});

test("connect() goes through the pool, tells refused servers, and reconnects to another one", async () => {
  await using one = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  await using two = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  const gone = await FakeServer.start(() => {});
  const refusedPort = gone.port;
  await gone[Symbol.asyncDispose]();
  await assert.rejects(connect({ port: refusedPort, ...quick }), { code: "ERR_NATS_NO_SERVERS" });
  const servers = [`127.0.0.1:${refusedPort}`, `127.0.0.1:${one.port}`, `127.0.0.1:${two.port}`];
  const nc = await connect({ servers, noRandomize: true, ...quick });
  assert.equal(nc.getServer(), servers[1]);
  const back = nextStatus(nc, "reconnect");
  await nc.reconnect();
  assert.equal((await back).server, servers[2]);
  await nc.close();
});

test("reconnectToServer, setServers and the attempts of the delay handler decide where and when", async () => {
  await using one = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  await using two = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  const listen = (server: FakeServer): string => `127.0.0.1:${server.port}`;
  let wish: string | null = null;
  const nc = await connect({
    servers: [listen(one), listen(two)],
    ...quick,
    reconnectToServer: (pool) => {
      if (wish === "nowhere:1")
        return { listen: wish, hostname: "nowhere", port: 1, gossiped: false, attempts: 0, lastError: null };
      return pool.find((server) => server.listen === wish) ?? null;
    },
  });
  for (const target of [listen(two), listen(two), listen(one)]) {
    wish = target;
    const back = nextStatus(nc, "reconnect");
    await nc.reconnect();
    assert.equal((await back).server, target);
  }
  const told = nextStatus(nc, "error");
  const back = nextStatus(nc, "reconnect");
  wish = "nowhere:1";
  await nc.reconnect();
  assert.equal(((await told).error as Error & { code: string }).code, "ERR_NATS_SERVER_NOT_IN_POOL");
  await back;
  wish = null;
  nc.setServers(listen(two));
  const again = nextStatus(nc, "reconnect");
  await nc.reconnect();
  assert.equal((await again).server, listen(two));
  await nc.close();
});

test("functions of the user that throw are reported, and the usual choice is taken", async () => {
  await using server = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  const told: string[] = [];
  let broken = false;
  const nc = await connect({
    port: server.port,
    ...quick,
    reconnectToServer: () => {
      if (broken) throw new Error("no idea where");
      return null;
    },
    reconnectDelayHandler: () => {
      throw new Error("no idea when");
    },
  });
  nc.on("error", ({ error }) => told.push(error.message));
  broken = true;
  const back = nextStatus(nc, "reconnect");
  await nc.reconnect();
  await back;
  assert.deepEqual(told, ["no idea where", "no idea when"]);
  await nc.close();
});

test("attempts are counted, bounded per server, and end in NO_SERVERS", async () => {
  const server = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  const attempts: number[] = [];
  const nc = await connect({
    port: server.port,
    logger: SILENT_LOGGER,
    maxReconnectAttempts: 3,
    reconnectDelayHandler: (attempt) => {
      attempts.push(attempt);
      return 1;
    },
  });
  await server[Symbol.asyncDispose]();
  const error = await nc.closed();
  assert.equal((error as Error & { code: string }).code, "ERR_NATS_NO_SERVERS");
  assert.deepEqual(attempts, [1, 2, 3]);
});

test("waitOnFirstConnect keeps connect() pending, retryOnFailedConnect gives a connection that buffers", async () => {
  const reserved = await FakeServer.start(() => {});
  const { port } = reserved;
  await reserved[Symbol.asyncDispose]();
  const waiting = connect({ port, ...quick, waitOnFirstConnect: true, maxReconnectAttempts: -1 });
  const early = await connect({ port, ...quick, retryOnFailedConnect: true, maxReconnectAttempts: -1 });
  assert.equal(early.state, "reconnecting");
  early.publish("a", "held");
  await assert.rejects(early.drain(), { code: "ERR_NATS_RECONNECTING" });
  await early.close();
  const controller = new AbortController();
  const aborted = connect({
    port,
    ...quick,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    signal: controller.signal,
  });
  controller.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  // Nobody else takes the port in between, as a rule; if somebody does, the connection goes to them and not here.
  const { createServer } = await import("node:net");
  const server = createServer((socket) => {
    socket.write(infoLine());
    socket.on("data", () => socket.write("PONG\r\n"));
    socket.on("error", () => {});
  }).listen(port, "127.0.0.1");
  const nc = await waiting;
  assert.equal(nc.state, "connected");
  await nc.close();
  server.close();
});

test("lame duck and cluster changes are told with their server", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    await line(); // SUB
    socket.write(infoLine({ connect_urls: ["10.0.0.1:4222"] }));
    socket.write(infoLine({ connect_urls: ["10.0.0.1:4222"], ldm: true }));
    socket.write(infoLine({ connect_urls: ["10.0.0.2:4222"], ldm: true }));
  });
  const nc = await connect({ port: server.port, ...quick });
  const told: unknown[] = [];
  void (async () => {
    for await (const status of nc.status()) told.push(status);
  })();
  nc.subscribe("go");
  await until("all is told", () => told.length === 3);
  assert.deepEqual(told, [
    { type: "update", added: ["10.0.0.1:4222"], deleted: [] },
    { type: "ldm", server: `127.0.0.1:${server.port}` },
    { type: "update", added: ["10.0.0.2:4222"], deleted: ["10.0.0.1:4222"] },
  ]);
  assert.equal(nc.getServers().filter((entry) => entry.gossiped).length, 1);
  await nc.close();
});
