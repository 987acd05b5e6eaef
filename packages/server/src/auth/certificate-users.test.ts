// Who comes in where certificates say who clients are (verify_and_map), and how else one might try. What a certificate's names
// stand for is in test/interop/tls.test.ts, which holds it against the reference.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect as connectSecure } from "node:tls";
import { RawClient, TestAuthority, type TestCertificate, waitFor } from "@myelin/testing";
import { nkeys } from "@nats-io/transport-node";
import { createServer, type EmbeddedServer, type EmbeddedServerOptions } from "../embed/embedded-server.ts";

const AUTHORITY = new TestAuthority();
const ALICE = AUTHORITY.issue({ emailAddresses: ["alice@example.com"] });
const STRANGER = AUTHORITY.issue({ emailAddresses: ["stranger@example.com"] });
const KEY = nkeys.createUser();

const MAPPED: EmbeddedServerOptions = {
  tls: { ...AUTHORITY.issue(), ca: AUTHORITY.cert, verifyAndMap: true, handshakeFirst: true, timeoutMs: 20_000 },
  allowNonTls: true,
  users: [{ user: "alice@example.com" }, { user: "guest" }, { nkey: KEY.getPublicKey() }],
};

/** What a client gets for these lines behind a handshake: all that the server says, up to PONG or its end. */
async function tell(
  server: EmbeddedServer,
  certificate: TestCertificate,
  lines: (nonce: string) => string,
): Promise<string> {
  const secure = connectSecure({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ...certificate });
  secure.on("error", () => {}); // refused; what was said before tells
  let text = "";
  secure.on("data", (chunk: Buffer) => {
    const isFirst = text === "";
    text += chunk.toString("latin1");
    if (isFirst) secure.write(lines(/"nonce":"([^"]*)"/.exec(text)?.[1] ?? ""));
  });
  await waitFor(() => secure.closed || text.includes("PONG\r\n"));
  secure.destroy();
  return text.slice(text.indexOf("\r\n") + 2);
}

function connectLine(fields: object = {}): string {
  return `CONNECT ${JSON.stringify({ verbose: false, ...fields })}\r\nPING\r\n`;
}

const REFUSED = "-ERR 'Authorization Violation'\r\n";

for (const noAuthUser of [undefined, "guest", KEY.getPublicKey()]) {
  const name =
    noAuthUser === undefined ? "" : `, with ${noAuthUser.length > 50 ? "an nkey" : noAuthUser} for who gives none`;
  test(`a certificate that stands for nobody lets nobody in${name}`, async () => {
    await using server = await createServer({ ...MAPPED, noAuthUser });
    const isNkey = noAuthUser === KEY.getPublicKey();
    assert.equal(await tell(server, ALICE, () => connectLine({ user: "alice@example.com" })), "PONG\r\n");
    // As in the reference, an nkey that is for everybody is for holders of certificates, too.
    assert.equal(await tell(server, STRANGER, () => connectLine()), isNkey ? "PONG\r\n" : REFUSED);
    assert.equal(await tell(server, STRANGER, () => connectLine({ user: "alice@example.com" })), REFUSED);
    assert.equal(await tell(server, STRANGER, () => connectLine({ user: "guest" })), REFUSED);
    for (const certificate of [STRANGER, ALICE]) {
      assert.equal(await tell(server, certificate, () => "SUB > 1\r\nPUB a 2\r\nhi\r\nPING\r\n"), REFUSED);
    }
    const key = (nonce: string): string => {
      const sig = Buffer.from(KEY.sign(Buffer.from(nonce))).toString("base64url");
      return connectLine({ nkey: KEY.getPublicKey(), sig });
    };
    assert.equal(await tell(server, STRANGER, key), "PONG\r\n");
  });
}

test("without TLS nobody comes in by the name of a certificate, over a socket or inside the process", async () => {
  await using server = await createServer({ ...MAPPED, tls: { ...MAPPED.tls, handshakeFirst: false } });
  const address = `nats://127.0.0.1:${server.port}`;
  for (const client of [await RawClient.connect(address), new RawClient(server.connectInProcess())]) {
    await client.expect(/INFO .*\r\n/);
    client.send(connectLine({ user: "alice@example.com" }));
    await waitFor(() => client.isEnded);
    assert.equal(client.text, REFUSED);
  }
});
