import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeClock } from "@myelin/platform/node";
import { TestClock } from "@myelin/platform/sim";
import { RawClient, waitFor } from "@myelin/testing";
import { createServer, type EmbeddedServerOptions } from "../embed/embedded-server.ts";
import type { Authenticate, AuthenticatedUser, AuthenticationRefusal, ConnectInfo } from "./user-function.ts";

/** A function whose answer the test gives, when it wants. */
class LateAnswer {
  readonly asked: ConnectInfo[] = [];
  readonly #answers: Array<(answer: AuthenticatedUser | AuthenticationRefusal) => void> = [];

  readonly authenticate: Authenticate = (connect) => {
    this.asked.push(connect);
    return new Promise((resolve) => this.#answers.push(resolve));
  };

  async answer(answer: AuthenticatedUser | AuthenticationRefusal): Promise<void> {
    await waitFor(() => this.#answers.length > 0);
    this.#answers.shift()?.(answer);
  }
}

async function serverWith(authenticate: Authenticate, options: EmbeddedServerOptions = {}) {
  const errors: string[] = [];
  const silent = (): void => {};
  const logger = {
    info: silent,
    warn: silent,
    debug: silent,
    trace: silent,
    error: (text: string) => errors.push(text),
  };
  const server = await createServer({ listen: false, authenticate, logger, ...options });
  return { server, errors };
}

describe("authenticate", () => {
  test("is asked with what CONNECT tells, and INFO asks for it", async () => {
    const late = new LateAnswer();
    const { server } = await serverWith(late.authenticate);
    const client = new RawClient(server.connectInProcess());
    assert.match((await client.expect(/INFO .*\r\n/))[0], /"auth_required":true/);
    client.send(`CONNECT {"user":"u","pass":"p","name":"n","lang":"l","version":"v","auth_token":"t"}\r\nPING\r\n`);
    await late.answer({ user: "someone" });
    await client.expect(/PONG/);
    const [{ connectionId, remote, user, pass, name, lang, version, token }] = late.asked as [ConnectInfo];
    assert.deepEqual([connectionId, remote, user, pass], [1, null, "u", "p"]);
    assert.deepEqual([name, lang, version, token], ["n", "l", "v", "t"]);
    assert.equal(server.connections[0]?.user, "someone");
    await server.close();
  });

  test("holds the operations behind CONNECT, in the same read and later ones, until it is answered", async () => {
    const late = new LateAnswer();
    const { server } = await serverWith(late.authenticate);
    const client = new RawClient(server.connectInProcess());
    client.send(`CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 3\r\none\r\nPUB a 3\r`);
    await waitFor(() => late.asked.length === 1);
    client.send(`\ntwo\r\n`);
    client.send(`PUB a ${200_000}\r\n${"x".repeat(200_000)}\r\nPING\r\n`);
    assert.equal(server.subscriptionCount, 0);
    await late.answer({});
    await client.expect(/MSG a 1 3\r\none\r\nMSG a 1 3\r\ntwo\r\nMSG a 1 200000\r\nx{200000}\r\nPONG\r\n/);
    await server.close();
  });

  test("holds them at each CONNECT of several", async () => {
    const late = new LateAnswer();
    const { server } = await serverWith(late.authenticate);
    const client = new RawClient(server.connectInProcess());
    const connect = `CONNECT {"verbose":false}\r\n`;
    client.send(`${connect}SUB a 1\r\nPUB a 1\r\n1\r\n${connect}SUB a 2\r\nPUB a 1\r\n2\r\nPING\r\n`);
    await late.answer({});
    await client.expect(/MSG a 1 1\r\n1\r\n/);
    assert.equal(late.asked.length, 2);
    await late.answer({});
    await client.expect(/MSG a 2 1\r\n2\r\nPONG\r\n/);
    await server.close();
  });

  test("keeps what came before the end of a client that does not wait", async () => {
    const late = new LateAnswer();
    const { server } = await serverWith(late.authenticate);
    const listener = new RawClient(server.connectInProcess());
    const listening = listener.handshake();
    await late.answer({});
    await listening;
    listener.send("SUB a 1\r\nPING\r\n");
    await listener.expect(/PONG/);
    const hasty = new RawClient(server.connectInProcess());
    hasty.send(`CONNECT {"verbose":false}\r\nPUB a 1\r\nx\r\n`);
    await waitFor(() => late.asked.length === 2);
    hasty.close();
    await late.answer({});
    await listener.expect(/MSG a 1 1\r\nx\r\n/);
    await waitFor(() => server.connectionCount === 1);
    await server.close();
  });

  test("over TCP too", async () => {
    const late = new LateAnswer();
    const { server } = await serverWith(late.authenticate, { listen: true });
    const client = await RawClient.connect(server.url);
    client.send(`CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 3\r\none\r\nPING\r\n`);
    await late.answer({});
    await client.expect(/MSG a 1 3\r\none\r\nPONG\r\n/);
    await server.close();
  });

  test("refuses, with the reason in the log only", async () => {
    const refusals: Array<[Authenticate, RegExp]> = [
      [() => ({ refuse: "not on the list" }), /not on the list/],
      [() => Promise.resolve({ refuse: "not today" }), /not today/],
      [() => Promise.reject(new Error("the database is away")), /the database is away/],
      [
        () => {
          throw new Error("thrown");
        },
        /thrown/,
      ],
      [() => ({ account: "NOWHERE" }), /named the account "NOWHERE", which is none/],
      [(() => undefined) as unknown as Authenticate, /answered undefined/],
    ];
    for (const [authenticate, reason] of refusals) {
      const { server, errors } = await serverWith(authenticate);
      const client = new RawClient(server.connectInProcess());
      client.send("CONNECT {}\r\nPING\r\n");
      assert.match((await client.expect(/-ERR .*\r\n/))[0], /^-ERR 'Authorization Violation'\r\n$/);
      await client.ended();
      assert.match(errors.join("\n"), reason);
      await server.close();
    }
  });

  test("gives a client permissions and a time to go", async () => {
    const clock = new TestClock(new NodeClock());
    clock.stop();
    const { server } = await serverWith(
      () => ({
        user: "a",
        permissions: { publish: "a", subscribe: { deny: "b" } },
        expiresAt: new Date(clock.wallMs() + 5_000_000_000),
      }),
      { clock, pingIntervalMs: 10_000_000_000 },
    );
    const client = new RawClient(server.connectInProcess());
    client.send('CONNECT {"verbose":false}\r\nPUB b 0\r\n\r\nSUB b 1\r\nSUB a 2\r\nPUB a 0\r\n\r\nPING\r\n');
    await client.expect(
      /-ERR 'Permissions Violation for Publish to "b"'\r\n-ERR 'Permissions Violation for Subscription to "b"'\r\nMSG a 2 0/,
    );
    await client.expect(/PONG\r\n/);
    await clock.advance(5_000_000_000);
    await client.expect(/-ERR 'User Authentication Expired'\r\n/);
    await client.ended();
    await server.close();
  });

  test("refuses a time that is over, and permissions that cannot be meant", async () => {
    const refusals: Array<[AuthenticatedUser, RegExp, RegExp]> = [
      [{ expiresAt: new Date(0) }, /User Authentication Expired/, /^$/],
      [{ expiresAt: new Date(Number.NaN) }, /Authorization Violation/, /expiresAt that is no date/],
      [
        { permissions: { publish: "a..b" } },
        /Authorization Violation/,
        /publish: subject "a\.\.b" is not a valid subject/,
      ],
    ];
    for (const [answer, wire, log] of refusals) {
      const { server, errors } = await serverWith(() => answer);
      const client = new RawClient(server.connectInProcess());
      client.send("CONNECT {}\r\nPING\r\n");
      assert.match((await client.expect(/-ERR .*\r\n/))[0], wire);
      await client.ended();
      assert.match(errors[0] ?? "", log);
      await server.close();
    }
  });

  test("puts a client into an account that exists", async () => {
    const { server } = await serverWith(() => ({ account: "$SYS" }));
    const client = new RawClient(server.connectInProcess());
    await client.handshake();
    assert.equal(server.connections[0]?.account, "$SYS");
    await server.close();
  });

  test("has no longer than authTimeoutMs, and a late answer changes nothing", async () => {
    const clock = new TestClock(new NodeClock());
    clock.stop();
    const late = new LateAnswer();
    const { server } = await serverWith(late.authenticate, { clock, authTimeoutMs: 500 });
    const client = new RawClient(server.connectInProcess());
    client.send("CONNECT {}\r\nPING\r\n");
    await waitFor(() => late.asked.length === 1);
    await clock.advance(500);
    await client.expect(/-ERR 'Authentication Timeout'\r\n/);
    await client.ended();
    await late.answer({});
    assert.equal(server.connectionCount, 0);
    await server.close();
  });
});
