// What servers leave of OCSP on disk, read by the next server: each kind after each. The next one has no responder that answers.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ConnectionOptions, connect as connectSecure, type TLSSocket } from "node:tls";
import { startServer, TestAuthority, type TestCertificate, type TestServer } from "@myelin/testing";
import { findReferenceServer } from "../support/reference-server.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "myelin-ocsp-disk-"));
after(() => rmSync(FOLDER, { recursive: true }));

const AUTHORITY = new TestAuthority();
/** Answers by serial number, hexadecimal; when there is none it is down. */
const ANSWERS = new Map<string, Uint8Array>();
const RESPONDER: Server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const path = decodeURIComponent(request.url ?? "").slice(1);
    const der = request.method === "POST" ? Buffer.concat(chunks) : Buffer.from(path, "base64");
    const [, answer] = [...ANSWERS].find(([serial]) => der.includes(Buffer.from(serial, "hex"))) ?? [];
    response.writeHead(answer === undefined ? 500 : 200).end(answer);
  });
});

interface Certificates {
  readonly server: TestCertificate;
  readonly good: TestCertificate;
  readonly revoked: TestCertificate;
  readonly stranger: TestCertificate;
}
let certificates: Certificates;

before(async () => {
  RESPONDER.listen(0, "127.0.0.1");
  await once(RESPONDER, "listening");
  const ocspUrls = [`http://127.0.0.1:${(RESPONDER.address() as AddressInfo).port}`];
  const client = (name: string): TestCertificate => AUTHORITY.issue({ dnsNames: [name], ocspUrls, usage: "client" });
  const server = AUTHORITY.issue({ dnsNames: ["localhost"], mustStaple: true, ocspUrls, usage: "server" });
  certificates = { server, good: client("good"), revoked: client("revoked"), stranger: client("stranger") };
  for (const [name, text] of [
    ["ca.pem", AUTHORITY.cert],
    ["server.pem", server.cert],
    ["server-key.pem", server.key],
  ] as const) {
    writeFileSync(join(FOLDER, name), text);
  }
});
after(() => {
  RESPONDER.close();
  RESPONDER.closeAllConnections();
});

/** Has the responder answer, or not any more. */
function setResponder(isUp: boolean): void {
  ANSWERS.clear();
  if (!isUp) return;
  const { good, revoked, server } = certificates;
  for (const { cert } of [server, good, revoked]) {
    const { serialNumber } = new X509Certificate(cert);
    ANSWERS.set(serialNumber.toLowerCase(), AUTHORITY.answer(cert, cert === revoked.cert ? { status: "revoked" } : {}));
  }
}

function configuration(folder: string): string {
  const tls = ["ca", "cert", "key"].map((name) => {
    const file = { ca: "ca.pem", cert: "server.pem", key: "server-key.pem" }[name] as string;
    return `${name}_file: "${join(FOLDER, file)}"`;
  });
  return `
    tls { ${tls.join(", ")}, verify: true, handshake_first: true, timeout: 20, ocsp_peer: true }
    ocsp { mode: must }
    store_dir: "${join(folder, "data")}"
    ocsp_cache { local_store: "${join(folder, "cache")}", preserve_revoked: true }`;
}

function start(program: string | null, folder: string): Promise<TestServer> {
  const which = program === null ? {} : { program };
  return startServer({ run: "child", ...which, configText: configuration(folder), port: -1 });
}

function open({ port }: TestServer, { cert, key }: TestCertificate): TLSSocket {
  // The types of Node leave the option out here; tls.connect takes it.
  const options: ConnectionOptions & { readonly requestOCSP: true } = { requestOCSP: true, cert, key, port };
  return connectSecure({ ...options, host: "127.0.0.1", ca: AUTHORITY.cert, servername: "localhost" });
}

/** What is stapled for a client, and whether it may come in. */
async function enter(server: TestServer, client: TestCertificate): Promise<{ staple: string | null; isIn: boolean }> {
  const socket = open(server, client);
  let staple: string | null = null;
  let text = "";
  socket.on("error", () => {}); // it says how the server hung up, which is not the question
  socket.on("OCSPResponse", (der: Buffer | null) => {
    staple = der?.toString("hex") ?? null;
  });
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    if (text.endsWith("PONG\r\n")) socket.destroy();
  });
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n');
  // Not `once`, which an error would end.
  await new Promise((resolve) => socket.on("close", resolve));
  return { staple, isIn: text.endsWith("PONG\r\n") };
}

/** Who of the clients may come in, and with which staple. */
async function enterAll(server: TestServer): Promise<{ staples: Set<string | null>; isIn: boolean[] }> {
  const { good, revoked, stranger } = certificates;
  const found = [];
  for (const client of [good, revoked, stranger]) found.push(await enter(server, client));
  return { staples: new Set(found.map(({ staple }) => staple)), isIn: found.map(({ isIn }) => isIn) };
}

function fingerprint({ cert }: TestCertificate, encoding: "hex" | "base64"): string {
  return createHash("sha256").update(new X509Certificate(cert).raw).digest(encoding);
}

const reference = findReferenceServer();
const PROGRAMS: ReadonlyArray<readonly [name: string, program: string | null]> = [
  ["myelin-server", null],
  ...(reference === null ? [] : [["nats-server", reference] as const]),
];
if (reference === null) {
  test("OCSP on disk with nats-server", { skip: "no nats-server: set REFERENCE_SERVER or put it on the PATH" });
}
for (const [first, firstProgram] of PROGRAMS) {
  for (const [second, secondProgram] of PROGRAMS) {
    test(`what ${first} leaves of OCSP on disk, ${second} goes on from`, async () => {
      const folder = join(FOLDER, `${first}-${second}`);
      mkdirSync(folder);
      setResponder(true);
      const writer = await start(firstProgram, folder);
      let known: Awaited<ReturnType<typeof enterAll>>;
      try {
        known = await enterAll(writer);
        assert.deepEqual(known.isIn, [true, false, false]);
        assert.ok(known.staples.size === 1 && !known.staples.has(null));
        await writer.stop();
      } finally {
        await writer.close();
      }
      const { good, revoked, server } = certificates;
      assert.deepEqual(readdirSync(join(folder, "data", "ocsp")), [fingerprint(server, "hex")]);
      assert.deepEqual(readdirSync(join(folder, "cache")), ["cache.json"]);
      const file: unknown = JSON.parse(readFileSync(join(folder, "cache", "cache.json"), "utf8"));
      assert.deepEqual(
        Object.keys(file as object).toSorted(),
        [good, revoked].map((each) => fingerprint(each, "base64")).toSorted(),
      );

      setResponder(false);
      const reader = await start(secondProgram, folder);
      try {
        assert.deepEqual(await enterAll(reader), known);
      } finally {
        await reader.close();
      }
      // Without what is on disk it would not have started.
      rmSync(join(folder, "data"), { recursive: true });
      await assert.rejects(start(secondProgram, folder), /bad OCSP status update for certificate/);
    });
  }
}
