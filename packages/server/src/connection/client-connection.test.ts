import assert from "node:assert/strict";
import { test } from "node:test";
import { BcryptQueue } from "../auth/bcrypt-queue.ts";
import { SingleUser } from "../auth/single-user.ts";
import { SILENT_LOGGER } from "../logger.ts";
import { completeOptions, type PartialServerOptions } from "../options.ts";
import { Account } from "../routing/account.ts";
import { settle, startLoneConnection } from "./fixtures/lone-connection.ts";

/** A connection to a server with one user, or none. */
function connect(given: PartialServerOptions = {}) {
  const options = completeOptions({ maxPayloadBytes: 1024, ...given });
  const account = new Account("$G", 1);
  const authenticator = new SingleUser(options, account, new BcryptQueue(() => Promise.resolve(false), 1));
  return { account, ...startLoneConnection({ options, authenticator, globalAccount: account }) };
}

const QUIET = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1,"headers":true,"no_responders":true}\r\n';

test("a connection asks its account for interest and its router to deliver", async () => {
  const { account, connection, nodeCounts, peer, published } = connect();
  await peer.send(`${QUIET}SUB a.* 1\r\nPUB a.b 2\r\nhi\r\nPUB x 1\r\ny\r\n`);
  assert.deepEqual([published, nodeCounts], [["a.b"], [1]]);
  assert.equal(account.sublist.count, 1);
  assert.equal(connection.traffic.inMsgs, 2);
  assert.equal(connection.traffic.inBytes, 3);
});

test("a connection that ends takes its subscriptions along and tells the router once", async () => {
  const { account, arena, clock, gone, peer } = connect();
  const before = arena.takenBytes();
  await peer.send(`${QUIET}SUB a 1\r\nSUB b q 2\r\nPUB a 5\r\nhe`);
  peer.close();
  await settle();
  assert.deepEqual(gone, ["CLIENT_CLOSED"]);
  assert.equal(account.sublist.count, 0);
  assert.equal(account.connections, 0);
  assert.ok(arena.takenBytes() <= before, "no slab is left behind");
  assert.equal(clock.pendingTimers, 0);
});

test("an exception inside costs the connection, and nothing else", async () => {
  const { context, gone, peer } = connect();
  Object.assign(context.router, {
    deliver() {
      throw new Error("a bug of ours");
    },
  });
  await peer.send(`${QUIET}SUB a 1\r\nPUB a 1\r\nx\r\n`);
  assert.deepEqual(gone, ["INTERNAL_ERROR"]);
});

test("without CONNECT in time the connection ends, exactly then", async () => {
  const { clock, gone, peer } = connect({ user: "u", pass: "p", authTimeoutMs: 1500 });
  clock.advance(1499);
  assert.deepEqual(gone, []);
  clock.advance(1);
  await settle();
  assert.deepEqual(gone, ["AUTHENTICATION_TIMEOUT"]);
  assert.match(peer.text, /-ERR 'Authentication Timeout'\r\n$/);
  assert.ok(peer.closed);
});

test("a client that does not answer PINGs is stale after the one too many", async () => {
  const { clock, gone, peer } = connect({ pingIntervalMs: 1000, pingMax: 2 });
  await peer.send(QUIET);
  peer.text = "";
  clock.advance(1200);
  clock.advance(1000);
  await settle();
  assert.equal(peer.text, "PING\r\nPING\r\n");
  clock.advance(1000);
  await settle();
  assert.deepEqual(gone, ["STALE_CONNECTION"]);
  assert.match(peer.text, /-ERR 'Stale Connection'\r\n$/);
});

test("a client that is heard is not PINGed, once its round trip time is known", async () => {
  const { clock, connection, peer } = connect({ pingIntervalMs: 10_000 });
  await peer.send(QUIET);
  clock.advance(2_400);
  await peer.send("PONG\r\n");
  assert.ok(connection.pings.rttMs > 0);
  for (let i = 0; i < 20; i++) {
    clock.advance(5_000);
    peer.text = "";
    assert.equal(await peer.send("SUB a 1\r\n"), "");
  }
});

test("traffic counters are folded in once a read, and out once a flush", async () => {
  const { account, connection, context, peer } = connect();
  context.router.deliver = (message, nodes) => {
    for (const subscription of nodes[0]?.plain ?? []) subscription.subscriber.deliver(message, subscription, null);
    return true;
  };
  await peer.send(`${QUIET}SUB a 1\r\n${"PUB a 3\r\nabc\r\n".repeat(10)}`);
  assert.deepEqual(connection.traffic, { inMsgs: 10, inBytes: 30, outMsgs: 10, outBytes: 30 });
  assert.deepEqual(account.traffic, connection.traffic);
  assert.deepEqual(context.counters.traffic, connection.traffic);
});

test("a second CONNECT drops the subscriptions that were made before it", async () => {
  const { account, peer } = connect();
  await peer.send(`${QUIET}SUB a 1\r\n`);
  assert.equal(account.sublist.count, 1);
  await peer.send(QUIET);
  assert.equal(account.sublist.count, 0);
});

/** Gives a live connection other options, as a reload does. */
function change({ connection, context }: ReturnType<typeof connect>, given: PartialServerOptions): void {
  Object.assign(context, { options: completeOptions({ ...context.options, ...given }) });
  connection.optionsChanged();
}

test("optionsChanged() holds a connected client to other sizes", async () => {
  const large = connect();
  await large.peer.send(`${QUIET}PUB a 9\r\n`);
  change(large, { maxPayloadBytes: 8 });
  // What was under way when the limit fell had been accepted.
  await large.peer.send("123456789\r\n");
  assert.deepEqual(large.gone, []);
  assert.equal(await large.peer.send("PUB a 9\r\n"), "-ERR 'Maximum Payload Violation'\r\n");
  assert.deepEqual(large.gone, ["MAX_PAYLOAD"]);

  const long = connect();
  await long.peer.send(QUIET);
  change(long, { maxControlLineBytes: 10 });
  assert.equal(await long.peer.send("SUB a.b.c.d.e 1\r\n"), "-ERR 'maximum control line exceeded'\r\n");
  assert.deepEqual(long.gone, ["MAX_CONTROL_LINE"]);
});

test("optionsChanged() shortens the wait for the next PING, and lengthens it from the next on", async () => {
  const at = connect({ pingIntervalMs: 60_000 });
  await at.peer.send(QUIET);
  at.clock.advance(2_400);
  await at.peer.send("PONG\r\n");
  at.peer.text = "";
  change(at, { pingIntervalMs: 1_000, pingMax: 1 });
  at.clock.advance(1_200);
  await settle();
  assert.equal(at.peer.text, "PING\r\n");
  at.clock.advance(1_000);
  await settle();
  assert.deepEqual(at.gone, ["STALE_CONNECTION"]);
});

test("optionsChanged() begins and ends the trace of a connected client", async () => {
  const at = connect();
  const traced: string[] = [];
  Object.assign(at.context, { logger: { ...SILENT_LOGGER, trace: (text: string) => void traced.push(text) } });
  await at.peer.send(`${QUIET}PUB a 1\r\nx\r\n`);
  assert.deepEqual(traced, []);
  change(at, { trace: true });
  await at.peer.send("PUB a 1\r\nx\r\n");
  assert.deepEqual(traced, ["pipe - cid:7 - <<- [PUB a 1]", 'pipe - cid:7 - <<- MSG_PAYLOAD: ["x"]']);
  change(at, { trace: false });
  await at.peer.send("PUB a 1\r\nx\r\n");
  assert.equal(traced.length, 2);
});
