// Nobody is in for longer than he may be: whatever lets a client in, and however it came, it is out when that is over. Where a test
// says "at once", time stands still.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeClock } from "@myelin/platform/node";
import type { AuthenticatedUser } from "@myelin/server";
import { type InProcessServer, TestClock, waitFor } from "@myelin/testing";
import { TEXT_OPTION } from "../support/configuration.ts";
import { MyelinServer } from "../support/myelin-server.ts";
import type { Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";
import { signAsTestKey, TEST_USER_KEYS } from "../support/test-key.ts";
import { overWebSocket } from "../support/websocket-opener.ts";
import type { WireOpener } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";
import { DOORS, type Door, startAttacked } from "./doors.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A client that is let in, or told why not. */
async function comes(wires: WireOpener, fields: (nonce: string) => Fields): Promise<WireClient> {
  const client = await WireClient.connect("client", wires);
  const nonce = client.received.lines[0]?.info?.["nonce"];
  const said = { verbose: false, ...fields(typeof nonce === "string" ? nonce : "") };
  await client.send(Buffer.from(`CONNECT ${JSON.stringify(said)}\r\n`));
  await client.send(Buffer.from("SUB foo 1\r\n"));
  await client.settle();
  return client;
}

/** What a client was told that is neither INFO nor an answer to a PING. */
function told(client: WireClient): string[] {
  return client.received.lines.filter(({ kind }) => kind === "other").map(({ text }) => text);
}

function stoppedClock(): TestClock {
  const clock = new TestClock(new NodeClock());
  clock.stop();
  return clock;
}

const KEY = TEST_USER_KEYS[0];
const HASH = "$2a$04$f9.SULZAKZaUbonuSr3Fb.hrHgvnIFANWFCjkBuxDtYC32LV8G4ji"; // of "hashed"
const password: (nonce: string) => Fields = () => ({ user: "a", pass: "a" });

const REFUSED = ["-ERR 'Authorization Violation'"];
const WITHOUT_A_WORD: readonly string[] = [];

/** What lets a client in, and what takes that away. The user `b` stays what he is. */
const REVOCATIONS: ReadonlyArray<
  readonly [what: string, before: string, after: string, fields: (nonce: string) => Fields, said: readonly string[]]
> = [
  ["a user who is gone", users("{ user: a, password: a }"), users(), password, WITHOUT_A_WORD],
  [
    "a user with another password",
    users("{ user: a, password: a }"),
    users("{ user: a, password: c }"),
    password,
    REFUSED,
  ],
  [
    "a user with another hash",
    users(`{ user: a, password: "${HASH}" }`),
    users('{ user: a, password: "$2a$04$zsNfrs8L4JMakuPNGZ/8wepDkE2gN9Mq1M4QaGBi5Ca5gU.nbKYvK" }'),
    () => ({ user: "a", pass: "hashed" }),
    REFUSED,
  ],
  [
    "an nkey that is gone",
    users(`{ nkey: ${KEY} }`),
    users(),
    (nonce) => ({ nkey: KEY, sig: signAsTestKey(1, nonce) }),
    WITHOUT_A_WORD,
  ],
  [
    "a user in another account",
    accounts("A { users: [ { user: a, password: a } ] }"),
    accounts("C { users: [ { user: a, password: a } ] }"),
    password,
    WITHOUT_A_WORD,
  ],
  [
    "a user whose account is gone",
    accounts("A { users: [ { user: a, password: a } ] }"),
    accounts("C {}"),
    password,
    WITHOUT_A_WORD,
  ],
  [
    "the one user with another name",
    "authorization { user: a, password: a }",
    "authorization { user: c, password: a }",
    password,
    WITHOUT_A_WORD,
  ],
  [
    "the one user with another password",
    "authorization { user: a, password: a }",
    "authorization { user: a, password: c }",
    password,
    WITHOUT_A_WORD,
  ],
  ["another token", "authorization { token: s }", "authorization { token: t }", () => ({ auth_token: "s" }), REFUSED],
  [
    "a token in place of a user",
    "authorization { user: a, password: a }",
    "authorization { token: t }",
    password,
    WITHOUT_A_WORD,
  ],
  ["users in place of an open server", "max_payload: 1000", users(), () => ({}), REFUSED],
];

function users(...more: readonly string[]): string {
  return `authorization { users: [ { user: b, password: b }, ${more.join(", ")} ] }`;
}

function accounts(block: string): string {
  return `accounts { ${block}\n B { users: [ { user: b, password: b } ] } }`;
}

/** The listener as `startAttacked` has it. */
const WEBSOCKET = 'websocket { listen: "127.0.0.1:-1", no_tls: true }';

/** The same with every server that is here: how it is said that it is over. */
function behaviour(target: Target): void {
  describe(`what is taken away by a reload, against ${target.name}`, () => {
    for (const [what, before, after, fields, said] of REVOCATIONS) {
      test(`${what} ends a client by TCP and by WebSocket`, async () => {
        const options = (text: string): ReadonlyMap<string, string> =>
          new Map([[TEXT_OPTION, `${text}\n${WEBSOCKET}`]]);
        const server = await target.start(options(before));
        for (const wires of [server.wires, overWebSocket(server.webSocketPort ?? 0)]) {
          assert.equal(await server.reload(options(before)), null);
          const client = await comes(wires, fields);
          assert.equal(client.closed, false);
          assert.equal(await server.reload(options(after)), null);
          await client.untilClosed();
          assert.deepEqual(told(client), said);
          client.destroy();
        }
        await server.stop();
      });
    }
  });
}
forEveryTarget("what is taken away by a reload", new MyelinServer(), behaviour);

describe("what is taken away by a reload", () => {
  for (const door of DOORS) {
    for (const [what, before, after, fields, said] of REVOCATIONS) {
      test(`${what} ends a client by ${door.name}, at once`, async () => {
        const clock = stoppedClock();
        const { faults, server } = await startAttacked({ configText: before, clock }, door);
        const client = await comes(door.open(server), fields);
        assert.equal(client.closed, false);
        const { connectionCount } = server.server;
        await server.server.reload({ configText: `${after}\n${WEBSOCKET}` });
        await client.untilClosed();
        assert.deepEqual(told(client), said);
        await waitFor(() => server.server.connectionCount === connectionCount - 1);
        assert.equal(server.core.subscriptionCount, 0);
        assert.deepEqual(faults, []);
        client.destroy();
        await server.close();
      });
    }

    test(`a kind of connection that is no longer allowed ends a client by ${door.name}, at once`, async () => {
      const clock = stoppedClock();
      const other = DOORS.find(({ connectionType }) => connectionType !== door.connectionType) as Door;
      const text = (type: string): string => users(`{ user: a, password: a, allowed_connection_types: [ ${type} ] }`);
      const { server } = await startAttacked({ configText: text(door.connectionType), clock }, door);
      const client = await comes(door.open(server), password);
      assert.equal(client.closed, false);
      await server.server.reload({ configText: `${text(other.connectionType)}\n${WEBSOCKET}` });
      await client.untilClosed();
      assert.deepEqual(told(client), ["-ERR 'Authorization Violation'"]);
      client.destroy();
      await server.close();
    });

    test(`whom a reload does not concern stays, by ${door.name}`, async () => {
      const { server } = await startAttacked({ configText: users("{ user: a, password: a }") }, door);
      const client = await comes(door.open(server), () => ({ user: "b", pass: "b" }));
      await server.server.reload({ configText: `${users()}\n${WEBSOCKET}` });
      await client.settle();
      assert.deepEqual([client.closed, told(client)], [false, []]);
      client.destroy();
      await server.close();
    });
  }
});

const SECOND = 1_000;
const YEAR = 365 * 24 * 3_600 * SECOND;
/** Ends of a permission, from the moment of the CONNECT: those too for which `setTimeout` has no room and fires at once. */
const LIFETIMES = [1, SECOND, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32, 2 ** 32 + 5, 30 * YEAR];

/** Has a server that lets everybody in for a time. */
async function lettingIn(door: Door, clock: TestClock, lifeMs: () => number): Promise<InProcessServer> {
  const authenticate = (): AuthenticatedUser => ({ user: "a", expiresAt: new Date(clock.wallMs() + lifeMs()) });
  const { server } = await startAttacked({ authenticate, clock, pingIntervalMs: Number.MAX_SAFE_INTEGER }, door);
  return server;
}

describe("what ends by itself", () => {
  for (const door of DOORS) {
    for (const lifeMs of LIFETIMES) {
      test(`${lifeMs} ms are ${lifeMs} ms, by ${door.name}`, async () => {
        const clock = stoppedClock();
        const server = await lettingIn(door, clock, () => lifeMs);
        const client = await comes(door.open(server), () => ({}));
        await clock.advance(lifeMs - 1);
        await client.settle();
        assert.equal(client.closed, false);
        await clock.advance(1);
        await client.untilClosed();
        assert.deepEqual(told(client), ["-ERR 'User Authentication Expired'"]);
        client.destroy();
        await server.close();
      });
    }

    test(`what is over lets nobody in, by ${door.name}`, async () => {
      for (const lifeMs of [0, -1, -YEAR]) {
        const server = await lettingIn(door, stoppedClock(), () => lifeMs);
        const client = await WireClient.connect("late", door.open(server));
        await client.send(Buffer.from("CONNECT {}\r\nSUB > 1\r\nPING\r\n"));
        await client.untilClosed();
        assert.deepEqual(told(client), ["-ERR 'User Authentication Expired'"]);
        client.destroy();
        await server.close();
      }
    });

    test(`a clock that is set does not keep anybody in, by ${door.name}`, async () => {
      const clock = stoppedClock();
      const server = await lettingIn(door, clock, () => 60 * SECOND);
      const back = await comes(door.open(server), () => ({}));
      // Set back by 10 s after 30 s: of its time 40 s are left, and not a millisecond more.
      await clock.advance(30 * SECOND);
      clock.setWall(clock.wallMs() - 10 * SECOND);
      await clock.advance(39_999);
      await back.settle();
      assert.equal(back.closed, false);
      await clock.advance(1);
      await back.untilClosed();
      // Set forward by an hour: out when its time has passed by either reckoning, and asked again at a reload.
      const forward = await comes(door.open(server), () => ({}));
      clock.setWall(clock.wallMs() + 3_600 * SECOND);
      await clock.advance(60 * SECOND);
      await forward.untilClosed();
      for (const client of [back, forward]) {
        assert.deepEqual(told(client), ["-ERR 'User Authentication Expired'"]);
        client.destroy();
      }
      await server.close();
    });

    test(`a reload may shorten the time, by ${door.name}`, async () => {
      const clock = stoppedClock();
      let lifeMs = YEAR;
      const server = await lettingIn(door, clock, () => lifeMs);
      const client = await comes(door.open(server), () => ({}));
      lifeMs = 5;
      await server.server.reload();
      await client.settle();
      await clock.advance(5);
      await client.untilClosed();
      assert.deepEqual(told(client), ["-ERR 'User Authentication Expired'"]);
      client.destroy();
      await server.close();
    });

    test(`who never says who he is has no longer than the time for that, by ${door.name}`, async () => {
      const clock = stoppedClock();
      const { server } = await startAttacked({ configText: users(), authTimeoutMs: 2 * SECOND, clock }, door);
      const client = await WireClient.connect("silent", door.open(server));
      // The time begins when the server has the connection, which the client's INFO may come before.
      await waitFor(() => clock.pendingTimers > 0 && server.server.connectionCount === 1);
      await clock.advance(2 * SECOND);
      await client.untilClosed();
      assert.deepEqual(told(client), ["-ERR 'Authentication Timeout'"]);
      client.destroy();
      await server.close();
    });
  }
});

test("thirty years are not over at once, on the machine's own clock", async () => {
  const authenticate = (): AuthenticatedUser => ({ user: "a", expiresAt: new Date(Date.now() + 30 * YEAR) });
  const { server } = await startAttacked({ authenticate, clock: new TestClock(new NodeClock()) });
  const [door] = DOORS as [Door];
  const client = await comes(door.open(server), () => ({}));
  // A timer that overflows is due after 1 ms: this one was set later and is due later.
  await new Promise((resolve) => setTimeout(resolve, 5));
  await client.settle();
  assert.deepEqual([client.closed, told(client)], [false, []]);
  client.destroy();
  await server.close();
});
