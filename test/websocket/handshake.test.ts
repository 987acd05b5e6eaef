// The handshake of WebSocket against every server that is here: who gets in, and as whom.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinServer } from "../support/myelin-server.ts";
import type { RunningServer, Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";
import { WebSocketWire } from "../support/websocket-wire.ts";

const DEADLINE = { timeout: 30_000 };
const LISTEN = 'listen: "127.0.0.1:-1", no_tls: true';
const REFUSED = ["-ERR 'Authorization Violation'\r\n", "1008 Authentication Failure"] as const;
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** What is changed in a good request, and the status of the answer. */
const CHANGES: ReadonlyArray<readonly [status: number, from: string, to: string]> = [
  [101, "GET / ", "GET /whatever?x=1 "],
  [101, "Connection: keep-alive, Upgrade", "Connection: upgrade"],
  [101, "Upgrade: websocket", "Upgrade: h2c, WebSocket"],
  [400, "Connection: keep-alive, Upgrade", "Connection: keep-alive"],
  [400, "Upgrade: websocket", "Upgrade: h2c"],
  [400, `Sec-WebSocket-Key: ${KEY}\r\n`, ""],
  [400, KEY, "dGhlIHNhbXBsZQ=="],
  [400, KEY, "not base64 at all !!"],
  [400, "Version: 13", "Version: 12"],
  [400, "Host: ", "Other: "],
  [404, "GET / ", "GET /mqtt "],
  [404, "GET / ", "POST /some/mqtt "],
  [405, "GET / ", "POST / "],
  [405, "GET / ", "DELETE / "],
];

const USERS = `authorization { users: [
  { user: a, password: x }
  { user: web, password: x, allowed_connection_types: [ WEBSOCKET ] }
  { user: tcp, password: x, allowed_connection_types: [ STANDARD, IN_PROCESS, LEAFNODE_WS, MQTT_WS ] }
] }`;

/** Configurations, CONNECT and cookies, and what comes of it. */
const LOGINS: ReadonlyArray<
  readonly [name: string, getsIn: boolean, block: string, rest: string, connect: object, cookies?: string]
> = [
  ["nobody is asked", true, "", "", {}],
  ["a user", true, "", USERS, { user: "a", pass: "x" }],
  ["a wrong password", false, "", USERS, { user: "a", pass: "y" }],
  ["nobody, where there are users", false, "", USERS, {}],
  ["a user for WebSocket only", true, "", USERS, { user: "web", pass: "x" }],
  ["a user for everything else", false, "", USERS, { user: "tcp", pass: "x" }],
  ["a user assumed here", true, "no_auth_user: web", USERS, {}],
  ["a user assumed here who may not come this way", false, "no_auth_user: tcp", USERS, {}],
  ["a user assumed everywhere", true, "", `${USERS}\nno_auth_user: a`, {}],
  ["a user's cookies", true, "user_cookie: u, pass_cookie: p", USERS, {}, "x=1; u=a; p=x"],
  ["cookies in quotes", true, "user_cookie: u, pass_cookie: p", USERS, {}, 'u="a"; p="x"'],
  ["a wrong cookie", false, "user_cookie: u, pass_cookie: p", USERS, {}, "u=a; p=y"],
  ["cookies under other names", false, "user_cookie: u, pass_cookie: p", USERS, {}, "user=a; pass=x"],
  [
    "CONNECT, which goes before cookies",
    true,
    "user_cookie: u, pass_cookie: p",
    USERS,
    { user: "a", pass: "x" },
    "u=b; p=y",
  ],
  ["the server's token", true, "", "authorization { token: main }", { auth_token: "main" }],
  ["the token's cookie", true, "token_cookie: t", "authorization { token: main }", {}, "t=main"],
  ["a user of the listener's own", true, "authorization { user: w, password: x }", "", { user: "w", pass: "x" }],
  ["nobody, where the listener has a user", false, "authorization { user: w, password: x }", "", {}],
  [
    "the server's token, where the listener has a user",
    false,
    "authorization { user: w, password: x }",
    "authorization { token: main }",
    { auth_token: "main" },
  ],
  ["a token of the listener's own", true, "authorization { token: own }", "", { auth_token: "own" }],
  ["another token", false, "authorization { token: own }", "authorization { token: main }", { auth_token: "main" }],
];

/** Origins, and whether a page from there gets in. */
const ORIGINS: ReadonlyArray<readonly [block: string, origin: string | null, status: number]> = [
  ["", "http://anywhere", 101],
  ["same_origin: true", null, 101],
  ["same_origin: true", "http://127.0.0.1:PORT", 101],
  ["same_origin: true", "HTTP://127.0.0.1:PORT", 101],
  ["same_origin: true", "http://127.0.0.1", 403],
  ["same_origin: true", "https://127.0.0.1:PORT", 403],
  ["same_origin: true", "http://127.0.0.1.evil.example:PORT", 403],
  ["same_origin: true", "null", 403],
  ['allowed_origins: [ "https://a.example", "http://b.example:81" ]', "https://a.example", 101],
  ['allowed_origins: [ "https://a.example", "http://b.example:81" ]', "https://A.EXAMPLE:443", 101],
  ['allowed_origins: [ "https://a.example", "http://b.example:81" ]', "http://b.example:81", 101],
  ['allowed_origins: [ "https://a.example", "http://b.example:81" ]', "http://a.example", 403],
  ['allowed_origins: [ "https://a.example", "http://b.example:81" ]', "http://b.example", 403],
  ['allowed_origins: [ "https://a.example", "http://b.example:81" ]', "https://a.example@evil.example", 403],
  ['allowed_origins: [ "https://a.example", "http://b.example:81" ]', "", 101],
  ['same_origin: true, allowed_origins: "http://b.example"', "http://127.0.0.1:PORT", 403],
];

function behaviour(target: Target): void {
  describe(`the WebSocket handshake against ${target.name}`, () => {
    async function start(block: string, rest = ""): Promise<RunningServer> {
      return target.start(
        new Map([
          ["websocket", `{ ${LISTEN}, ${block} }`],
          ["configuration", rest],
        ]),
      );
    }

    test("requests are answered by their status", DEADLINE, async (t) => {
      const server = await start("");
      t.after(() => server.stop());
      for (const [status, from, to] of CHANGES) {
        const wire = await WebSocketWire.open(server.webSocketPort ?? 0);
        const request = wire.request();
        assert.ok(request.includes(from), from);
        wire.socket.write(request.replace(from, to));
        await wire.until(() => wire.head !== "");
        assert.equal(wire.status, status, `${from} -> ${to}: ${wire.head}`);
        wire.destroy();
      }
    });

    test("what is no HTTP is answered by 400, and nobody is disturbed", DEADLINE, async (t) => {
      const server = await start("");
      t.after(() => server.stop());
      const witness = await WebSocketWire.upgrade(server.webSocketPort ?? 0);
      for (const garbage of ["garbage\r\n\r\n", "\x00\x01\x02\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"]) {
        const wire = await WebSocketWire.open(server.webSocketPort ?? 0);
        wire.socket.write(garbage, "latin1");
        await wire.ended();
        assert.match(wire.head, /^HTTP\/1\.[01] (?:400|505) /);
      }
      witness.say("CONNECT {}\r\nPING\r\n");
      await witness.until(() => witness.said.includes("PONG\r\n"));
      witness.destroy();
    });

    test("bytes behind the request end it without an answer", DEADLINE, async (t) => {
      const server = await start("");
      t.after(() => server.stop());
      const wire = await WebSocketWire.open(server.webSocketPort ?? 0);
      wire.socket.write(`${wire.request()}\x81\x85`);
      await wire.ended();
      assert.equal(wire.head, "");
    });

    test("the answer has the accept key and the configured headers", DEADLINE, async (t) => {
      const server = await start("headers { X-Served-By: me, Strict-Transport-Security: max-age=1 }");
      t.after(() => server.stop());
      const wire = await WebSocketWire.upgrade(
        server.webSocketPort ?? 0,
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
      );
      assert.match(wire.head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
      assert.match(wire.head, /\r\nX-Served-By: me\r\n/);
      assert.match(wire.head, /\r\nStrict-Transport-Security: max-age=1\r\n/);
      assert.doesNotMatch(wire.head, /permessage-deflate/, "compression is off");
      const info = JSON.parse(wire.frames[0]?.payload.toString().slice("INFO ".length) ?? "") as Record<
        string,
        unknown
      >;
      assert.equal(info["host"], "127.0.0.1");
      assert.equal(info["port"], server.webSocketPort);
      assert.equal(info["connect_urls"], undefined);
      wire.destroy();
    });

    test("a leafnode is shown the door", DEADLINE, async (t) => {
      const server = await start("");
      t.after(() => server.stop());
      const wire = await WebSocketWire.upgrade(server.webSocketPort ?? 0, "", "/leafnode");
      await wire.ended();
      assert.equal(wire.status, 101);
      assert.equal(wire.said, "");
    });

    test("browsers get frames of 4096 bytes, others large ones", DEADLINE, async (t) => {
      const server = await start("");
      t.after(() => server.stop());
      for (const [agent, most] of [
        ["Mozilla/5.0 (X11; Linux x86_64) Chrome/130", 4_096],
        ["nats.go/1.40", Number.POSITIVE_INFINITY],
      ] as const) {
        const wire = await WebSocketWire.upgrade(server.webSocketPort ?? 0, `User-Agent: ${agent}\r\n`);
        const payload = "z".repeat(50_000);
        wire.say(`CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 50000\r\n${payload}\r\nPING\r\n`);
        await wire.until(() => wire.said.endsWith("PONG\r\n"));
        assert.equal(wire.said, `MSG a 1 50000\r\n${payload}\r\nPONG\r\n`);
        const sizes = wire.frames.slice(1).map((frame) => frame.payload.length);
        assert.ok(Math.max(...sizes) <= most);
        if (most > 4_096) assert.ok(Math.max(...sizes) > 4_096);
        wire.destroy();
      }
    });

    for (const [name, getsIn, block, rest, connect, cookies] of LOGINS) {
      test(`${name}: ${getsIn ? "gets in" : "is refused"}`, DEADLINE, async (t) => {
        const server = await start(block, rest);
        t.after(() => server.stop());
        const headers = cookies === undefined ? "" : `Cookie: ${cookies}\r\n`;
        const wire = await WebSocketWire.upgrade(server.webSocketPort ?? 0, headers);
        wire.say(`CONNECT ${JSON.stringify({ verbose: false, ...connect })}\r\nPING\r\n`);
        if (getsIn) {
          await wire.until(() => wire.said === "PONG\r\n");
          wire.destroy();
          return;
        }
        await wire.ended();
        assert.deepEqual([wire.said, wire.farewell], REFUSED);
      });
    }

    test("with any authentication nothing is done for whom it does not know", DEADLINE, async (t) => {
      const configurations = [
        ["", USERS],
        ["", "authorization { token: t }"],
        ["", "authorization { user: a, password: b }"],
        ["authorization { token: t }", ""],
        ["authorization { user: a, password: b }", ""],
        ["user_cookie: u, pass_cookie: p, token_cookie: t", USERS],
      ] as const;
      for (const [block, rest] of configurations) {
        const server = await start(block, rest);
        t.after(() => server.stop());
        for (const operation of [
          "SUB > 1\r\n",
          "PUB a 1\r\nx\r\n",
          "PING\r\n",
          "UNSUB 1\r\n",
          "CONNECT {}\r\nSUB > 1\r\n",
        ]) {
          const wire = await WebSocketWire.upgrade(server.webSocketPort ?? 0);
          const info = wire.frames[0]?.payload.toString() ?? "";
          assert.match(info, /"auth_required":true/);
          wire.say(operation);
          await wire.ended();
          assert.deepEqual([wire.said, wire.farewell], REFUSED, `${block} ${rest} ${operation}`);
        }
      }
    });

    test("a client that says nothing is let go after the listener's own time", DEADLINE, async (t) => {
      const server = await start("authorization { token: t, timeout: 0.05 }", "authorization { timeout: 60 }");
      t.after(() => server.stop());
      const wire = await WebSocketWire.upgrade(server.webSocketPort ?? 0);
      await wire.ended();
      assert.equal(wire.said, "-ERR 'Authentication Timeout'\r\n");
      assert.equal(wire.farewell, "1008 Authentication Timeout");
    });

    test("PINGs come at the listener's own interval", DEADLINE, async (t) => {
      const server = await start('ping_interval: "50ms"', "ping_max: 1");
      t.after(() => server.stop());
      const wire = await WebSocketWire.upgrade(server.webSocketPort ?? 0);
      wire.say('CONNECT {"verbose":false}\r\n');
      await wire.ended();
      assert.equal(wire.text, "PING\r\n-ERR 'Stale Connection'\r\n");
      assert.equal(wire.farewell, "1001 Stale Connection");
    });

    test("pages get in by their origin", DEADLINE, async (t) => {
      const servers = new Map<string, RunningServer>();
      for (const [block, origin, status] of ORIGINS) {
        let server = servers.get(block);
        if (server === undefined) {
          server = await start(block);
          servers.set(block, server);
          const started = server;
          t.after(() => started.stop());
        }
        const port = server.webSocketPort ?? 0;
        const header = origin === null ? "" : `Origin: ${origin.replace("PORT", String(port))}\r\n`;
        const wire = await WebSocketWire.upgrade(port, header);
        assert.equal(wire.status, status, `${block}: ${header}`);
        wire.destroy();
      }
    });
  });
}

forEveryTarget("the WebSocket handshake", new MyelinServer(), behaviour);
