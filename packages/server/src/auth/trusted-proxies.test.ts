import assert from "node:assert/strict";
import { test } from "node:test";
import { RawClient, startServer, waitFor } from "@myelin/testing";
import { nkeys } from "@nats-io/transport-node";
import { createServer } from "../embed/embedded-server.ts";

const PROXY = nkeys.createUser();
const STRANGER = nkeys.createUser();

type Signer = typeof PROXY;

function sign(signer: Signer | null, nonce: string): string | undefined {
  return signer === null ? undefined : Buffer.from(signer.sign(new TextEncoder().encode(nonce))).toString("base64url");
}

/** Connects as `user`, perhaps with the word of a proxy. @returns What was answered, INFO aside. */
async function knock(url: string, user: string, signer: Signer | null): Promise<string> {
  const client = await RawClient.connect(url);
  const [line] = await client.expect(/INFO .*\r\n/);
  const { nonce = "" } = JSON.parse(line.slice(5)) as { nonce?: string };
  client.send(`CONNECT ${JSON.stringify({ verbose: true, user, pass: user, proxy_sig: sign(signer, nonce) })}\r\n`);
  await waitFor(() => client.isEnded || client.text.includes("+OK"));
  const { text } = client;
  client.close();
  return text.trim();
}

test("a user who needs a trusted proxy is told apart by the reason, not by what he is told", async () => {
  await using server = await startServer({
    run: "in-process",
    debug: true,
    trustedProxies: [PROXY.getPublicKey()],
    users: [
      { user: "edge", pass: "edge", proxyRequired: true },
      { user: "local", pass: "local" },
    ],
  });
  const refused = "-ERR 'Authorization Violation'";
  assert.equal(await knock(server.url, "edge", PROXY), "+OK");
  assert.equal(await knock(server.url, "local", PROXY), "+OK");
  assert.equal(await knock(server.url, "local", null), "+OK");
  assert.equal(await knock(server.url, "edge", null), refused);
  await waitFor(
    () => server.log.includes("proxy connection required") && server.log.includes("closed: Proxy Required"),
  );
  assert.equal(await knock(server.url, "local", STRANGER), refused);
  await waitFor(() => server.log.includes("proxy is not trusted") && server.log.includes("closed: Proxy Not Trusted"));
});

test("a reload ends the connections of a proxy that is not trusted any more, and of users who need one from now on", async () => {
  const user = { user: "local", pass: "local" };
  const server = await createServer({ trustedProxies: [PROXY.getPublicKey()], users: [user] });
  const open = async (signer: Signer | null): Promise<RawClient> => {
    const client = await RawClient.connect(server.url);
    const [line] = await client.expect(/INFO .*\r\n/);
    const { nonce = "" } = JSON.parse(line.slice(5)) as { nonce?: string };
    client.send(
      `CONNECT ${JSON.stringify({ verbose: true, user: "local", pass: "local", proxy_sig: sign(signer, nonce) })}\r\n`,
    );
    await client.expect(/\+OK/);
    return client;
  };
  const proxied = await open(PROXY);
  const direct = await open(null);
  await server.reload({ trustedProxies: [STRANGER.getPublicKey()] });
  await proxied.expect(/-ERR 'Authorization Violation'/);
  direct.send("PING\r\n");
  await direct.expect(/PONG/);
  await server.reload({ users: [{ ...user, proxyRequired: true }] });
  await direct.expect(/-ERR 'Authorization Violation'/);
  const again = await open(STRANGER);
  again.close();
  await server.close();
});

test("where nobody has a name a proxy may be needed all the same", async () => {
  const server = await createServer({ trustedProxies: [PROXY.getPublicKey()], proxyRequired: true });
  assert.equal(await knock(server.url, "", PROXY), "+OK");
  assert.match(await knock(server.url, "", null), /Authorization Violation/);
  const client = await RawClient.connect(server.url);
  client.send("SUB > 1\r\n");
  await client.expect(/-ERR 'Authorization Violation'\r\n/);
  await server.close();
});

test("a key that is none is refused", async () => {
  for (const key of ["", "UABC", PROXY.getPublicKey().slice(1), nkeys.createCurve().getPublicKey()]) {
    await assert.rejects(createServer({ listen: false, trustedProxies: [key] }), { code: "INVALID_OPTION" });
  }
  const keys = [nkeys.createAccount(), nkeys.createServer(), nkeys.createOperator(), nkeys.createCluster()];
  const server = await createServer({ listen: false, trustedProxies: keys.map((key) => key.getPublicKey()) });
  await server.close();
});
