// Subjects by which servers and features talk among themselves: what a client may do with them, whoever it is and however it came.
// The table is what the reference does, and is checked there too.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TEXT_OPTION } from "../support/configuration.ts";
import { MyelinServer } from "../support/myelin-server.ts";
import type { Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";
import { overWebSocket } from "../support/websocket-opener.ts";
import type { WireOpener } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";
import { DOORS, startAttacked } from "./doors.ts";

const PREFIXES = ["$SYS", "$JS", "$KV", "$O", "$MQTT", "$SRV", "_R_", "_GR_"];
const OTHER_SUBJECTS = ["$JS.ACK.x", "$GR.x", "$GNR.x", "$NRG.x", "$LDS.x", "$JSC.x", "$G.x", "$A.x"];
const SUBJECTS = [...PREFIXES.map((prefix) => `${prefix}.x`), ...OTHER_SUBJECTS];

/** Patterns of subjects, as a list of a configuration. */
function patterns(prefixes: readonly string[]): string {
  return `[ ${prefixes.map((prefix) => `"${prefix}.>"`).join(", ")} ]`;
}

/** Of each kind of account one user; of `A` also one who is allowed all of it by name, and one who is denied it. */
const CONFIGURATION = `
accounts {
  A { users: [
    { user: a, password: x }
    { user: allowed, password: x, permissions: { publish: ${patterns([...PREFIXES, "$GR", "$GNR", "$NRG", "$LDS", "$JSC", "$G", "$A", "harmless"])}, subscribe: ">" } }
    { user: denied, password: x, permissions: { publish: { deny: ${patterns(PREFIXES)} }, subscribe: { deny: ${patterns(PREFIXES)} } } }
  ] }
  B { users: [ { user: b, password: x } ] }
  "$SYS" { users: [ { user: s, password: x } ] }
}
authorization { users: [ { user: g, password: x } ] }
`;

const OPERATIONS: Readonly<Record<string, (subject: string) => string>> = {
  publish: (subject) => `PUB ${subject} 2\r\nhi\r\n`,
  "publish with headers": (subject) => `HPUB ${subject} 12 14\r\nNATS/1.0\r\n\r\nhi\r\n`,
  "reply to": (subject) => `PUB harmless.x ${subject} 2\r\nhi\r\n`,
  subscribe: (subject) => `SUB ${subject} 7\r\n`,
  "subscribe in a group": (subject) => `SUB ${subject} q 8\r\n`,
};

/** What is refused, in the order of {@link SUBJECTS}; everything else is done. */
interface Refusals {
  readonly publish: readonly string[];
  readonly replyTo: readonly string[];
  readonly subscribe: readonly string[];
}

const REPLIES = ["_R_.x", "_GR_.x", "$JS.ACK.x", "$GR.x"];
const ANYBODY: Refusals = { publish: ["_GR_.x", "$GR.x", "$NRG.x"], replyTo: REPLIES, subscribe: [] };
const DENIED = PREFIXES.map((prefix) => `${prefix}.x`);
const TABLE: Readonly<Record<string, Refusals>> = {
  g: ANYBODY,
  a: ANYBODY,
  allowed: ANYBODY,
  // Servers of a cluster agree by these; only the system account may.
  s: { ...ANYBODY, publish: ["_GR_.x", "$GR.x"] },
  denied: {
    publish: [...DENIED, "$JS.ACK.x", "$GR.x", "$NRG.x"],
    replyTo: REPLIES,
    subscribe: [...DENIED, "$JS.ACK.x"],
  },
};

function expectationOf(user: string): Record<string, readonly string[]> {
  const { publish, replyTo, subscribe } = TABLE[user] as Refusals;
  return {
    publish,
    "publish with headers": publish,
    "reply to": replyTo,
    subscribe,
    "subscribe in a group": subscribe,
  };
}

/** What a user is told of each operation on each subject: those that are refused. */
async function refusalsOf(wires: WireOpener, user: string): Promise<Record<string, string[]>> {
  const client = await WireClient.connect(user, wires);
  await client.send(Buffer.from(`CONNECT ${JSON.stringify({ verbose: true, headers: true, user, pass: "x" })}\r\n`));
  await client.settle();
  const refused: Record<string, string[]> = {};
  for (const [name, write] of Object.entries(OPERATIONS)) {
    const from = client.received.lines.length;
    await client.send(Buffer.from(SUBJECTS.map(write).join("")));
    await client.settle();
    const told = client.received.lines.slice(from).filter(({ kind }) => kind === "other");
    assert.equal(told.length, SUBJECTS.length, `${name} by ${user}`);
    refused[name] = SUBJECTS.filter((_, at) => told[at]?.text !== "+OK");
    for (const { text } of told) assert.match(text, /^(?:\+OK|-ERR 'Permissions Violation for .*')$/);
  }
  assert.equal(client.closed, false);
  client.destroy();
  return refused;
}

function behaviour(target: Target): void {
  describe(`internal subjects against ${target.name}`, () => {
    test("are refused by TCP and by WebSocket as the table says", async () => {
      const text = `${CONFIGURATION}\nwebsocket { listen: "127.0.0.1:-1", no_tls: true }`;
      const server = await target.start(new Map([[TEXT_OPTION, text]]));
      for (const wires of [server.wires, overWebSocket(server.webSocketPort ?? 0)]) {
        for (const user of Object.keys(TABLE)) {
          assert.deepEqual(await refusalsOf(wires, user), expectationOf(user), user);
        }
      }
      await server.stop();
    });
  });
}
forEveryTarget("internal subjects", new MyelinServer(), behaviour);

/** Somebody who hears everything in his account. */
async function listener(wires: WireOpener, user: string): Promise<WireClient> {
  const client = await WireClient.connect(user, wires);
  await client.send(Buffer.from(`CONNECT ${JSON.stringify({ verbose: false, headers: true, user, pass: "x" })}\r\n`));
  await client.send(Buffer.from("SUB > 1\r\n"));
  await client.settle();
  return client;
}

describe("internal subjects", () => {
  for (const door of DOORS) {
    test(`are refused as the table says by ${door.name}, and reach nobody in another account`, async () => {
      const { faults, server } = await startAttacked({ configText: CONFIGURATION }, door);
      const wires = door.open(server);
      const outside = await Promise.all(["b", "g", "s"].map((user) => listener(wires, user)));
      const inside = await listener(wires, "a");
      for (const user of ["a", "allowed", "denied"]) {
        assert.deepEqual(await refusalsOf(wires, user), expectationOf(user), user);
      }
      await inside.settle();
      // What is done is done: in its own account, and what is refused reaches nobody there either.
      const messages = inside.received.lines.filter(({ kind }) => kind === "msg");
      const reached = new Set(messages.map(({ words }) => words[1] ?? ""));
      const done = SUBJECTS.filter((subject) => !ANYBODY.publish.includes(subject));
      assert.deepEqual([...reached].toSorted(), [...done, "harmless.x"].toSorted());
      for (const client of outside) {
        await client.settle();
        assert.deepEqual(
          client.received.lines.filter(({ kind }) => kind === "msg"),
          [],
          client.name,
        );
        client.destroy();
      }
      for (const user of ["g", "s"]) assert.deepEqual(await refusalsOf(wires, user), expectationOf(user), user);
      assert.deepEqual(faults, []);
      inside.destroy();
      await server.close();
    });
  }
});
