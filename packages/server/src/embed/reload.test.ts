import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createPlainArena } from "@myelin/platform/node";
import { RawClient, waitFor } from "@myelin/testing";
import type { Authenticate, AuthenticatedUser, AuthenticationRefusal } from "../auth/user-function.ts";
import type { UserGiven } from "../auth/user-given.ts";
import { ConfigError } from "../config/problem.ts";
import { type Logger, SILENT_LOGGER } from "../logger.ts";
import { OptionsError } from "../options.ts";
import { ReloadError } from "../reload/plan.ts";
import { createServer, type EmbeddedServer, type EmbeddedServerOptions, ServerStateError } from "./embedded-server.ts";

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

test("reload() asks authenticate again for every client, and takes another function", async () => {
  const answers = new Map<string, AuthenticatedUser | AuthenticationRefusal>([
    ["ann", {}],
    ["bob", {}],
    ["joe", {}],
  ]);
  const asked: string[] = [];
  const authenticate: Authenticate = ({ user }) => {
    asked.push(user);
    return answers.get(user) ?? { refuse: "unknown" };
  };
  await using server = await createServer({ authenticate, accounts: ["A"] });
  const [ann, bob, joe] = await Promise.all(
    [...answers.keys()].map(async (user) => {
      const client = await RawClient.connect(server.url);
      await client.handshake({ user });
      client.send("SUB news 1\r\nSUB own 2\r\n");
      return client;
    }),
  );
  assert.ok(ann && bob && joe);
  answers.set("ann", { permissions: { subscribe: ["own"] } });
  answers.set("bob", { account: "A" });
  answers.delete("joe");
  asked.length = 0;
  await server.reload();
  assert.deepEqual(asked.toSorted(), ["ann", "bob", "joe"]);
  await ann.expect(/-ERR 'Permissions Violation for Subscription to "news" \(sid "1"\)'\r\n/);
  await bob.ended();
  assert.doesNotMatch(bob.text, /-ERR/);
  await joe.expect(/-ERR 'Authorization Violation'\r\n/);
  assert.equal(server.subscriptionCount, 1);
  await server.reload({ authenticate: () => ({ refuse: "nobody any more" }) });
  await ann.expect(/-ERR 'Authorization Violation'\r\n/);
  await ann.ended();
  await assert.rejects(server.reload({ user: "joe" }), OptionsError);
  // The function goes, and the options say who may come in.
  await server.reload({ authenticate: undefined, token: "s3cret" });
  const late = await RawClient.connect(server.url);
  await late.handshake({ auth_token: "s3cret" });
  late.close();
});

test("reload() closes nobody whom the same user or token still lets in", async () => {
  await using server = await createServer({ user: "joe", pass: "p" });
  const joe = await RawClient.connect(server.url);
  await joe.handshake({ user: "joe", pass: "p" });
  await server.reload({ debug: true });
  await server.reload({ authTimeoutMs: 500 });
  // As a user who needs no password, and in a list.
  await server.reload({ user: undefined, pass: undefined });
  await server.reload({ users: [{ user: "joe", pass: "p" }] });
  joe.send("PING\r\n");
  await joe.expect(/PONG\r\n/);
  assert.equal(server.connectionCount, 1);
  joe.close();
});

test("reload() closes nobody who comes without credentials when the password of no_auth_user changes", async () => {
  await using server = await createServer({ users: [{ user: "guest", pass: "p" }], noAuthUser: "guest" });
  const [anonymous, silent, named] = await Promise.all([1, 2, 3].map(() => RawClient.connect(server.url)));
  assert.ok(anonymous && silent && named);
  await anonymous.handshake();
  silent.send("SUB a 1\r\nPING\r\n");
  await silent.expect(/PONG\r\n/);
  await named.handshake({ user: "guest", pass: "p" });
  await server.reload({ users: [{ user: "guest", pass: "q" }] });
  await named.expect(/-ERR 'Authorization Violation'\r\n/);
  for (const client of [anonymous, silent]) {
    client.send("PING\r\n");
    await client.expect(/PONG\r\n/);
    client.close();
  }
});

test("reload() leaves the port of WebSocket where it is, and changes nothing else of it", async () => {
  const webSocket = { port: -1, host: "127.0.0.1", noTls: true };
  await using server = await createServer({ webSocket });
  const { webSocketPort } = server.core;
  assert.deepEqual((await server.reload({ webSocket: { ...webSocket } })).changed, []);
  assert.deepEqual((await server.reload({ webSocket: { ...webSocket, port: webSocketPort } })).changed, []);
  const secret = "s3cret";
  await assert.rejects(server.reload({ webSocket: { ...webSocket, compression: true, token: secret } }), (error) => {
    assert.ok(error instanceof ReloadError);
    assert.match(error.message, /^config reload not supported for Websocket: old={compression:false token:/);
    assert.doesNotMatch(error.message, /s3cret/);
    return true;
  });
  await assert.rejects(server.reload({ webSocket: {} }), ReloadError);
  assert.equal(server.core.webSocketPort, webSocketPort);
  await using without = await createServer();
  await assert.rejects(without.reload({ webSocket }), ReloadError);
});

test("reload() lets accounts come and go", async () => {
  const users = [
    { user: "a", pass: "p", account: "A" },
    { user: "b", pass: "p", account: "B" },
  ];
  await using server = await createServer({ accounts: ["A", "B"], users });
  const { core } = server;
  const [a, b] = await Promise.all(
    users.map(async ({ pass, user }) => {
      const client = await RawClient.connect(server.url);
      await client.handshake({ user, pass });
      client.send("SUB x 1\r\nPING\r\n");
      await client.expect(/PONG\r\n/);
      return client;
    }),
  );
  assert.ok(a && b);
  const accountB = core.accounts.get("B");
  await server.reload({ accounts: ["B", "C"], users: users.slice(1) });
  await a.ended();
  assert.deepEqual([...core.accounts.keys()].toSorted(), ["$G", "$SYS", "B", "C"]);
  assert.equal(core.accounts.get("B"), accountB);
  assert.equal(accountB?.sublist.count, 1);
  await server.reload({ accounts: ["A", "B"], users });
  const again = await RawClient.connect(server.url);
  await again.handshake({ user: "a", pass: "p" });
  b.send("PING\r\n");
  await b.expect(/PONG\r\n/);
  for (const client of [again, b]) client.close();
});

/** Clients of one user, each with ten subscriptions, so that asking for all of them again takes several turns. */
async function crowdOf(server: EmbeddedServer, size: number): Promise<RawClient[]> {
  const crowd = Array.from({ length: size }, () => new RawClient(server.connectInProcess()));
  const subs = Array.from({ length: 10 }, (_, at) => `SUB a.${at} ${at + 1}\r\n`).join("");
  await Promise.all(crowd.map((client) => client.handshake({ user: "u", pass: "p" })));
  for (const client of crowd) client.send(`${subs}SUB b 11\r\n`);
  await waitFor(() => server.subscriptionCount === size * 11);
  return crowd;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const CROWD = 400;
const WIDE: UserGiven = { user: "u", pass: "p" };
const NARROW: UserGiven = { ...WIDE, permissions: { publish: "b", subscribe: "b" } };
const WRITER: UserGiven = { user: "w", pass: "p" };

test("reload() asks for a crowd in slices: others have their turn, and nobody acts by the old rules", async () => {
  await using server = await createServer({ port: -1, users: [WIDE, WRITER] });
  const crowd = await crowdOf(server, CROWD);
  const writer = new RawClient(server.connectInProcess());
  await writer.handshake({ user: "w", pass: "p" });
  let isOver = false;
  const reloaded = server.reload({ users: [NARROW, WRITER] }).then(() => {
    isOver = true;
  });
  await turn();
  await turn();
  const last = crowd.at(-1) as RawClient;
  const subscriptions = server.subscriptionCount;
  assert.ok(!isOver && subscriptions > CROWD && subscriptions < CROWD * 11, `${subscriptions} subscriptions`);
  // A client whose turn has not come acts by the new rules, and loses by the same what it may not have.
  last.text = "";
  last.send("PUB a.1 1\r\nx\r\nSUB a.1 12\r\nPING\r\n");
  await last.expect(
    /Subscription to "a.9" \(sid "10"\)'\r\n-ERR 'Permissions Violation for Publish to "a.1"'\r\n-ERR 'Permissions Violation for Subscription to "a.1"'\r\nPONG\r\n/,
  );
  assert.equal(isOver, false);
  // One who comes meanwhile is let in by the new rules.
  const late = new RawClient(server.connectInProcess());
  await late.handshake({ user: "u", pass: "p" });
  late.send("SUB a.1 1\r\n");
  await late.expect(/Permissions Violation for Subscription to "a.1"/);
  await reloaded;
  // From here on nobody has what was taken from him, and everybody has the rest.
  assert.equal(server.subscriptionCount, CROWD);
  writer.send("PUB a.1 1\r\nx\r\nPUB b 1\r\ny\r\n");
  for (const client of crowd) {
    const { index, input } = await client.expect(/MSG b 11 1\r\ny\r\n/);
    assert.doesNotMatch(input.slice(0, index), /MSG/);
  }
});

test("reload() while the one before is not over: the last rules hold when both are", async () => {
  await using server = await createServer({ port: -1, users: [WIDE] });
  await crowdOf(server, CROWD);
  const first = server.reload({ users: [NARROW] });
  await turn();
  await turn();
  const second = server.reload({ users: [{ ...WIDE, permissions: { subscribe: "a.1" } }] });
  await first;
  assert.ok(server.subscriptionCount < CROWD * 11);
  await second;
  // Who was asked for by the first rules has lost everything but "b" to them, and that to the second.
  assert.ok(server.subscriptionCount < CROWD);
  for (const connection of server.core.connections) {
    for (const { subject } of connection.subscriptions.values()) assert.equal(subject, "a.1");
  }
});

test("reload() ends when the server is closed meanwhile", async () => {
  const server = await createServer({ port: -1, users: [WIDE] });
  await crowdOf(server, CROWD);
  const reloaded = server.reload({ users: [NARROW] });
  await turn();
  await turn();
  await server.close();
  await reloaded;
  assert.equal(server.connectionCount, 0);
});

test("three hundred reloads under load lose no message, close nobody, and leave nothing behind", async () => {
  const arena = createPlainArena(64 * 1024 * 1024);
  const options = (round: number): EmbeddedServerOptions => ({
    maxPayloadBytes: 1_000 + round,
    pingIntervalMs: 60_000 + round,
    trace: round % 7 === 0,
    accounts: ["A", `B${round}`],
    users: [
      { user: "reader", pass: "p", account: "A", permissions: { subscribe: ["load", `x${round}`] } },
      { user: "writer", pass: "p", account: "A" },
      { user: `u${round}`, pass: "p", account: `B${round}` },
    ],
  });
  await using server = await createServer({ arena, ...options(0) });
  const reader = await RawClient.connect(server.url);
  await reader.handshake({ user: "reader", pass: "p" });
  reader.send("SUB load 1\r\nPING\r\n");
  await reader.expect(/PONG\r\n/);
  const writer = await RawClient.connect(server.url);
  await writer.handshake({ user: "writer", pass: "p" });
  const rest = arena.takenBytes();

  const BATCH = 20;
  let sent = 0;
  for (let round = 1; round <= 300; round++) {
    let batch = "";
    for (let i = 0; i < BATCH; i++) batch += `PUB load 6\r\n${String(sent++).padStart(6, "0")}\r\n`;
    writer.send(batch);
    if (round % 10 === 0) await assert.rejects(server.reload({ ...options(round), serverName: "no" }), ReloadError);
    else await server.reload(options(round));
  }
  writer.send("PING\r\n");
  await writer.expect(/PONG\r\n/);
  await reader.expect(new RegExp(`${sent - 1}\\r\\n`));
  assert.equal(server.statistics.outMsgs, sent);
  assert.equal(server.statistics.totalConnections, 2);
  assert.equal(server.connectionCount, 2);
  assert.deepEqual([...server.core.accounts.keys()].toSorted(), ["$G", "$SYS", "A", "B299"]);
  assert.equal(server.subscriptionCount, 1);
  assert.ok(arena.takenBytes() <= rest, "no slab is left behind");
  for (const client of [reader, writer]) client.close();
});
