// Every operation in every state of a connection, on every listener, and each pair of operations behind each other (a double
// INFO once took the reference down). Whatever comes of it costs that connection only: a witness goes on, what is sent is
// well-formed, nothing is thrown, nothing stays behind.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { InProcessOptions, InProcessServer } from "@myelin/testing";
import { signAsTestKey, TEST_USER_KEYS } from "../support/test-key.ts";
import { WireClient } from "../support/wire-client.ts";
import { DOORS, type Door, PLAIN_DOORS, startAttacked } from "./doors.ts";

const HASH = "$2a$04$zsNfrs8L4JMakuPNGZ/8wepDkE2gN9Mq1M4QaGBi5Ca5gU.nbKYvK"; // of "a"

/** One operation each, complete or broken. */
const OPERATIONS: readonly string[] = [
  'CONNECT {"user":"a","pass":"a"}\r\n',
  'CONNECT {"user":"a","pass":"a","verbose":false,"protocol":1,"headers":true,"no_responders":true,"echo":false}\r\n',
  'CONNECT {"user":"b","pass":"b"}\r\n',
  'CONNECT {"user":"x","pass":"x"}\r\n',
  "CONNECT {}\r\n",
  "CONNECT\r\n",
  'CONNECT {"a":\r\n',
  'INFO {"server_id":"x","ldm":true}\r\n',
  "INFO []\r\n",
  "INFO\r\n",
  "PING\r\n",
  "PONG\r\n",
  "PIN",
  "+OK\r\n",
  "-ERR 'x'\r\n",
  "SUB foo 1\r\n",
  "SUB foo q 1\r\n",
  "SUB > 2\r\n",
  "SUB foo\r\n",
  "SUB a..b 1\r\n",
  "UNSUB 1\r\n",
  "UNSUB 1 1\r\n",
  "UNSUB\r\n",
  "PUB foo 2\r\nhi\r\n",
  "PUB foo reply 2\r\nhi\r\n",
  "PUB foo 2\r\nhi",
  "PUB foo 2\r\nhi!!",
  "PUB foo -1\r\n",
  "PUB foo 99999999999\r\n",
  "PUB _R_.x 0\r\n\r\n",
  "HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
  "HPUB foo 14 12\r\nNATS/1.0\r\n\r\nhi\r\n",
  "MSG foo 1 2\r\nhi\r\n",
  "HMSG foo 1 2 2\r\nhi\r\n",
  "A+ x\r\n",
  "RS+ $G foo\r\n",
  "RMSG $G foo 2\r\nhi\r\n",
  "LS+ foo\r\n",
  "LMSG foo 2\r\nhi\r\n",
  "NONSENSE\r\n",
  "\r\n",
  "\x00\x01\xff",
];

/** What a connection has sent before. */
const STATES: ReadonlyMap<string, string> = new Map([
  ["fresh", ""],
  ["logged in", 'CONNECT {"user":"a","pass":"a","verbose":false}\r\n'],
  [
    "logged in and subscribed",
    'CONNECT {"user":"a","pass":"a"}\r\nSUB foo 1\r\nSUB > 2\r\nSUB foo q 3\r\nUNSUB 3 2\r\n',
  ],
  ["in the middle of a payload", 'CONNECT {"user":"a","pass":"a"}\r\nSUB foo 1\r\nPUB foo 600\r\nhi'],
  ["in the middle of a line", 'CONNECT {"user":"a","pass":"a"}\r\nSU'],
  ["refused", 'CONNECT {"user":"a","pass":"wrong"}\r\n'],
  ["waiting for its password to be checked", 'CONNECT {"user":"h","pass":"a"}\r\n'],
]);

const SERVERS: ReadonlyArray<readonly [name: string, options: InProcessOptions]> = [
  ["without authentication", {}],
  [
    "with users, hashes and permissions",
    {
      configText: `
        authorization { users: [
          { user: a, password: a }, { user: h, password: ${HASH} }, { nkey: ${TEST_USER_KEYS[0]} }
          { user: b, password: b, permissions: { publish: "in.>", subscribe: { allow: ">", deny: foo }, allow_responses: true } }
        ] }`,
    },
  ],
  [
    "with everything small and nothing offered",
    { maxPayloadBytes: 64, maxControlLineBytes: 128, maxSubscriptions: 2, noHeaderSupport: true },
  ],
  ["with trace and debug", { trace: true, debug: true, user: "a", pass: "a" }],
];

const WELL_FORMED = /^(?:MSG|HMSG|PING|PONG|\+OK|-ERR '.*'$|INFO \{)/;

async function witnessOf(server: InProcessServer, door: Door): Promise<WireClient> {
  const client = await WireClient.connect("witness", door.open(server));
  const nonce = client.received.lines[0]?.info?.["nonce"];
  const sig = typeof nonce === "string" ? signAsTestKey(1, nonce) : "";
  const fields = { verbose: false, user: "a", pass: "a", ...(sig === "" ? {} : { nkey: TEST_USER_KEYS[0], sig }) };
  await client.send(Buffer.from(`CONNECT ${JSON.stringify(fields)}\r\nSUB WITNESS 1\r\n`));
  await client.settle();
  assert.equal(client.closed, false);
  return client;
}

/** One connection after the other, some at a time. */
async function inTurns<T>(items: readonly T[], atOnce: number, use: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await use(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

describe("every operation in every state", () => {
  for (const [index, [name, options]] of SERVERS.entries()) {
    // A handshake of TLS costs more than all the rest; below it a connection is like any other.
    for (const door of index === 0 ? DOORS : PLAIN_DOORS) {
      // Over a network each operation and its double; inside the process every pair.
      const isQuick = door.connectionType === "IN_PROCESS";
      test(`${isQuick ? "in pairs" : "and twice"}, by ${door.name}, on a server ${name}`, async () => {
        const { faults, server } = await startAttacked(options, door);
        const witness = await witnessOf(server, door);
        const quiet = server.server.connectionCount;
        const sessions = [...STATES].flatMap(([state, before]) => {
          return OPERATIONS.flatMap((first) => {
            const seconds = isQuick ? OPERATIONS : [first];
            return seconds.map((second) => ({ state, writes: [before, first, second] }));
          });
        });
        let done = 0;
        await inTurns(sessions, 8, async ({ state, writes }) => {
          const client = await WireClient.connect(state, door.open(server));
          await client.send(...writes.filter((text) => text !== "").map((text) => Buffer.from(text, "latin1")));
          await client.close();
          const wrong = client.received.lines.filter((line) => !WELL_FORMED.test(line.text));
          if (wrong.length > 0) assert.fail(`${state} ${JSON.stringify(writes)} brought ${JSON.stringify(wrong)}`);
          if (++done % 500 === 0) await alive(witness, done);
        });
        await alive(witness, done);
        while (server.server.connectionCount > quiet) await new Promise(setImmediate);
        assert.equal(server.core.subscriptionCount, 1, "subscriptions stayed behind");
        assert.deepEqual(faults, []);
        witness.destroy();
        await server.close();
      });
    }
  }
});

async function alive(witness: WireClient, number: number): Promise<void> {
  const text = `still here ${number}`;
  await witness.send(Buffer.from(`PUB WITNESS ${text.length}\r\n${text}\r\n`));
  await witness.until(() => witness.received.lines.some((line) => line.text.includes(`"${text}"`)), text);
}
