// Two tenants: whatever A sends, in whatever field of whatever operation it names what is B's, nothing of it reaches B and
// nothing of B reaches A.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WireClient } from "../support/wire-client.ts";
import { DOORS, startAttacked } from "./doors.ts";

const CONFIGURATION = `
accounts {
  A { users: [ { user: a, password: a } ] }
  B { users: [ { user: b, password: b }, { user: b2, password: b2 } ] }
  "$SYS" { users: [ { user: s, password: s } ] }
}
authorization { users: [ { user: g, password: g } ] }
`;

const B_INBOX = "_INBOX.b.1";
/** What B listens to, as `subject` or `subject queue`, beside everything. */
const B_SUBSCRIPTIONS = [
  "secret",
  "secret q",
  "*.secret",
  "_INBOX.b.*",
  "$SRV.PING",
  "jobs workers",
  "$SYS.REQ.>",
  ">",
];
/** Subjects by which A might try to mean B. */
const SUBJECTS = [
  ...[
    "secret",
    "B.secret",
    "$B.secret",
    "$A.B.secret",
    "B:secret",
    "B/secret",
    "$G.secret",
    "..secret",
    "secret..",
    "jobs",
  ],
  ...[B_INBOX, "_INBOX.b", "_R_.x", "_R_.B.secret", "_GR_.x.y.secret", "$GR.x.secret", "$GNR.x", "$NRG.B.x", "$LDS.x"],
  ...["$SYS.ACCOUNT.B.CONNECT", "$SYS.ACCOUNT.B.SUBS.secret", "$SYS.REQ.ACCOUNT.B.CONNZ", "$SYS.REQ.ACCOUNT.B.SUBSZ"],
  ...["$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.DEBUG.SUBSCRIBERS"],
  ...["$SYS.REQ.USER.AUTH", "$SYS.REQ.CLAIMS.UPDATE", "$SYS._INBOX.x", "$SYS.SERVER.x.SHUTDOWN"],
  ...[
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.B.API.INFO",
    "$JS.API.CONSUMER.MSG.NEXT.s.c",
    "$JS.ACK.s.c.1.1.1.1.0",
  ],
  ...[
    "$JSC.R.x",
    "$KV.bucket.key",
    "$O.bucket.C.x",
    "$SRV.PING",
    "$SRV.INFO.secret",
    "$MQTT.sub.x",
    "$MQTT.msgs.secret",
  ],
  ...["__proto__", "constructor.secret", "B\u0000secret", "secret\u2028", "\u00e9.secret"],
];
const PATTERNS = [
  ">",
  "*",
  "*.*",
  "*.secret",
  "_INBOX.>",
  "$SYS.>",
  "$SYS.*.B.>",
  "$JS.>",
  "_R_.>",
  "B.>",
  "$B.>",
  "*.*.*.*",
];
const HEADERS = [
  "Nats-Account: B",
  'Nats-Request-Info: {"acc":"B","user":"b"}',
  "Nats-Trace-Dest: secret",
  "Nats-Trace-Origin-Account: B",
  "Nats-Msg-Id: 1",
  "Nats-Subject: secret",
];
/** Fields of CONNECT by which A might try to be in B. */
const FIELDS: ReadonlyArray<Readonly<Record<string, unknown>>> = [
  { account: "B" },
  { account: "B", new_account: true },
  { new_account: true },
  { remote_account: "B" },
  { acc: "B" },
  { Account: "B" },
  { ACCOUNT: "B" },
  { name: "B", lang: "B", version: "B" },
  { jwt: "B" },
  { nkey: "B" },
  { auth_token: "b" },
  { import: { allow: ["secret"] }, export: { allow: ["secret"] } },
  { cluster: "B", domain: "B", server_id: "B", hub: true, gateway: "B" },
  { user: "a", __proto__: null, constructor: "B", is_sys: true, internal: true },
  { client_id: 1, cid: 1, kind: "SYSTEM" },
];

/** Every operation that A tries, one connection's worth each. */
function attacks(): string[] {
  const list: string[] = [];
  for (const subject of SUBJECTS) {
    list.push(`PUB ${subject} 6\r\nfrom A\r\n`);
    list.push(`PUB ${subject} ${B_INBOX} 6\r\nfrom A\r\n`);
    list.push(`PUB harmless ${subject} 6\r\nfrom A\r\n`);
    list.push(`SUB ${subject} 1\r\n`);
    list.push(`SUB ${subject} q 1\r\n`);
    list.push(`SUB ${subject} workers 1\r\nUNSUB 1 1\r\n`);
  }
  for (const pattern of PATTERNS)
    list.push(`SUB ${pattern} 1\r\n`, `SUB ${pattern} q 1\r\n`, `SUB ${pattern} _sys_ 1\r\n`);
  for (const header of HEADERS) {
    const head = `NATS/1.0\r\n${header}\r\n\r\n`;
    list.push(`HPUB secret ${head.length} ${head.length + 6}\r\n${head}from A\r\n`);
    list.push(`HPUB secret ${B_INBOX} ${head.length} ${head.length + 6}\r\n${head}from A\r\n`);
  }
  // B's own numbers of subscriptions and connections.
  for (let sid = 1; sid <= 12; sid++) list.push(`UNSUB ${sid}\r\n`, `UNSUB ${sid} 1\r\n`, `SUB secret ${sid}\r\n`);
  return list;
}

describe("two tenants", () => {
  for (const door of DOORS) {
    test(`nothing crosses by ${door.name}, in either direction`, async () => {
      const { faults, server } = await startAttacked({ configText: CONFIGURATION }, door);
      const open = async (fields: Readonly<Record<string, unknown>>): Promise<WireClient> => {
        const client = await WireClient.connect(JSON.stringify(fields), door.open(server));
        await client.send(Buffer.from(`CONNECT ${JSON.stringify({ verbose: false, headers: true, ...fields })}\r\n`));
        await client.settle();
        return client;
      };
      const b = await open({ user: "b", pass: "b" });
      await b.send(Buffer.from(B_SUBSCRIPTIONS.map((subject, at) => `SUB ${subject} ${at + 1}\r\n`).join("")));
      await b.settle();
      const b2 = await open({ user: "b2", pass: "b2" });
      const tried = attacks();
      assert.ok(tried.length >= 300, `${tried.length} attacks are not many`);
      const all = await open({ user: "a", pass: "a" });
      await all.send(Buffer.from("SUB > 999\r\nSUB > q 998\r\n"));
      for (const attack of tried) {
        await all.send(Buffer.from(attack));
        const single = await open({ user: "a", pass: "a" });
        await single.send(Buffer.from(attack));
        await single.settle();
        // B talks, with A's subscription there.
        await b2.send(
          Buffer.from("PUB secret _INBOX.b.1 6\r\nfrom B\r\nPUB jobs 6\r\nfrom B\r\nPUB _INBOX.b.1 6\r\nfrom B\r\n"),
        );
        await b2.settle();
        await single.settle();
        expectNothingOf("from B", single, attack);
        await single.close();
      }
      for (const fields of FIELDS) {
        const client = await open({ user: "a", pass: "a", ...fields });
        if (client.closed) continue;
        await client.send(Buffer.from("SUB > 1\r\nPUB secret 6\r\nfrom A\r\n"));
        await client.settle();
        await b2.send(Buffer.from("PUB secret 6\r\nfrom B\r\n"));
        await b2.settle();
        await client.settle();
        expectNothingOf("from B", client, JSON.stringify(fields));
        client.destroy();
      }
      await all.settle();
      await b.settle();
      expectNothingOf("from B", all, "everything");
      expectNothingOf("from A", b, "everything");
      const own = b.received.lines.filter(({ text }) => text.includes("from B")).length;
      assert.ok(own >= 3 * tried.length, "B's own messages arrived");
      assert.deepEqual(faults, []);
      for (const client of [all, b, b2]) client.destroy();
      await server.close();
    });
  }
});

function expectNothingOf(text: string, client: WireClient, about: string): void {
  const crossed = client.received.lines.filter((line) => line.kind === "msg" && line.text.includes(text));
  assert.deepEqual(
    crossed.map((line) => line.text),
    [],
    about,
  );
}
