// TLS that changes while clients are connected, at every server that is here: new certificates are for new handshakes, and who is
// in stays in, but for pins.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type ConnectionOptions, connect as connectSecure, TLSSocket } from "node:tls";
import { TestAuthority, type TestCertificate, waitFor } from "@myelin/testing";
import { TEXT_OPTION } from "../support/configuration.ts";
import { MyelinServer } from "../support/myelin-server.ts";
import type { ReloadableServer, Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "myelin-tls-reload-"));
after(() => rmSync(FOLDER, { recursive: true }));

const AUTHORITY = new TestAuthority();
const [FIRST, SECOND] = ["first.example", "second.example"].map((name) =>
  AUTHORITY.issue({ subject: [["CN", name]], dnsNames: ["localhost", name] }),
) as [TestCertificate, TestCertificate];
const ALICE = AUTHORITY.issue({ subject: [["CN", "alice"]], usage: "client" });
const BOB = AUTHORITY.issue({ subject: [["CN", "bob"]], usage: "client" });

let files = 0;

/** The paths of a certificate and its key, which a test may write anew. */
class Pair {
  readonly #cert: string = join(FOLDER, `${++files}.pem`);
  readonly #key: string = join(FOLDER, `${files}-key.pem`);

  constructor(certificate: TestCertificate) {
    this.write(certificate);
  }

  write({ cert, key }: TestCertificate): void {
    writeFileSync(this.#cert, cert);
    writeFileSync(this.#key, key);
  }

  /** A `tls` block with this pair. */
  tls(more = ""): string {
    return `tls { cert_file: "${this.#cert}", key_file: "${this.#key}"${more === "" ? "" : `, ${more}`} }`;
  }
}

function caFile(): string {
  const path = join(FOLDER, "ca.pem");
  writeFileSync(path, AUTHORITY.cert);
  return `ca_file: "${path}"`;
}

function pinOf({ cert }: TestCertificate): string {
  const key = new X509Certificate(cert).publicKey.export({ format: "der", type: "spki" });
  return `"${createHash("sha256").update(key).digest("hex")}"`;
}

/** A client that stays connected. */
class Held {
  readonly socket: Socket;
  text = "";
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
    });
    socket.on("error", () => {}); // a reset is an end
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  /**
   * Connects as INFO says, and waits for a PONG or for the end.
   *
   * @param beforeHandshake - Done once INFO is there.
   */
  static async open(
    { host, port }: ReloadableServer,
    options: ConnectionOptions = {},
    beforeHandshake: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<Held> {
    const plain = connectPlain(port, host);
    const [chunk] = (await once(plain, "data")) as [Buffer];
    plain.pause().removeAllListeners("data");
    await beforeHandshake();
    const isSecure = chunk.toString("latin1").includes('"tls_required":true');
    const secure = { socket: plain, ca: AUTHORITY.cert, servername: "localhost", ...options };
    const held = new Held(isSecure ? connectSecure(secure) : plain);
    held.socket.resume();
    held.socket.write('CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n');
    await waitFor(() => held.text.includes("PONG\r\n") || held.isClosed, { what: "an answer" });
    return held;
  }

  /** The name in the certificate of the server; null without TLS. */
  get serverName(): string | null {
    const { socket } = this;
    return socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : null;
  }

  /** Whether it is served. */
  async isServed(): Promise<boolean> {
    this.text = "";
    if (!this.isClosed) this.socket.write("PING\r\n");
    await waitFor(() => this.text.includes("PONG\r\n") || this.isClosed, { what: "an answer" });
    return !this.isClosed;
  }
}

function configuration(text: string): ReadonlyMap<string, string> {
  return new Map([[TEXT_OPTION, text]]);
}

async function withServer(
  target: Target,
  text: string,
  use: (server: ReloadableServer) => Promise<void>,
): Promise<void> {
  const server = await target.start(configuration(text));
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

forEveryTarget("TLS that is reloaded", new MyelinServer(), (target) => {
  describe(`TLS that is reloaded, ${target.name}`, () => {
    test("another certificate in the same file is for new handshakes; who is connected stays", async () => {
      const pair = new Pair(FIRST);
      await withServer(target, pair.tls(), async (server) => {
        const before = await Held.open(server);
        assert.equal(before.serverName, "first.example");
        pair.write(SECOND);
        assert.equal((await Held.open(server)).serverName, "first.example", "files are read at a reload");
        assert.equal(await server.reload(configuration(pair.tls())), null);
        assert.equal((await Held.open(server)).serverName, "second.example");
        assert.ok(await before.isServed());
      });
    });

    test("a certificate that cannot be used leaves the one that is there", async () => {
      const pair = new Pair(FIRST);
      await withServer(target, pair.tls(), async (server) => {
        pair.write({ cert: SECOND.cert, key: FIRST.key });
        assert.notEqual(await server.reload(configuration(`${pair.tls()}\nmax_payload: 10`)), null);
        const held = await Held.open(server);
        assert.equal(held.serverName, "first.example");
        assert.ok(await held.isServed());
      });
    });

    test("TLS comes and goes; who is connected stays as he is", async () => {
      const pair = new Pair(FIRST);
      await withServer(target, "debug: false", async (server) => {
        const plain = await Held.open(server);
        assert.equal(plain.serverName, null);
        assert.equal(await server.reload(configuration(pair.tls())), null);
        const secure = await Held.open(server);
        assert.equal(secure.serverName, "first.example");
        assert.ok(await plain.isServed());
        assert.equal(await server.reload(configuration("debug: false")), null);
        assert.equal((await Held.open(server)).serverName, null);
        assert.ok(await secure.isServed());
        assert.ok(await plain.isServed());
      });
    });

    test("certificates of clients are asked for from now on, and a lowest version holds from now on", async () => {
      const pair = new Pair(FIRST);
      await withServer(target, pair.tls(), async (server) => {
        const old: ConnectionOptions = { maxVersion: "TLSv1.2" };
        const before = await Held.open(server, old);
        assert.equal(
          await server.reload(configuration(pair.tls(`${caFile()}, verify: true, min_version: "1.3"`))),
          null,
        );
        assert.ok((await Held.open(server)).isClosed);
        assert.ok((await Held.open(server, { ...ALICE, ...old })).isClosed);
        assert.ok(await (await Held.open(server, { ...ALICE })).isServed());
        assert.ok(await before.isServed());
      });
    });

    for (const { more, field } of [
      { more: `${caFile()}, verify_and_map: true`, field: "TLSMap: old=false, new=true" },
      { more: "connection_rate_limit: 5", field: "TLSRateLimit: old=0, new=5" },
    ]) {
      test(`${field.split(":")[0]} cannot change`, async () => {
        const pair = new Pair(FIRST);
        await withServer(target, pair.tls(), async (server) => {
          const refusal = await server.reload(configuration(pair.tls(more)));
          assert.equal(refusal, `config reload not supported for ${field}`);
          assert.equal((await Held.open(server)).serverName, "first.example");
        });
      });
    }
  });
});

test("pins that change end the connections of other certificates", async () => {
  const pair = new Pair(FIRST);
  const pinned = (...pins: readonly TestCertificate[]): string =>
    pair.tls(`${caFile()}, verify: true, pinned_certs: [${pins.map(pinOf).join(", ")}]`);
  await withServer(new MyelinServer(), pair.tls(`${caFile()}, verify: true`), async (server) => {
    const [alice, bob] = [await Held.open(server, { ...ALICE }), await Held.open(server, { ...BOB })];
    assert.equal(await server.reload(configuration(pinned(ALICE, BOB))), null);
    assert.deepEqual([await alice.isServed(), await bob.isServed()], [true, true]);
    assert.equal(await server.reload(configuration(pinned(ALICE))), null);
    await waitFor(() => bob.isClosed, { what: "the end of Bob's connection" });
    assert.equal(await alice.isServed(), true);
    assert.ok((await Held.open(server, { ...BOB })).isClosed);
    assert.equal(await server.reload(configuration(pair.tls(`${caFile()}, verify: true`))), null);
    assert.equal(await alice.isServed(), true);
    assert.ok(await (await Held.open(server, { ...BOB })).isServed());
  });
});

test("a reload during the handshake counts for who is in the middle of it", async () => {
  const pair = new Pair(FIRST);
  const verify = `${caFile()}, verify: true`;
  const user = "authorization { users: [ { user: joe, password: p } ] }";
  await withServer(new MyelinServer(), pair.tls(verify), async (server) => {
    const pins = pair.tls(`${verify}, pinned_certs: [${pinOf(ALICE)}]`);
    const bob = await Held.open(server, { ...BOB }, () => server.reload(configuration(pins)));
    assert.ok(bob.isClosed);
    assert.doesNotMatch(bob.text, /PONG/);
    const alice = await Held.open(server, { ...ALICE }, () => server.reload(configuration(`${pins}\n${user}`)));
    assert.ok(alice.isClosed);
    assert.match(alice.text, /-ERR 'Authorization Violation'/);
    const again = await Held.open(server, { ...ALICE }, () => server.reload(configuration(pins)));
    assert.ok(await again.isServed());
  });
});
