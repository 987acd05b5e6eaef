// OCSP with somebody else at both ends: OpenSSL's responder and OpenSSL's client, at every server that is here.

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect as connectSecure } from "node:tls";
import { promisify } from "node:util";
import { TestAuthority, type TestCertificate } from "@myelin/testing";
import { TEXT_OPTION } from "../support/configuration.ts";
import { findProgram } from "../support/find-program.ts";
import { MyelinProgram } from "../support/myelin-program.ts";
import type { RunningServer, Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";

const OPENSSL = findProgram("OPENSSL", "openssl");
const FOLDER = mkdtempSync(join(tmpdir(), "myelin-ocsp-"));
after(() => rmSync(FOLDER, { recursive: true }));

const AUTHORITY = new TestAuthority();

function file(name: string, text: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text);
  return path;
}

/** OpenSSL's responder. It is asked by way of a server of ours, whose address is known before there is anything to answer for. */
class OpenSslResponder {
  readonly #front: Server = createServer((request, response) => {
    const { headers, method, url: path } = request;
    // The responder reads a question only with a length, and its HTTP is an old one.
    const onward = httpRequest(
      { port: this.#port, host: "127.0.0.1", method, path, headers, agent: false },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, { "Content-Type": "application/ocsp-response" });
        answer.pipe(response);
      },
    );
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  #program: ChildProcess | null = null;
  #port = 0;

  async open(): Promise<void> {
    this.#front.listen(0, "127.0.0.1");
    await once(this.#front, "listening");
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#front.address() as AddressInfo).port}`;
  }

  /** Begins to answer, about certificates of the authority: they are good, revoked, or unknown when they are in neither list. */
  async answerFor(good: readonly TestCertificate[], revoked: readonly TestCertificate[]): Promise<void> {
    const line = (status: string, { cert }: TestCertificate): string => {
      const { serialNumber } = new X509Certificate(cert);
      // The names have to differ.
      return `${status}\t401231235959Z\t${status === "R" ? "260101000000Z" : ""}\t${serialNumber}\tunknown\t/CN=${serialNumber}\n`;
    };
    const index = [...good.map((each) => line("V", each)), ...revoked.map((each) => line("R", each))].join("");
    const signer = AUTHORITY.issue({ usage: "ocsp" });
    const args = ["ocsp", "-port", "0", "-index", file("index.txt", index), "-CA", file("ca.pem", AUTHORITY.cert)];
    args.push("-rsigner", file("signer.pem", signer.cert), "-rkey", file("signer-key.pem", signer.key), "-nmin", "5");
    this.#program = spawn(OPENSSL as string, args, { stdio: ["ignore", "pipe", "pipe"] });
    const { stderr, stdout } = this.#program;
    this.#port = await new Promise((resolve, reject) => {
      let text = "";
      const read = (chunk: Buffer): void => {
        text += chunk.toString("latin1");
        const port = /ACCEPT \S*:(\d+)/.exec(text)?.[1];
        if (port !== undefined) resolve(Number(port));
      };
      stdout?.on("data", read);
      stderr?.on("data", read);
      this.#program?.once("exit", () => reject(new Error(`openssl ocsp ended: ${text}`)));
    });
  }

  close(): void {
    this.#program?.kill("SIGKILL");
    this.#front.close();
    this.#front.closeAllConnections();
  }
}

const RESPONDER = new OpenSslResponder();

interface Certificates {
  readonly server: TestCertificate;
  readonly revokedServer: TestCertificate;
  readonly good: TestCertificate;
  readonly revoked: TestCertificate;
  readonly unknown: TestCertificate;
}

function issueAll(): Certificates {
  const ocspUrls = [RESPONDER.url];
  const server = { dnsNames: ["localhost"], mustStaple: true, ocspUrls, usage: "server" } as const;
  const client = { dnsNames: ["client"], ocspUrls, usage: "client" } as const;
  return {
    server: AUTHORITY.issue(server),
    revokedServer: AUTHORITY.issue(server),
    good: AUTHORITY.issue(client),
    revoked: AUTHORITY.issue(client),
    unknown: AUTHORITY.issue(client),
  };
}

let certificates: Certificates;

function tlsBlock(name: "server" | "revokedServer", more: string): string {
  const { cert, key } = certificates[name];
  const paths = `cert_file: "${file(`${name}.pem`, cert)}", key_file: "${file(`${name}-key.pem`, key)}"`;
  return `tls { ${paths}, ca_file: "${file("ca.pem", AUTHORITY.cert)}", handshake_first: true, timeout: 20, ${more} }`;
}

function start(target: Target, text: string): Promise<RunningServer> {
  return target.start(new Map([[TEXT_OPTION, text]]));
}

/** What OpenSSL's client says about the answer that is stapled. */
async function statusAt(port: number): Promise<string> {
  const args = ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost", "-status"];
  const child = promisify(execFile)(OPENSSL as string, [...args, "-CAfile", join(FOLDER, "ca.pem")]);
  child.child.stdin?.end("Q\n");
  const { stdout } = await child;
  return /Cert Status: (\w+)/.exec(stdout)?.[1] ?? /OCSP response: (.*)/.exec(stdout)?.[1] ?? stdout;
}

async function enters(port: number, { cert, key }: TestCertificate): Promise<boolean> {
  const socket = connectSecure({ port, host: "127.0.0.1", ca: AUTHORITY.cert, servername: "localhost", cert, key });
  let text = "";
  socket.on("error", () => {}); // it says how the server hung up, which is not the question
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    if (text.endsWith("PONG\r\n")) socket.destroy();
  });
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n');
  // Not `once`, which an error would end.
  await new Promise((resolve) => socket.on("close", resolve));
  return text.endsWith("PONG\r\n");
}

if (OPENSSL === null) test("OCSP with OpenSSL", { skip: "no openssl: put it on the PATH" });
else {
  describe("OCSP with OpenSSL", () => {
    before(async () => {
      await RESPONDER.open();
      certificates = issueAll();
      const { good, revoked, revokedServer, server } = certificates;
      await RESPONDER.answerFor([server, good], [revokedServer, revoked]);
    });
    after(() => RESPONDER.close());

    forEveryTarget("OCSP", new MyelinProgram(), (target) => {
      for (const [mode, status] of [
        ["ocsp: true", "good"],
        ["ocsp { mode: always }", "good"],
        ["ocsp: false", "no response sent"],
      ] as const) {
        test(`${target.name}: with ${mode} OpenSSL's client sees "${status}"`, async () => {
          const server = await start(target, `${tlsBlock("server", "")}\n${mode}`);
          try {
            assert.equal(await statusAt(server.port), status);
          } finally {
            await server.stop();
          }
        });
      }

      test(`${target.name}: the answer is asked of a responder that the configuration names`, async () => {
        const unreachable = AUTHORITY.issue({ mustStaple: true, ocspUrls: ["http://127.0.0.1:1/"] });
        await assert.rejects(
          start(target, replaceServer(unreachable, "ocsp: true")),
          /ECONNREFUSED|connection refused/,
        );
        await assert.rejects(
          start(target, replaceServer(unreachable, `ocsp { url: "${RESPONDER.url}", mode: must }`)),
          /unknown/,
        );
      });

      test(`${target.name}: with a revoked certificate the server staples that, or does not start`, async () => {
        const server = await start(target, `${tlsBlock("revokedServer", "")}\nocsp { mode: auto }`);
        try {
          assert.equal(await statusAt(server.port), "revoked");
        } finally {
          await server.stop();
        }
        for (const mode of ["always", "must"]) {
          const started = start(target, `${tlsBlock("revokedServer", "")}\nocsp { mode: ${mode} }`);
          await assert.rejects(started, /found existing OCSP status for certificate at '.*revokedServer.pem': revoked/);
        }
      });

      for (const [options, isUnknownIn] of [
        ["ocsp_peer: true", false],
        ["ocsp_peer { verify: true, unknown_is_good: true }", true],
        ["ocsp_peer { verify: true, allow_when_ca_unreachable: true }", false],
      ] as const) {
        test(`${target.name}: ${options} asks OpenSSL's responder about clients`, async () => {
          const { good, revoked, unknown } = certificates;
          const server = await start(target, `${tlsBlock("server", `verify: true, ${options}`)}\nocsp: false`);
          try {
            const found = [];
            for (const client of [good, revoked, unknown, good]) found.push(await enters(server.port, client));
            assert.deepEqual(found, [true, false, isUnknownIn, true]);
          } finally {
            await server.stop();
          }
        });
      }
    });
  });
}

/** A configuration with another certificate in the server's place. */
function replaceServer(server: TestCertificate, more: string): string {
  const before = certificates;
  certificates = { ...before, server };
  try {
    return `${tlsBlock("server", "")}\n${more}`;
  } finally {
    certificates = before;
  }
}
