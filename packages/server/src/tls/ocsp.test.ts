// OCSP as clients of a server meet it: what is stapled, who is let in, and what a server does about its own certificates. The
// responder is a real one, over HTTP; what it says is made for each test.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ConnectionOptions, connect as connectSecure, type TLSSocket } from "node:tls";
import { type OcspAnswerRequest, TestAuthority, type TestCertificate, waitFor } from "@myelin/testing";
import { createServer, EmbeddedServer, type EmbeddedServerOptions } from "../embed/embedded-server.ts";
import type { Logger } from "../logger.ts";
import type { OcspPeerOptions } from "./ocsp/settings.ts";

/** Answers for the certificates that it has been told of; every other question gets a 404. */
class Responder {
  readonly asked: string[] = [];
  /** What to answer, by serial number in hexadecimal. Null: nothing at all. */
  readonly answers: Map<string, Uint8Array | null> = new Map();
  readonly #server: HttpServer = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = decodeURIComponent(request.url ?? "").slice(1);
      const der = request.method === "POST" ? Buffer.concat(chunks) : Buffer.from(path, "base64");
      const found = [...this.answers].find(([serial]) => der.includes(Buffer.from(serial, "hex")));
      this.asked.push(`${request.method} ${found?.[0] ?? "?"}`);
      if (found?.[1] === null) return;
      response.writeHead(found === undefined ? 404 : 200).end(found?.[1]);
    });
  });

  async open(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Has an answer for a certificate. */
  answer({ cert }: TestCertificate, by: TestAuthority, request: OcspAnswerRequest = {}): Uint8Array {
    const der = by.answer(cert, request);
    this.answers.set(serialOf(cert), der);
    return der;
  }
}

function serialOf(cert: string): string {
  return new X509Certificate(cert).serialNumber.toLowerCase();
}

const FOLDER = mkdtempSync(join(tmpdir(), "myelin-ocsp-"));
after(() => rmSync(FOLDER, { recursive: true }));

const AUTHORITY = new TestAuthority();
const RESPONDER = new Responder();
before(() => RESPONDER.open());
after(() => RESPONDER.close());

function issue(request: Parameters<TestAuthority["issue"]>[0] = {}): TestCertificate {
  return AUTHORITY.issue({ ...request, ocspUrls: [RESPONDER.url] });
}

/** Lines of the log. */
class Lines implements Logger {
  readonly all: string[] = [];
  readonly info = (text: string): void => void this.all.push(text);
  readonly warn = this.info;
  readonly error = this.info;
  readonly debug = this.info;
  readonly trace = (): void => {};
}

const PATIENT = { handshakeFirst: true, timeoutMs: 20_000 };

function serverOptions(pair: TestCertificate, more: EmbeddedServerOptions = {}): EmbeddedServerOptions {
  return { tls: { ...pair, ca: AUTHORITY.cert, ...PATIENT }, ...more };
}

function open(port: number, options: ConnectionOptions = {}): TLSSocket {
  return connectSecure({ port, host: "127.0.0.1", ca: AUTHORITY.cert, servername: "localhost", ...options });
}

/** What is stapled for a client that asks; null for nothing. */
async function stapled(port: number, options: ConnectionOptions = {}): Promise<Uint8Array | null> {
  // The types of Node leave the option out here; tls.connect takes it.
  const asking: ConnectionOptions & { readonly requestOCSP: true } = { ...options, requestOCSP: true };
  const socket = open(port, asking);
  const [der] = (await once(socket, "OCSPResponse")) as [Buffer | null];
  if (socket.connecting) await once(socket, "secureConnect");
  socket.destroy();
  return der === null || der.length === 0 ? null : Buffer.from(der);
}

/** What a client reads until it is let go: INFO and PONG for one that is let in. */
async function knock(port: number, options: ConnectionOptions = {}): Promise<string> {
  const socket = open(port, options);
  let text = "";
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n');
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    if (text.endsWith("PONG\r\n")) socket.destroy();
  });
  // Not `once`, which an error would end.
  await new Promise((resolve) => socket.on("close", resolve));
  return text.replace(/INFO .*\r\n/, "INFO ");
}

const MODES = [
  ["auto", true, true],
  ["auto", false, false],
  ["must", true, true],
  ["must", false, false],
  ["always", false, true],
  ["never", true, false],
] as const;
for (const [mode, mustStaple, isStapled] of MODES) {
  test(`ocsp ${mode}: a certificate ${mustStaple ? "with" : "without"} must-staple is ${isStapled ? "" : "not "}stapled`, async () => {
    const pair = issue({ mustStaple });
    const answer = RESPONDER.answer(pair, AUTHORITY);
    const lines = new Lines();
    const options = serverOptions(pair, { ocsp: { mode, urls: [] }, logger: lines });
    await using server = await createServer(options);
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      assert.deepEqual(await stapled(server.port, { maxVersion }), isStapled ? answer : null);
    }
    assert.equal(await knock(server.port), "INFO PONG\r\n"); // who does not ask for it comes in as ever
    const warning = "Certificate at 'the options' has MustStaple but OCSP is disabled";
    assert.equal(lines.all.includes(warning), mode === "never");
    assert.equal(lines.all.includes("OCSP Stapling enabled for Client connections"), isStapled);
  });
}

test("without the option a certificate that asks for it is stapled", async () => {
  const pair = issue({ mustStaple: true });
  const answer = RESPONDER.answer(pair, AUTHORITY);
  await using server = await createServer(serverOptions(pair));
  assert.deepEqual(await stapled(server.port), answer);
});

test("each certificate of a list has its own answer, and WebSocket too", async () => {
  const pairs = [issue(), issue({ dnsNames: ["other.example"] }), issue({ dnsNames: ["rsa.example"], keyType: "rsa" })];
  const answers = pairs.map((pair) => RESPONDER.answer(pair, AUTHORITY));
  const tls = { certs: pairs, ca: AUTHORITY.cert, ...PATIENT };
  const ocsp = { mode: "always", urls: [] } as const;
  await using server = await createServer({ tls, ocsp, webSocket: { port: -1, tls } });
  for (const port of [server.port, server.webSocketPort]) {
    for (const [i, servername] of ["localhost", "other.example", "rsa.example"].entries()) {
      assert.deepEqual(await stapled(port, { servername }), answers[i]);
    }
  }
});

test("urls are asked instead of those in the certificate", async () => {
  const pair = AUTHORITY.issue({ ocspUrls: ["http://127.0.0.1:1/"] });
  const answer = RESPONDER.answer(pair, AUTHORITY);
  const ocsp = { mode: "always", urls: [RESPONDER.url] } as const;
  await using server = await createServer(serverOptions(pair, { ocsp }));
  assert.deepEqual(await stapled(server.port), answer);
});

const NO_START: ReadonlyArray<readonly [what: string, urls: () => string[], text: RegExp]> = [
  ["names no responder", () => [], /no available ocsp servers/],
  ["names a responder that is down", () => ["http://127.0.0.1:1/"], /exhausted ocsp servers: POST .*ECONNREFUSED/],
  ["is not known to its responder", () => [RESPONDER.url], /non-ok http status on GET request of .*: 404/],
];
for (const [what, urls, message] of NO_START) {
  test(`a server whose must-staple certificate ${what} does not start`, async () => {
    const pair = AUTHORITY.issue({ mustStaple: true, ocspUrls: urls() });
    await assert.rejects(createServer(serverOptions(pair)), { code: "OCSP_FAILED", message });
  });
}

test("a server does not start when the issuer of a certificate to be stapled is not known", async () => {
  const ocsp = { mode: "always", urls: [] } as const;
  const tls = { ...issue(), ca: new TestAuthority().cert };
  await assert.rejects(createServer({ ocsp, tls }), { message: "no issuers found" });
});

test("a server that is closed while it waits for a responder does not start", async () => {
  const pair = issue({ mustStaple: true });
  RESPONDER.answers.set(serialOf(pair.cert), null);
  const server = new EmbeddedServer(serverOptions(pair));
  await waitFor(() => RESPONDER.asked.includes(`POST ${serialOf(pair.cert)}`));
  await server.close();
  await assert.rejects(server.ready, { code: "OCSP_FAILED" });
});

for (const mode of ["always", "must", "auto"] as const) {
  test(`ocsp ${mode}: a server whose certificate is revoked ${mode === "auto" ? "starts and says so" : "does not start"}`, async () => {
    const pair = issue({ mustStaple: true });
    const answer = RESPONDER.answer(pair, AUTHORITY, { status: "revoked" });
    const options = serverOptions(pair, { ocsp: { mode, urls: [] } });
    if (mode === "auto") {
      await using server = await createServer(options);
      assert.deepEqual(await stapled(server.port), answer);
    } else {
      const message = "found existing OCSP status for certificate at 'the options': revoked";
      await assert.rejects(createServer(options), { code: "OCSP_FAILED", message });
    }
  });
}

test("a reload staples other certificates, and goes on without where it cannot", async () => {
  const [first, second, third] = [issue(), issue(), issue()];
  RESPONDER.answer(first, AUTHORITY);
  const answer = RESPONDER.answer(second, AUTHORITY);
  const lines = new Lines();
  const ocsp = { mode: "always", urls: [] } as const;
  await using server = await createServer(serverOptions(first, { logger: lines }));
  assert.equal(await stapled(server.port), null);
  await server.reload({ ...serverOptions(second), ocsp });
  assert.ok(lines.all.includes("Reloaded: OCSP"));
  assert.deepEqual(await stapled(server.port), answer);
  await server.reload({ ...serverOptions(third), ocsp });
  assert.equal(await stapled(server.port), null);
  await waitFor(() => lines.all.some((line) => /^Can't restart OCSP features: bad OCSP status update.*404/.test(line)));
  await server.reload({ ...serverOptions(second), ocsp: { mode: "never", urls: [] } });
  assert.equal(await stapled(server.port), null);
});

for (const mode of ["must", "always"] as const) {
  test(`ocsp ${mode}: a server starts without its responder when the answer on disk still counts`, async () => {
    const pair = issue({ mustStaple: mode === "must" });
    const answer = RESPONDER.answer(pair, AUTHORITY);
    const storeDir = join(FOLDER, mode, "data");
    const options = serverOptions(pair, { ocsp: { mode, urls: [] }, storeDir });
    await using first = await createServer(options);
    await first.close();
    RESPONDER.answers.delete(serialOf(pair.cert));
    await using second = await createServer(options);
    assert.deepEqual(await stapled(second.port), answer);
    await second.close();
    const [name = ""] = readdirSync(join(storeDir, "ocsp"));
    writeFileSync(join(storeDir, "ocsp", name), "damaged");
    const lines = new Lines();
    await assert.rejects(createServer({ ...options, logger: lines }), { code: "OCSP_FAILED" });
    assert.ok(lines.all.some((line) => /^Stored OCSP status for certificate .* cannot be used: /.test(line)));
  });
}

test("a server whose folder for staples is none does not start, and needs none where nothing is stapled", async () => {
  const pair = issue();
  RESPONDER.answer(pair, AUTHORITY);
  const storeDir = mkdtempSync(join(FOLDER, "none-"));
  writeFileSync(join(storeDir, "ocsp"), "");
  const ocsp = { mode: "always", urls: [] } as const;
  const message = "OCSP storage directory is not a directory";
  await assert.rejects(createServer(serverOptions(pair, { ocsp, storeDir })), { code: "OCSP_FAILED", message });
  const below = join(storeDir, "ocsp", "data");
  await assert.rejects(createServer(serverOptions(pair, { ocsp, storeDir: below })), {
    code: "OCSP_FAILED",
    message: /^could not create OCSP storage directory - mkdir .*: not a directory$/,
  });
  await using server = await createServer(serverOptions(pair, { storeDir: below }));
  assert.equal(await stapled(server.port), null);
});

test("a reload puts staples into another folder", async () => {
  const pair = issue();
  RESPONDER.answer(pair, AUTHORITY);
  const options = serverOptions(pair, { ocsp: { mode: "always", urls: [] } });
  const storeDir = join(FOLDER, "reload");
  await using server = await createServer(options);
  await server.reload({ ...options, storeDir });
  await waitFor(
    () => existsSync(join(storeDir, "ocsp")) && /^[0-9a-f]{64}$/.test(readdirSync(join(storeDir, "ocsp"))[0] ?? ""),
  );
});

// The check of clients.

const SERVER = new TestAuthority().issue();
const MIDDLE = new TestAuthority("middle", AUTHORITY);

function checking(ocspPeer: boolean | OcspPeerOptions, more: EmbeddedServerOptions = {}): EmbeddedServerOptions {
  return { tls: { ...SERVER, ca: AUTHORITY.cert, verify: true, ...PATIENT, ocspPeer }, ...more };
}

/** Knocks with a client's certificate. */
function enter(port: number, { cert, key }: TestCertificate): Promise<string> {
  return knock(port, { cert, key, rejectUnauthorized: false });
}

const IN = "INFO PONG\r\n";
const FUTURE = new Date(Date.now() + 20_000);
const PAST = new Date(Date.now() - 20_000);

const CLIENTS: ReadonlyArray<
  readonly [
    what: string,
    answer: (client: TestCertificate) => Uint8Array | null | undefined,
    options: OcspPeerOptions,
    isIn: boolean,
  ]
> = [
  ["good", ({ cert }) => AUTHORITY.answer(cert), {}, true],
  ["revoked", ({ cert }) => AUTHORITY.answer(cert, { status: "revoked" }), {}, false],
  ["revoked", ({ cert }) => AUTHORITY.answer(cert, { status: "revoked" }), { warnOnly: true }, true],
  [
    "revoked",
    ({ cert }) => AUTHORITY.answer(cert, { status: "revoked" }),
    { unknownIsGood: true, allowWhenCaUnreachable: true },
    false,
  ],
  ["unknown", ({ cert }) => AUTHORITY.answer(cert, { status: "unknown" }), {}, false],
  ["unknown", ({ cert }) => AUTHORITY.answer(cert, { status: "unknown" }), { unknownIsGood: true }, true],
  ["not answered for", () => undefined, {}, false],
  ["not answered for", () => undefined, { warnOnly: true }, true],
  ["not answered for", () => undefined, { allowWhenCaUnreachable: true }, true],
  ["not answered for in time", () => null, { caTimeoutMs: 50 }, false],
  ["not answered for in time", () => null, { caTimeoutMs: 50, allowWhenCaUnreachable: true }, true],
  [
    "answered for with garbage",
    () => Buffer.from("<html>"),
    { allowWhenCaUnreachable: true, unknownIsGood: true },
    false,
  ],
  ["answered for with garbage", () => Buffer.from("<html>"), { warnOnly: true }, true],
  ["answered for with too much", () => Buffer.alloc(1 << 20), {}, false],
  [
    "answered for out of date",
    ({ cert }) => AUTHORITY.answer(cert, { nextUpdate: PAST }),
    { allowedClockSkewMs: 0 },
    false,
  ],
  [
    "answered for out of date",
    ({ cert }) => AUTHORITY.answer(cert, { nextUpdate: PAST }),
    { allowedClockSkewMs: 0, warnOnly: true },
    true,
  ],
  [
    "answered for out of date, less than clocks differ",
    ({ cert }) => AUTHORITY.answer(cert, { nextUpdate: PAST }),
    {},
    true,
  ],
  [
    "answered for from the future",
    ({ cert }) => AUTHORITY.answer(cert, { thisUpdate: FUTURE }),
    { allowedClockSkewMs: 0 },
    false,
  ],
  [
    "answered for without an end, long ago",
    ({ cert }) => AUTHORITY.answer(cert, { thisUpdate: PAST, nextUpdate: null }),
    { allowedClockSkewMs: 0, cacheTtlWithoutNextUpdateMs: 10_000 },
    false,
  ],
  ["answered for without an end", ({ cert }) => AUTHORITY.answer(cert, { nextUpdate: null }), {}, true],
  [
    "answered for with what is said of another",
    () => AUTHORITY.answer(AUTHORITY.issue().cert),
    { allowWhenCaUnreachable: true },
    false,
  ],
  [
    "answered for by somebody else",
    ({ cert }) => new TestAuthority().answer(cert),
    { allowWhenCaUnreachable: true },
    false,
  ],
];
for (const [what, answer, options, isIn] of CLIENTS) {
  test(`ocspPeer ${JSON.stringify(options)}: a client ${what} is ${isIn ? "let in" : "refused"}`, async () => {
    const client = issue({ usage: "client" });
    const der = answer(client);
    if (der !== undefined) RESPONDER.answers.set(serialOf(client.cert), der);
    const lines = new Lines();
    await using server = await createServer(checking(options, { logger: lines }));
    assert.equal(await enter(server.port, client), isIn ? IN : "");
    const refusals = lines.all.filter((line) => line.endsWith("TLS handshake error: client not OCSP valid"));
    await waitFor(
      () => refusals.length === (isIn ? 0 : 1) || lines.all.some((line) => line.includes("client not OCSP valid")),
    );
    assert.equal(server.connectionCount === 0 || isIn, true);
  });
}

test("ocspPeer: a client that is refused is refused by WebSocket too", async () => {
  const client = issue({ usage: "client" });
  RESPONDER.answer(client, AUTHORITY, { status: "revoked" });
  const lines = new Lines();
  const { tls } = checking(true);
  await using server = await createServer({ webSocket: { port: -1, tls: tls ?? null }, logger: lines });
  assert.equal(await enter(server.webSocketPort, client), "");
  await waitFor(() =>
    lines.all.some((line) => /websocket: http: TLS handshake error from .*: client not OCSP valid/.test(line)),
  );
});

test("ocspPeer: a certificate without a responder is not asked about", async () => {
  const asked = RESPONDER.asked.length;
  await using server = await createServer(checking(true));
  assert.equal(await enter(server.port, AUTHORITY.issue({ usage: "client" })), IN);
  assert.equal(RESPONDER.asked.length, asked);
});

test("ocspPeer: each certificate up to the CA is asked about", async () => {
  const middle = new TestAuthority("middle", AUTHORITY, { ocspUrls: [RESPONDER.url] });
  const client = middle.issue({ usage: "client", ocspUrls: [RESPONDER.url] });
  RESPONDER.answer(client, middle);
  RESPONDER.answer(middle, AUTHORITY);
  const bundle = { cert: client.cert + middle.cert, key: client.key };
  await using server = await createServer(checking(true, { ocspCache: { type: "none" } }));
  assert.equal(await enter(server.port, bundle), IN);
  RESPONDER.answer(middle, AUTHORITY, { status: "revoked" });
  assert.equal(await enter(server.port, bundle), "");
});

test("ocspPeer: a client cannot lead the check past a certificate by showing another for the same key", async () => {
  const middle = new TestAuthority("middle", AUTHORITY, { ocspUrls: [RESPONDER.url] });
  const client = middle.issue({ usage: "client" });
  RESPONDER.answer(middle, AUTHORITY, { status: "revoked" });
  const stranger = new TestAuthority("stranger");
  const cert = client.cert + middle.cert + middle.certifiedBy(stranger) + stranger.cert;
  await using server = await createServer(checking(true));
  assert.equal(await enter(server.port, { cert, key: client.key }), "");
});

test("ocspPeer: what was heard counts for a client that comes again, unless nothing is to be kept", async () => {
  for (const type of ["memory", "none"] as const) {
    const client = MIDDLE.issue({ usage: "client", ocspUrls: [RESPONDER.url] });
    RESPONDER.answer(client, MIDDLE);
    const bundle = { cert: client.cert + MIDDLE.cert, key: client.key };
    const question = `GET ${serialOf(client.cert)}`;
    const before = RESPONDER.asked.length;
    await using server = await createServer(checking(true, { ocspCache: { type } }));
    for (let i = 0; i < 3; i++) assert.equal(await enter(server.port, bundle), IN);
    assert.deepEqual(RESPONDER.asked.slice(before), type === "memory" ? [question] : [question, question, question]);
  }
});

test("ocspPeer: what was heard outlives the server, when it is kept in a file", async () => {
  const [good, bad] = [issue({ usage: "client" }), issue({ usage: "client" })];
  const options = checking(true, { ocspCache: { type: "local", localStore: join(FOLDER, "cache") } });
  RESPONDER.answer(good, AUTHORITY);
  RESPONDER.answer(bad, AUTHORITY, { status: "revoked" });
  await using first = await createServer(options);
  assert.deepEqual([await enter(first.port, good), await enter(first.port, bad)], [IN, ""]);
  await first.close();
  for (const { cert } of [good, bad]) RESPONDER.answers.delete(serialOf(cert));
  const asked = RESPONDER.asked.length;
  await using second = await createServer(options);
  assert.deepEqual([await enter(second.port, good), await enter(second.port, bad)], [IN, ""]);
  assert.equal(RESPONDER.asked.length, asked);
});

test("ocspPeer: a reload writes the file of the former options, and reads that of the next", async () => {
  const client = issue({ usage: "client" });
  RESPONDER.answer(client, AUTHORITY);
  const lines = new Lines();
  const cacheIn = (name: string): EmbeddedServerOptions =>
    checking(true, { ocspCache: { type: "local", localStore: join(FOLDER, name) } });
  await using server = await createServer({ ...cacheIn("before"), logger: lines });
  assert.equal(await enter(server.port, client), IN);
  const { changed } = await server.reload(cacheIn("behind"));
  assert.deepEqual(changed, ["ocspCache"]);
  assert.ok(lines.all.includes("Reloaded OCSP peer cache"));
  await waitFor(() => existsSync(join(FOLDER, "before", "cache.json")));
  await waitFor(() => lines.all.filter((line) => line === "OCSP peer cache online, type [local]").length === 2);
  await server.close();
  assert.ok(existsSync(join(FOLDER, "behind", "cache.json")));
});

test("ocspPeer: without a client there is no file, and without ocspPeer not even a look at one", async () => {
  const ocspCache = { type: "local", localStore: join(FOLDER, "nobody") } as const;
  const lines = new Lines();
  for (const options of [checking(true, { ocspCache }), serverOptions(issue(), { ocspCache, logger: lines })]) {
    await using server = await createServer(options);
    await server.close();
  }
  assert.equal(existsSync(join(FOLDER, "nobody")), false);
  assert.ok(!lines.all.some((line) => line.includes("cache")));
});

test("ocspPeer: a client that was revoked stays out when no responder answers any more", async () => {
  const client = issue({ usage: "client" });
  RESPONDER.answer(client, AUTHORITY, { status: "revoked", nextUpdate: PAST });
  // The answer counts for as long as clocks may differ, and then not any more.
  const skewed = { allowedClockSkewMs: 3_600_000, allowWhenCaUnreachable: true };
  await using server = await createServer(checking(skewed));
  assert.equal(await enter(server.port, client), "");
  RESPONDER.answers.delete(serialOf(client.cert));
  await server.reload(checking({ ...skewed, allowedClockSkewMs: 0 }));
  assert.equal(await enter(server.port, client), "");
});

test("ocspPeer: a client that is asked about for longer than a handshake may take is let go", async () => {
  const client = issue({ usage: "client" });
  RESPONDER.answers.set(serialOf(client.cert), null);
  const { tls } = checking({ caTimeoutMs: 60_000 });
  await using server = await createServer({ tls: { ...SERVER, ...tls, timeoutMs: 500 } });
  assert.equal(await enter(server.port, client), "");
  await waitFor(() => server.connectionCount === 0);
});

test("ocspPeer: a client that sends much while it is asked about loses nothing of it", async () => {
  const client = issue({ usage: "client" });
  RESPONDER.answers.set(serialOf(client.cert), null);
  await using server = await createServer(checking({ caTimeoutMs: 300, warnOnly: true }));
  const socket = open(server.port, { ...client, rejectUnauthorized: false });
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  const payload = "x".repeat(1000);
  socket.write(`CONNECT {"verbose":false}\r\nSUB a 1\r\n${`PUB a 1000\r\n${payload}\r\n`.repeat(500)}PING\r\n`);
  await waitFor(() => text.endsWith("PONG\r\n"), { timeout: "20s" });
  assert.equal(text.split(`MSG a 1 1000\r\n${payload}\r\n`).length, 501);
  socket.destroy();
});
