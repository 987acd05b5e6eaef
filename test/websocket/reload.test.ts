// A reload as clients over WebSocket see it, against every server that is here: by the server's users, by a cookie, and by the
// listener's own user, whom no reload concerns.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinServer } from "../support/myelin-server.ts";
import type { ReloadableServer, Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";
import { WebSocketWire } from "../support/websocket-wire.ts";

const DEADLINE = { timeout: 30_000 };

function configuration(block: string, rest: string): ReadonlyMap<string, string> {
  return new Map([
    ["websocket", `{ listen: "127.0.0.1:-1", no_tls: true, ${block} }`],
    ["configuration", rest],
  ]);
}

/** Connects, subscribes to `foo` and waits until that has been done. */
async function comes(server: ReloadableServer, connect: Record<string, string>, cookie = ""): Promise<WebSocketWire> {
  const headers = cookie === "" ? "" : `Cookie: ${cookie}\r\n`;
  const wire = await WebSocketWire.upgrade(server.webSocketPort ?? 0, headers);
  wire.say(`CONNECT ${JSON.stringify({ verbose: false, ...connect })}\r\nSUB foo 1\r\nPING\r\n`);
  await wire.until(() => wire.said.includes("PONG\r\n") || wire.closed);
  return wire;
}

/** Waits until what was sent has been worked off; gives what came behind the first PONG, or the end. */
async function settled(wire: WebSocketWire): Promise<string> {
  const pongs = (): number => wire.said.split("PONG\r\n").length - 1;
  const before = pongs();
  if (!wire.closed) wire.say("PING\r\n");
  await wire.until(() => wire.closed || pongs() > before);
  const text = wire.said.slice(wire.said.indexOf("PONG\r\n") + 6).replaceAll("PONG\r\n", "");
  return wire.closed ? `${text}closed` : text;
}

function behaviour(target: Target): void {
  describe(`a reload over WebSocket against ${target.name}`, () => {
    test("users who stay, change and go, by CONNECT and by cookies", DEADLINE, async (t) => {
      const cookies = "user_cookie: u, pass_cookie: p";
      const users = (...list: readonly string[]): string => `authorization { users: [ ${list.join(", ")} ] }`;
      const [stays, changes, narrows] = ["s", "c", "n"].map((user) => `{ user: ${user}, password: x }`);
      const before = users(stays ?? "", changes ?? "", narrows ?? "", "{ user: g, password: x }");
      const server = await target.start(configuration(cookies, before));
      t.after(() => server.stop());
      const said = await comes(server, { user: "s", pass: "x" });
      const byCookie = await comes(server, {}, "u=s; p=x");
      const changed = await comes(server, {}, "u=c; p=x");
      const narrowed = await comes(server, { user: "n", pass: "x" });
      const gone = await comes(server, { user: "g", pass: "x" });
      const after = users(
        stays ?? "",
        "{ user: c, password: y }",
        "{ user: n, password: x, permissions: { subscribe: bar } }",
      );
      assert.equal(await server.reload(configuration(cookies, after)), null);
      assert.equal(await settled(said), "");
      assert.equal(await settled(byCookie), "");
      assert.equal(await settled(changed), "-ERR 'Authorization Violation'\r\nclosed");
      assert.equal(await settled(narrowed), `-ERR 'Permissions Violation for Subscription to "foo" (sid "1")'\r\n`);
      assert.equal(await settled(gone), "closed");
      for (const wire of [said, byCookie, narrowed]) wire.destroy();
    });

    test("a token in a cookie, when the token changes", DEADLINE, async (t) => {
      const server = await target.start(configuration("token_cookie: t", "authorization { token: one }"));
      t.after(() => server.stop());
      const wire = await comes(server, {}, "t=one");
      assert.equal(
        await server.reload(configuration("token_cookie: t", "authorization { token: one, timeout: 3 }")),
        null,
      );
      assert.equal(await settled(wire), "");
      assert.equal(await server.reload(configuration("token_cookie: t", "authorization { token: two }")), null);
      assert.equal(await settled(wire), "-ERR 'Authorization Violation'\r\nclosed");
    });

    test("the listener's own token, when the server's token changes", DEADLINE, async (t) => {
      const block = "authorization { token: own }";
      const token = (main: string): string => `authorization { token: ${main} }`;
      const server = await target.start(configuration(block, token("one")));
      t.after(() => server.stop());
      const wire = await comes(server, { auth_token: "own" });
      assert.equal(await server.reload(configuration(block, token("two"))), null);
      assert.equal(await settled(wire), "");
      wire.destroy();
    });

    test("no option of the listener can change", DEADLINE, async (t) => {
      const server = await target.start(configuration("", ""));
      t.after(() => server.stop());
      const wire = await comes(server, {});
      for (const block of ["compression: true", "handshake_timeout: '1s'", "authorization { token: s3cret }"]) {
        const refusal = await server.reload(configuration(block, "max_payload: 1"));
        assert.match(refusal ?? "", /^config reload not supported for Websocket: old=.*, new=/);
      }
      assert.equal(await server.reload(configuration("", "max_payload: 2")), null);
      wire.say("PUB foo 3\r\nxyz\r\n");
      await wire.until(() => wire.said.includes("-ERR 'Maximum Payload Violation'"));
    });
  });
}

forEveryTarget("a reload over WebSocket", new MyelinServer(), behaviour);
