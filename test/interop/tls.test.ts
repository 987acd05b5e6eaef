// TLS as clients meet it, at every server that is here: what a handshake comes to, who a certificate is, and what the official
// client can do. Certificates are made for the run.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type ConnectionOptions, connect as connectSecure, type TLSSocket } from "node:tls";
import {
  type CertificateRequest,
  startServer,
  TestAuthority,
  type TestCertificate,
  type TestServer,
} from "@myelin/testing";
import { connect, type NodeConnectionOptions } from "@nats-io/transport-node";
import { TEXT_OPTION } from "../support/configuration.ts";
import { MyelinServer } from "../support/myelin-server.ts";
import type { RunningServer, Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "myelin-tls-"));
after(() => rmSync(FOLDER, { recursive: true }));

const AUTHORITY = new TestAuthority();
const ALICE = AUTHORITY.issue({ emailAddresses: ["alice@example.com"], usage: "client" });

function file(name: string, pem: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, pem);
  return path;
}

function pair(name: string, { cert, key }: TestCertificate): string {
  return `cert_file: "${file(`${name}.pem`, cert)}", key_file: "${file(`${name}-key.pem`, key)}"`;
}

const SERVER = pair("server", AUTHORITY.issue({ dnsNames: ["localhost"], usage: "server" }));
const RSA_SERVER = pair("rsa", AUTHORITY.issue({ dnsNames: ["rsa.example"], keyType: "rsa" }));
const OTHER_SERVER = pair("other", AUTHORITY.issue({ dnsNames: ["other.example"] }));
const CA = `ca_file: "${file("ca.pem", AUTHORITY.cert)}"`;

function pinOf({ cert }: TestCertificate): string {
  const key = new X509Certificate(cert).publicKey.export({ format: "der", type: "spki" });
  return createHash("sha256").update(key).digest("hex");
}

/** Runs `use` with a server that has this configuration. */
async function withServer(target: Target, text: string, use: (server: RunningServer) => Promise<void>): Promise<void> {
  // A busy machine takes its time for a handshake.
  const server = await target.start(new Map([[TEXT_OPTION, text.replace("tls {", "tls { timeout: 20,")]]));
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

/** Longer than any client takes to begin its handshake, however busy the machine. */
const PATIENT = '"20s"';

interface Knock extends ConnectionOptions {
  /** Begins with the handshake, and takes INFO afterwards. */
  readonly first?: boolean;
  readonly connect?: Readonly<Record<string, unknown>>;
}

/** A client of a few lines. What it was told comes back, and what the handshake came to. */
interface Answer {
  readonly text: string;
  readonly handshake: string;
}

async function knock(port: number, { first = false, connect: fields = {}, ...options }: Knock = {}): Promise<Answer> {
  const socket = connectPlain(port, "127.0.0.1");
  const text = first ? "" : await untilLine(socket);
  const secure = connectSecure({ socket, ca: AUTHORITY.cert, servername: "localhost", ...options });
  let handshake = "none";
  secure.once("secureConnect", () => {
    handshake = `${secure.getProtocol()} ${secure.getCipher().standardName}`;
    const line = JSON.stringify({ verbose: false, protocol: 1, headers: true, ...fields });
    secure.write(`CONNECT ${line}\r\nPING\r\n`);
  });
  return { text: text + (await untilPong(secure)), handshake };
}

async function untilLine(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.pause().removeAllListeners("data");
  return chunk.toString("latin1");
}

/** Everything up to the INFO behind PONG, or to the end. */
function untilPong(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (/PONG\r\nINFO .*\r\n/.test(text)) socket.end();
    });
    socket.on("error", () => {}); // a refused handshake; the end of the text tells
    socket.on("close", () => resolve(text));
  });
}

function info({ text }: Answer): Record<string, unknown> {
  return JSON.parse(/INFO (\{.*?\}) ?\r\n/.exec(text)?.[1] ?? "{}") as Record<string, unknown>;
}

const OLD: Knock = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
const TLS_1_2: Knock = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" };

/** Settings of the server, what the client offers, and what they agree on; null for nothing. */
const MATRIX: ReadonlyArray<readonly [settings: string, offer: Knock, agreed: string | null]> = [
  ["", {}, "TLSv1.3 TLS_AES_128_GCM_SHA256"],
  ["", { ciphers: "TLS_CHACHA20_POLY1305_SHA256" }, "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256"],
  ["", TLS_1_2, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
  ["", OLD, null],
  ["", { ...TLS_1_2, ciphers: "ECDHE-ECDSA-AES256-SHA" }, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"],
  ["", { ...TLS_1_2, ciphers: "ECDHE-ECDSA-AES128-SHA256" }, null],
  ["", { ...TLS_1_2, ciphers: "DHE-RSA-AES128-GCM-SHA256" }, null],
  ['min_version: "1.3"', {}, "TLSv1.3 TLS_AES_128_GCM_SHA256"],
  ['min_version: "1.3"', TLS_1_2, null],
  ["cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]", {}, "TLSv1.3 TLS_AES_128_GCM_SHA256"],
  [
    "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
    TLS_1_2,
    "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  ],
  ["cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]", TLS_1_2, null],
  ["cipher_suites: [TLS_AES_128_GCM_SHA256]", TLS_1_2, null],
  ["curve_preferences: [CurveP384]", { ecdhCurve: "P-384" }, "TLSv1.3 TLS_AES_128_GCM_SHA256"],
  ["curve_preferences: [CurveP384]", { ecdhCurve: "X25519" }, null],
  [`${CA}, verify: true`, {}, null],
  [`${CA}, verify: true`, { ...ALICE }, "TLSv1.3 TLS_AES_128_GCM_SHA256"],
  [`${CA}, verify: true`, { ...ALICE, ...TLS_1_2 }, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
  [`${CA}, verify: true`, TLS_1_2, null],
  [`${CA}, verify: true`, { ...new TestAuthority("Another CA").issue() }, null],
  [`${CA}, verify: true`, { ...AUTHORITY.issue({ subject: [["CN", "s"]], usage: "server" }) }, null],
  [
    `${CA}, verify: true`,
    { ...AUTHORITY.issue({ subject: [["CN", "o"]], notAfter: new Date(Date.now() - 1e6) }) },
    null,
  ],
  [`${CA}, verify: true, pinned_certs: ["${pinOf(ALICE)}"]`, { ...ALICE }, "TLSv1.3 TLS_AES_128_GCM_SHA256"],
  [`${CA}, verify: true, pinned_certs: ["${pinOf(ALICE)}"]`, { ...AUTHORITY.issue() }, null],
];

interface Mapping {
  readonly user: string;
  readonly request: CertificateRequest;
  readonly connect?: Readonly<Record<string, unknown>>;
  /** What else stands in the user's entry. */
  readonly more?: string;
  readonly refused?: boolean;
}

const PERSON: CertificateRequest["subject"] = [
  ["C", "US"],
  ["O", "Example"],
  ["OU", "ops"],
  ["CN", "carol"],
];

/** A user, and a certificate that is to stand for him. */
const MAPPINGS: Readonly<Record<string, Mapping>> = {
  "an email address": { user: "alice@example.com", request: { emailAddresses: ["x@y", "alice@example.com"] } },
  "a DNS name": { user: "bob.example.com", request: { dnsNames: ["bob.example.com"] } },
  "a URI": { user: "spiffe://example.com/svc", request: { uris: ["spiffe://example.com/svc"] } },
  "an email address before a DNS name": {
    user: "first@example.com",
    request: { dnsNames: ["bob.example.com"], emailAddresses: ["first@example.com"] },
  },
  "a subject in the order of RFC 4514": { user: "CN=carol,OU=ops,O=Example,C=US", request: { subject: PERSON } },
  "a subject in another order": {
    user: "O=Example, CN=dan, C=US",
    request: {
      subject: [
        ["C", "US"],
        ["CN", "dan"],
        ["O", "Example"],
      ],
    },
  },
  "types in any case": {
    user: "cn=erin,o=Example",
    request: {
      subject: [
        ["O", "Example"],
        ["CN", "erin"],
      ],
    },
  },
  "domain components": {
    user: "CN=frank,DC=example,DC=com",
    request: {
      subject: [
        ["DC", "com"],
        ["DC", "example"],
        ["CN", "frank"],
      ],
    },
  },
  "several attributes in one": {
    user: "CN=gina+UID=7,O=Example",
    request: {
      subject: [
        ["O", "Example"],
        [
          ["CN", "gina"],
          ["0.9.2342.19200300.100.1.1", "7"],
        ],
      ],
    },
    refused: true,
  },
  "several known attributes in one": {
    user: "OU=ops+CN=hugo,O=Example",
    request: {
      subject: [
        ["O", "Example"],
        [
          ["CN", "hugo"],
          ["OU", "ops"],
        ],
      ],
    },
  },
  "a subject with something that has no name": {
    user: "CN=ines,O=Example",
    request: {
      subject: [
        ["1.2.840.113549.1.9.1", "i@x"],
        ["CN", "ines"],
        ["O", "Example"],
      ],
    },
  },
  "a comma in a value": {
    user: "CN=jo,O=Foo\\\\, Inc.",
    request: {
      subject: [
        ["O", "Foo, Inc."],
        ["CN", "jo"],
      ],
    },
  },
  "the user of a certificate, whatever CONNECT says": {
    user: "kim@example.com",
    request: { emailAddresses: ["kim@example.com"] },
    connect: { user: "alice@example.com", pass: "" },
  },
  "a certificate and the password": {
    user: "lea@example.com",
    more: "password: secret",
    request: { emailAddresses: ["lea@example.com"] },
    connect: { user: "x", pass: "secret" },
  },
  "a certificate without the password": {
    user: "mia@example.com",
    more: "password: secret",
    request: { emailAddresses: ["mia@example.com"] },
    refused: true,
  },
  "a user for other kinds of connection": {
    user: "nora@example.com",
    more: "allowed_connection_types: [WEBSOCKET]",
    request: { emailAddresses: ["nora@example.com"] },
    refused: true,
  },
  "a name that is only a part": {
    user: "CN=olaf",
    request: {
      subject: [
        ["O", "Example"],
        ["CN", "olaf"],
      ],
    },
    refused: true,
  },
  "a name that nobody has": { user: "nobody", request: { dnsNames: ["stranger.example.com"] }, refused: true },
};

function accountsOf(): string {
  const accounts = Object.values(MAPPINGS).map(
    ({ more = "", user }, index) => `  A${index} { users: [ { user: "${user}", ${more} } ] }`,
  );
  return `accounts {\n${accounts.join("\n")}\n}`;
}

async function takesPart(options: NodeConnectionOptions): Promise<void> {
  const nc = await connect({ reconnect: false, ...options });
  const echo = nc.subscribe("echo", { callback: (_, message) => void message.respond(message.data) });
  const big = "x".repeat(500_000);
  assert.equal((await nc.request("echo", big, { timeout: 20_000 })).string(), big);
  echo.unsubscribe();
  await nc.close();
}

function behaviour(target: Target): void {
  describe(`TLS of ${target.name}`, () => {
    for (const settings of new Set(MATRIX.map(([text]) => text))) {
      test(`agrees on what it should with ${settings.replaceAll(FOLDER, "") || "its defaults"}`, async () => {
        await withServer(target, `tls { ${SERVER}, ${settings} }`, async ({ port }) => {
          for (const [, offer, agreed] of MATRIX.filter(([text]) => text === settings)) {
            const { handshake, text } = await knock(port, offer);
            const isIn = text.includes("PONG");
            assert.equal(isIn ? handshake : null, agreed, JSON.stringify(Object.keys(offer)));
          }
        });
      });
    }

    test("the official client works behind INFO, and first, and with a certificate", { timeout: 60_000 }, async () => {
      const tls = { ca: AUTHORITY.cert };
      const servers = (server: RunningServer): string => `localhost:${server.port}`;
      await withServer(target, `tls { ${SERVER} }`, async (server) => {
        await takesPart({ servers: servers(server), tls });
      });
      await withServer(target, `tls { ${SERVER}, handshake_first: true }`, (server) =>
        takesPart({ servers: servers(server), tls: { ...tls, handshakeFirst: true } }),
      );
      await withServer(target, `tls { ${SERVER}, handshake_first: ${PATIENT} }`, (server) =>
        takesPart({ servers: servers(server), tls: { ...tls, handshakeFirst: true } }),
      );
      await withServer(target, `tls { ${SERVER}, handshake_first: auto }`, (server) =>
        takesPart({ servers: servers(server), tls }),
      );
      await withServer(target, `tls { ${SERVER}, ${CA}, verify: true }`, async (server) => {
        await assert.rejects(connect({ servers: servers(server), tls, reconnect: false, timeout: 5_000 }));
        await takesPart({ servers: servers(server), tls: { ...tls, ...ALICE } });
      });
      await withServer(target, `tls { ${SERVER} }\nallow_non_tls: true`, async (server) => {
        await takesPart({ servers: servers(server), tls });
        // It takes what is available unless it is told not to.
        await takesPart({ servers: servers(server), tls: null });
      });
    });

    test("INFO says what there is", async () => {
      const fields = ({ tls_available, tls_required, tls_verify }: Record<string, unknown>): unknown[] => [
        tls_required,
        tls_available,
        tls_verify,
      ];
      const ask = async (text: string, offer: Knock = {}): Promise<unknown[]> => {
        let answer: unknown[] = [];
        await withServer(target, text, async ({ port }) => {
          answer = fields(info(await knock(port, offer)));
        });
        return answer;
      };
      assert.deepEqual(await ask(`tls { ${SERVER} }`), [true, undefined, undefined]);
      assert.deepEqual(await ask(`tls { ${SERVER} }, allow_non_tls: true`), [undefined, true, undefined]);
      const verified = (first: string): string =>
        `tls { ${SERVER}, ${CA}, verify: true, first: ${first} }, allow_non_tls: true`;
      assert.deepEqual(await ask(verified(PATIENT), { first: true, ...ALICE }), [true, true, true]);
      assert.deepEqual(await ask(verified("auto"), ALICE), [undefined, true, true]);
    });

    test("the name that a client asks for chooses the certificate", async () => {
      await withServer(
        target,
        `tls { certs: [ { ${SERVER} }, { ${RSA_SERVER} }, { ${OTHER_SERVER} } ] }`,
        async ({ port }) => {
          const subject = async (servername: string): Promise<string | undefined> => {
            let names: string | undefined;
            await knock(port, {
              servername,
              checkServerIdentity: (_, certificate) => {
                names = certificate.subjectaltname;
                return undefined;
              },
            });
            return names;
          };
          assert.equal(await subject("localhost"), "DNS:localhost");
          assert.equal(await subject("rsa.example"), "DNS:rsa.example");
          assert.equal(await subject("other.example"), "DNS:other.example");
          assert.equal(await subject("nobody.example"), "DNS:localhost");
        },
      );
    });

    test("a certificate says who the client is", async () => {
      const text = `tls { ${SERVER}, ${CA}, verify_and_map: true }\n${accountsOf()}`;
      await withServer(target, text, async ({ port }) => {
        for (const [index, [name, { connect: fields = {}, refused, request }]] of Object.entries(MAPPINGS).entries()) {
          const { text: told } = await knock(port, { ...AUTHORITY.issue(request), connect: fields });
          const account = /"remote_account":"([^"]*)"/.exec(told)?.[1] ?? "nobody";
          assert.equal(account, refused === true ? "nobody" : `A${index}`, name);
          if (refused === true) assert.match(told, /-ERR 'Authorization Violation'/, name);
        }
      });
    });

    test("a user of a certificate does not come in by name alone", async () => {
      const text = `tls { ${SERVER}, ${CA}, verify_and_map: true }, allow_non_tls: true\n${accountsOf()}`;
      await withServer(target, text, async ({ port }) => {
        const { text: told } = await knock(port, { connect: { user: "alice@example.com", pass: "" } });
        assert.doesNotMatch(told, /PONG/);
        const plain = connectPlain(port, "127.0.0.1");
        let answer = await untilLine(plain);
        plain.on("data", (chunk: Buffer) => {
          answer += chunk.toString("latin1");
        });
        plain.resume().write('CONNECT {"user":"alice@example.com","pass":""}\r\nPING\r\n');
        await once(plain, "close");
        assert.match(answer, /-ERR 'Authorization Violation'\r\n$/);
      });
    });

    test("nothing that is sent before the handshake counts", async () => {
      const injected = "CONNECT {}\r\nSUB > 1\r\nPUB a 2\r\nhi\r\nPING\r\n";
      for (const more of ["", "handshake_first: true", "handshake_first: auto"]) {
        await withServer(target, `tls { ${SERVER}, ${more} }`, async ({ port }) => {
          const socket = connectPlain(port, "127.0.0.1");
          let text = "";
          socket.on("data", (chunk: Buffer) => {
            text += chunk.toString("latin1");
          });
          socket.write(injected);
          const secure = connectSecure({ socket, rejectUnauthorized: false });
          secure.on("error", () => {}); // what the server ends, or answers in plain text
          await new Promise((resolve) => secure.once("close", resolve));
          assert.doesNotMatch(text, /\+OK|MSG|PONG/, more);
        });
      }
    });

    test("the header of a proxy stands in front of the handshake", async () => {
      const header = "PROXY TCP4 192.0.2.7 192.0.2.8 5555 4222\r\n";
      for (const more of ["", "handshake_first: true", `handshake_first: ${PATIENT}`]) {
        const text = `proxy_protocol: true\ntls { ${SERVER}, ${more} }`;
        await withServer(target, text, async ({ port }) => {
          const first = more !== "";
          for (const parts of [[header], [header.slice(0, 9), header.slice(9)]]) {
            const socket = connectPlain(port, "127.0.0.1");
            await once(socket, "connect");
            for (const part of parts) {
              socket.write(part);
              await new Promise(setImmediate);
            }
            if (!first) await untilLine(socket);
            const secure = connectSecure({ socket, ca: AUTHORITY.cert, servername: "localhost" });
            secure.write('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n');
            assert.match(await untilPong(secure), /PONG\r\nINFO .*"client_ip":"192\.0\.2\.7"/, more);
          }
          const none = await knock(port, { first });
          assert.match(none.text, /PONG/, `without a header, ${more}`);
          const bad = connectPlain(port, "127.0.0.1").on("error", () => {}); // refused
          bad.resume().write("PROXY TCP4 x y 1 2\r\n");
          await new Promise((resolve) => bad.once("close", resolve));
        });
      }
    });

    test("more handshakes than connection_rate_limit allows are refused aloud", async () => {
      await withServer(target, `tls { ${SERVER}, connection_rate_limit: 2 }`, async ({ port }) => {
        const sockets = Array.from({ length: 8 }, () => connectPlain(port, "127.0.0.1"));
        const answers = await Promise.all(
          sockets.map(async (socket) => {
            let text = "";
            socket.on("data", (chunk: Buffer) => {
              text += chunk.toString("latin1");
            });
            socket.on("error", () => {}); // told by what was read before
            socket.write("no handshake\r\n");
            await new Promise((resolve) => socket.once("close", resolve));
            return text;
          }),
        );
        const refused = answers.filter((text) =>
          text.includes("-ERR 'Connection throttling is active. Please try again later.'"),
        );
        // More than two may begin where the machine took more than a second for them.
        assert.ok(refused.length > 0 && refused.length <= 6, `${refused.length} of 8`);
      });
    });
  });
}

forEveryTarget("TLS", new MyelinServer(), behaviour);

const FILES = {
  certFile: join(FOLDER, "server.pem"),
  keyFile: join(FOLDER, "server-key.pem"),
  caFile: join(FOLDER, "ca.pem"),
};
const FLAGS = [
  "--tls",
  "--tlscert",
  FILES.certFile,
  "--tlskey",
  FILES.keyFile,
  "--tlscacert",
  FILES.caFile,
  "--tlsverify",
];

const WAYS: Readonly<Record<string, () => Promise<TestServer>>> = {
  flags: () => startServer({ run: "child", args: FLAGS }),
  "a file": () => startServer({ run: "child", configText: `tls { ${SERVER}, ${CA}, verify: true }` }),
  "a file under flags": () =>
    startServer({ run: "child", configText: `tls { ${RSA_SERVER}, ${CA}, verify: true }`, args: FLAGS.slice(0, 5) }),
  "options of a program": () => startServer({ run: "child", tls: { ...FILES, verify: true } }),
  options: () => startServer({ run: "in-process", tls: { ...FILES, verify: true } }),
};

for (const [way, start] of Object.entries(WAYS)) {
  test(`${way} come to the same TLS as any other way`, async () => {
    await using server = await start();
    assert.match(server.url, /^tls:/);
    const offers: Knock[] = [
      {},
      { ...ALICE },
      { ...ALICE, ...TLS_1_2 },
      { ...ALICE, ...OLD },
      { ...ALICE, ...TLS_1_2, ciphers: "ECDHE-ECDSA-AES128-SHA256" },
    ];
    const agreed: Array<string | null> = [];
    for (const offer of offers) {
      const { handshake, text } = await knock(server.port, offer);
      agreed.push(text.includes("PONG") ? handshake : null);
    }
    const [best, old] = ["TLSv1.3 TLS_AES_128_GCM_SHA256", "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];
    assert.deepEqual(agreed, [null, best, old, null, null]);
  });
}
