import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { connect, NatsError, nkeyAuthenticator, SILENT_LOGGER } from "./node.ts";
import { parseServerError } from "./server-error.ts";

test("parseServerError() knows every text of the server that has a class", () => {
  const cases: Array<[text: string, code: string, effect: string]> = [
    ["Authorization Violation", "ERR_NATS_AUTHORIZATION", "auth"],
    ["User Authentication Expired", "ERR_NATS_AUTH_EXPIRED", "auth"],
    ["User Authentication Revoked", "ERR_NATS_AUTH_REVOKED", "auth"],
    ["Account Authentication Expired", "ERR_NATS_ACCOUNT_AUTH_EXPIRED", "auth"],
    ["Authentication Timeout", "ERR_NATS_AUTHENTICATION_TIMEOUT", "auth"],
    ["Stale Connection", "ERR_NATS_STALE_CONNECTION", "reconnect"],
    ["maximum connections exceeded", "ERR_NATS_MAX_CONNECTIONS", "reconnect"],
    ["maximum account active connections exceeded", "ERR_NATS_MAX_ACCOUNT_CONNECTIONS", "reconnect"],
    ["maximum subscriptions exceeded", "ERR_NATS_MAX_SUBSCRIPTIONS", "report"],
    ['Permissions Violation for Publish to "a.b"', "ERR_NATS_PERMISSION_VIOLATION", "report"],
    ['Permissions Violation for Subscription to "a" using queue "q"', "ERR_NATS_PERMISSION_VIOLATION", "report"],
    ["Permissions Violation of a new kind", "ERR_NATS_PERMISSION_VIOLATION", "report"],
    ["Unknown Protocol Operation", "ERR_NATS_PROTOCOL", "report"],
  ];
  for (const [text, code, effect] of cases) {
    const parsed = parseServerError(text);
    assert.deepEqual([parsed.error.code, parsed.effect], [code, effect], text);
    assert.ok(NatsError.isNatsError(parsed.error));
  }
});

test("an authenticator that throws, nkeys without a nonce, and no echo at an old server are errors of their own", async () => {
  await using server = await FakeServer.start((socket) => void socket.write(infoLine({ proto: 0 })));
  const { port } = server;
  const failing = (): never => {
    throw new Error("no key today");
  };
  await assert.rejects(connect({ port, authenticator: failing }), (error: NatsError) => {
    return error.code === "ERR_NATS_AUTHENTICATOR_FAILED" && (error.cause as Error).message === "no key today";
  });
  await assert.rejects(connect({ port, authenticator: nkeyAuthenticator() }), { code: "ERR_NATS_NKEYS_NOT_SUPPORTED" });
  await assert.rejects(connect({ port, noEcho: true }), { code: "ERR_NATS_NO_ECHO_NOT_SUPPORTED" });
});

test("a subscription with a callback is not iterated, and none is iterated twice at once", async () => {
  await using server = await FakeServer.start(async (socket, line) => void (await greet(socket, line)));
  const nc = await connect({ port: server.port, logger: SILENT_LOGGER });
  const called = nc.subscribe("a", { callback: () => {} });
  assert.throws(() => called[Symbol.asyncIterator](), { code: "ERR_NATS_INVALID_OPERATION" });
  await assert.rejects(called.nextMsg(), { code: "ERR_NATS_INVALID_OPERATION" });
  const iterated = nc.subscribe("a");
  const first = iterated[Symbol.asyncIterator]();
  assert.throws(() => iterated[Symbol.asyncIterator](), { code: "ERR_NATS_INVALID_OPERATION" });
  await first.return?.();
  await nc.close();
  const { NatsError: Copy } = (await import(`./errors.js?copy=${String(process.pid)}`)) as {
    NatsError: typeof NatsError;
  };
  assert.ok(Copy.isNatsError(new NatsError("x", "ERR_NATS_TIMEOUT")), "also by another copy of the package");
});
