// With any authentication configured, who is nobody gets nothing: on no listener, with no first operation, whatever the users
// are restricted to. What he does is seen by nobody, and what others do is not seen by him.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { InProcessOptions } from "@myelin/testing";
import { signAsTestKey, TEST_USER_KEYS } from "../support/test-key.ts";
import { WireClient } from "../support/wire-client.ts";
import { DOORS, type Door, PLAIN_DOORS, startAttacked } from "./doors.ts";

const [KEY = ""] = TEST_USER_KEYS;
const HASH = "$2a$04$zsNfrs8L4JMakuPNGZ/8wepDkE2gN9Mq1M4QaGBi5Ca5gU.nbKYvK"; // of "a"

/** Who is let in, to watch; on every door. */
type Witness = (nonce: string) => Readonly<Record<string, unknown>>;
const USER: Witness = () => ({ user: "a", pass: "a" });
const TOKEN: Witness = () => ({ auth_token: "t" });
const NKEY: Witness = (nonce) => ({ nkey: KEY, sig: signAsTestKey(1, nonce) });

const OTHER = "{ user: b, password: b, allowed_connection_types: [ MQTT, LEAFNODE ] }";

/** Ways to ask who somebody is; null options are those of a program. */
const CONFIGURATIONS: ReadonlyArray<readonly [name: string, options: InProcessOptions, witness: Witness]> = [
  ["one user", { configText: "authorization { user: a, password: a }" }, USER],
  ["one user with a hash", { configText: `authorization { user: a, password: ${HASH} }` }, USER],
  ["a token", { configText: "authorization { token: t }" }, TOKEN],
  ["users", { configText: `authorization { users: [ { user: a, password: a }, ${OTHER} ] }` }, USER],
  ["users with hashes", { configText: `authorization { users: [ { user: a, password: ${HASH} } ] }` }, USER],
  ["an nkey", { configText: `authorization { users: [ { nkey: ${KEY} } ] }` }, NKEY],
  ["accounts", { configText: "accounts { A { users: [ { user: a, password: a } ] }, B {} }" }, USER],
  [
    "accounts and users",
    {
      configText:
        "accounts { A { users: [ { user: x, password: x } ] } }, authorization { users: [ { user: a, password: a } ] }",
    },
    USER,
  ],
  [
    "a system user and another",
    {
      configText:
        'accounts { "$SYS" { users: [ { user: s, password: s } ] }, A { users: [ { user: a, password: a } ] } }',
    },
    USER,
  ],
  [
    "permissions for everybody",
    {
      configText:
        "authorization { users: [ { user: a, password: a } ], default_permissions: { publish: { deny: x } } }",
    },
    USER,
  ],
  [
    "a no_auth_user who may come by no listener here",
    { configText: `authorization { users: [ { user: a, password: a }, ${OTHER} ] }, no_auth_user: b` },
    USER,
  ],
  [
    "a no_auth_user with an nkey who may come by no listener here",
    {
      configText: `authorization { users: [ { user: a, password: a }, { nkey: ${KEY}, allowed_connection_types: MQTT } ] }, no_auth_user: ${KEY}`,
    },
    USER,
  ],
  ["the options of a program", { user: "a", pass: "a" }, USER],
  [
    "a function of a program",
    { authenticate: ({ pass, user }) => (user === "a" && pass === "a" ? { user } : { refuse: "unknown" }) },
    USER,
  ],
  [
    "a function that takes its time",
    {
      authenticate: async ({ pass, user }) => {
        await new Promise(setImmediate);
        return user === "a" && pass === "a" ? { user } : { refuse: "unknown" };
      },
    },
    USER,
  ],
  [
    "a function that throws at strangers",
    {
      authenticate: ({ pass, user }) => {
        if (user !== "a" || pass !== "a") throw new Error("unknown");
        return { user };
      },
    },
    USER,
  ],
];

const PUBLISH = "PUB secret 6\r\nintrud\r\n";
const WITH_HEADERS = "HPUB secret 12 18\r\nNATS/1.0\r\n\r\nintrud\r\n";

/** What nobody sends first, each in one write. */
const FIRST: readonly string[] = [
  "PING\r\n",
  "PONG\r\n",
  "SUB > 1\r\n",
  "SUB secret q 1\r\n",
  PUBLISH,
  WITH_HEADERS,
  "UNSUB 1\r\n",
  "INFO {}\r\n",
  "+OK\r\n",
  "-ERR 'x'\r\n",
  "CONNECT {}\r\n",
  "connect {}\r\n",
  "CONNECT null\r\n",
  "CONNECT []\r\n",
  'CONNECT {"user":null,"pass":null}\r\n',
  'CONNECT {"user":"","pass":"","auth_token":"","nkey":"","jwt":"","sig":""}\r\n',
  'CONNECT {"user":"a"}\r\n',
  'CONNECT {"user":"a","pass":""}\r\n',
  'CONNECT {"pass":"a"}\r\n',
  'CONNECT {"user":["a"],"pass":["a"]}\r\n',
  'CONNECT {"user":"a","pass":"A"}\r\n',
  'CONNECT {"USER":"a","pass":"a ","account":"A"}\r\n',
  'CONNECT {"user":"b","pass":"b"}\r\n',
  'CONNECT {"user":"__proto__","pass":"a"}\r\n',
  `CONNECT {"user":"a","pass":"${HASH}"}\r\n`,
  'CONNECT {"auth_token":"T"}\r\n',
  'CONNECT {"auth_token":"a"}\r\n',
  `CONNECT {"nkey":"${KEY}"}\r\n`,
  `CONNECT {"nkey":"${KEY}","sig":"${"A".repeat(86)}"}\r\n`,
  `CONNECT {"nkey":"${KEY}","sig":""}\r\n`,
  'CONNECT {"jwt":"eyJhbGciOiJub25lIn0.e30."}\r\n',
  'CONNECT {"account":"A"}\r\n',
  'CONNECT {"account":"$G","new_account":true}\r\n',
  'CONNECT {"remote_account":"A","proxy_sig":"x"}\r\n',
  "CONNECT {\r\n",
  "CONN\r\n",
  "\r\n",
  " \r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "GET / HTTP/1.1\r\n\r\n",
  "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
];

/** What may come behind, in the same write or the next: everything that would do something. */
const THEN = `SUB > 2\r\n${PUBLISH}SUB secret 3\r\n${WITH_HEADERS}PING\r\n`;

/** All that nobody may ever be told. */
const TOLD = /^(?:-ERR '(?:Authorization Violation|Unknown Protocol Operation)')$/;

async function watcher(door: Door, server: Parameters<Door["open"]>[0], witness: Witness): Promise<WireClient> {
  const client = await WireClient.connect("witness", door.open(server));
  const nonce = client.received.lines[0]?.info?.["nonce"];
  const fields = { verbose: false, ...witness(typeof nonce === "string" ? nonce : "") };
  await client.send(Buffer.from(`CONNECT ${JSON.stringify(fields)}\r\n`));
  await client.send(Buffer.from("SUB > 1\r\n"));
  await client.settle();
  assert.equal(client.closed, false, "the witness himself was not let in");
  return client;
}

for (const [name, options, witness] of CONFIGURATIONS) {
  describe(`with ${name}`, () => {
    for (const door of DOORS) {
      test(`nobody gets nothing by ${door.name}`, async () => {
        const { faults, server } = await startAttacked(options, door);
        const seeing = await watcher(door, server, witness);
        const quiet = server.server.connectionCount;
        for (const first of FIRST) {
          const ways = [[first + THEN], [first, THEN], [first + first + THEN]];
          // A handshake of TLS costs as much as the rest of them; below it a connection is like any other.
          for (const writes of door.options === undefined ? ways : ways.slice(0, 1)) {
            const about = `${door.name}: ${JSON.stringify(writes)}`;
            const nobody = await WireClient.connect("nobody", door.open(server));
            await nobody.send(...writes.map((text) => Buffer.from(text, "latin1")));
            await nobody.untilClosed();
            nobody.destroy();
            const told = nobody.received.lines.slice(1).map((line) => line.text);
            assert.deepEqual(
              told.filter((text) => !TOLD.test(text)),
              [],
              about,
            );
          }
        }
        await seeing.send(Buffer.from("PUB secret 3\r\nown\r\n"));
        await seeing.settle();
        const seen = seeing.received.lines.filter(({ kind, words }) => kind === "msg" && words[1] === "secret");
        assert.deepEqual(
          seen.map((line) => line.text),
          ['MSG secret 1 3 "own"'],
        );
        assert.equal(server.server.connectionCount, quiet);
        assert.deepEqual(faults, []);
        seeing.destroy();
        await server.close();
      });
    }
  });
}

test("a no_auth_user is let in by no more than he may: his permissions, his listener", async () => {
  for (const door of PLAIN_DOORS) {
    const { faults, server } = await startAttacked({
      configText: `
        authorization { users: [
          { user: open, password: x, allowed_connection_types: [ ${door.connectionType} ], permissions: { publish: "in.>", subscribe: "out.>" } }
          { user: a, password: a }
        ] }
        no_auth_user: open`,
    });
    for (const other of PLAIN_DOORS) {
      const client = await WireClient.connect("nobody", other.open(server));
      await client.send(Buffer.from("SUB > 1\r\n"));
      await client.send(Buffer.from("SUB out.x 2\r\nPUB secret 1\r\nx\r\nPUB in.x 1\r\nx\r\nPING\r\n"));
      await client.until(() => client.closed || client.received.pongs > 0, "an answer");
      const told = client.received.lines.filter(({ kind }) => kind === "other").map(({ text }) => text);
      const refused = ["-ERR 'Authorization Violation'"];
      const restricted = [
        "-ERR 'Permissions Violation for Subscription to \">\"'",
        "+OK",
        "-ERR 'Permissions Violation for Publish to \"secret\"'",
        "+OK",
      ];
      assert.deepEqual(told, other === door ? restricted : refused, `${door.name} allowed, ${other.name} used`);
      client.destroy();
    }
    assert.deepEqual(faults, []);
    await server.close();
  }
});
