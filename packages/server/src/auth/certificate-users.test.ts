// Who comes in where certificates say who clients are (verify_and_map), and how else one might try. What a certificate's names
// stand for is in test/interop/tls.test.ts, which holds it against the reference.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { connect as connectSecure } from "node:tls";
import { SimRandom } from "@myelin/platform/sim";
import { DEFAULT_CONNECT_OPTIONS } from "@myelin/protocol";
import { RawClient, TestAuthority, type TestCertificate, waitFor } from "@myelin/testing";
import { nkeys } from "@nats-io/transport-node";
import type { ClientConnection } from "../connection/client-connection.ts";
import { createServer, type EmbeddedServer, type EmbeddedServerOptions } from "../embed/embedded-server.ts";
import { SILENT_LOGGER } from "../logger.ts";
import { completeOptions, type PartialServerOptions } from "../options.ts";
import { Account } from "../routing/account.ts";
import { readCertificate } from "../tls/peer-certificate.ts";
import { completeTls } from "../tls/settings.ts";
import { BcryptQueue } from "./bcrypt-queue.ts";
import { CertificateUsers, kindsWithCertificates } from "./certificate-users.ts";
import type { UserGiven } from "./user-given.ts";
import { UserList } from "./user-list.ts";

const AUTHORITY = new TestAuthority();
const ALICE = AUTHORITY.issue({ emailAddresses: ["alice@example.com"] });
const STRANGER = AUTHORITY.issue({ emailAddresses: ["stranger@example.com"] });
const KEY = nkeys.createUser();

const MAPPING = completeTls({ ...AUTHORITY.issue(), verifyAndMap: true }, () => assert.fail("reads no file"));

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

const KINDS: ReadonlyArray<readonly [listeners: PartialServerOptions, user: UserGiven, byName: boolean]> = [
  [{}, { user: "alice" }, true],
  [{ webSocket: { tls: MAPPING } }, { user: "alice" }, false],
  [{ webSocket: { tls: MAPPING } }, { user: "alice", pass: "a" }, true],
  [{ webSocket: { tls: MAPPING } }, { user: "alice", connectionTypes: ["STANDARD"] }, true],
  [{ webSocket: { tls: MAPPING } }, { user: "alice", connectionTypes: ["STANDARD", "WEBSOCKET"] }, false],
  [{ webSocket: { tls: MAPPING }, noAuthUser: "alice" }, { user: "alice" }, true],
  [{ webSocket: { tls: { ...MAPPING, map: false } } }, { user: "alice" }, true],
];

for (const [listeners, user, byName] of KINDS) {
  test(`${JSON.stringify(user)} ${byName ? "comes" : "does not come"} in by name beside ${Object.keys(listeners).join()}`, () => {
    const options = completeOptions({ ...listeners, users: [user] });
    const accounts = new Map([["$G", new Account("$G", 1)]]);
    const kinds = kindsWithCertificates(options);
    const list = new UserList(
      options,
      accounts,
      new BcryptQueue(() => Promise.resolve(false), 1),
      new SimRandom(1),
      SILENT_LOGGER,
      kinds,
    );
    const connection = { duplex: { transport: "tcp" }, isClosed: false, tls: null, logDebug: () => {} };
    const connect = { ...DEFAULT_CONNECT_OPTIONS, user: "alice", pass: user.pass ?? "" };
    const answer = list.authenticate(connect, connection as unknown as ClientConnection);
    assert.equal(answer !== null, byName);
  });
}

test("each listener that maps certificates counts, and one that does not listen does not", () => {
  const of = (given: PartialServerOptions): readonly string[] => kindsWithCertificates(completeOptions(given));
  assert.deepEqual(of({}), []);
  assert.deepEqual(of({ tls: MAPPING, webSocket: { tls: MAPPING } }), ["STANDARD", "WEBSOCKET"]);
  assert.deepEqual(of({ tls: MAPPING, listen: false }), []);
});

test("how a user was found is told in the reference's words, and which ways led nowhere", () => {
  const { cert } = AUTHORITY.issue({
    subject: [
      ["DC", "example"],
      ["CN", "ann"],
    ],
    emailAddresses: ["e@example.com"],
    dnsNames: ["d.example"],
    uris: ["urn:u"],
  });
  const certificate = readCertificate(new X509Certificate(cert).raw);
  const told = (name: string): ReadonlyArray<string | null> => {
    const { users } = completeOptions({ users: [{ user: name }] });
    const failed: string[] = [];
    const found = new CertificateUsers(new Map(users.map((user) => [user.user as string, user]))).find(
      certificate,
      () => true,
      (way, text) => void failed.push(`${way} ${text}`),
    );
    return [found?.by ?? null, ...failed];
  };
  assert.deepEqual(told("e@example.com"), ["email found in cert"]);
  assert.deepEqual(told("d.example"), ["SAN found in cert"]);
  assert.deepEqual(told("urn:u"), ["URI found in cert"]);
  assert.deepEqual(told("CN=ann,DC=example"), ["DistinguishedNameMatch"]);
  const [by, ...failed] = told("nobody");
  assert.equal(by, null);
  assert.deepEqual(
    failed.map((line) => line?.split(" ")[0]),
    ["DistinguishedNameMatch", "RDNSequence"],
  );
});
