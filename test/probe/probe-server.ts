// A server that the probe asks, with the ways to come to it; and the certificates of the run.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestAuthority, type TestCertificate } from "@myelin/testing";
import type { RunningServer } from "../support/target.ts";
import { overTls } from "../support/tls-opener.ts";
import { overWebSocket } from "../support/websocket-opener.ts";
import type { WireOpener } from "../support/wire.ts";
import type { Identity } from "./identity.ts";
import type { Door } from "./probe-file.ts";

/** Certificates for servers and clients, in a folder of their own. */
export class ProbeCertificates {
  readonly ca: string;
  readonly #folder: string = mkdtempSync(join(tmpdir(), "myelin-probe-"));
  readonly #byName: ReadonlyMap<string, TestCertificate>;

  constructor() {
    const authority = new TestAuthority();
    this.ca = authority.cert;
    const client = { usage: "client" } as const;
    this.#byName = new Map([
      ["server", authority.issue({ dnsNames: ["localhost"] })],
      ["alice", authority.issue({ ...client, emailAddresses: ["alice@example.com"], dnsNames: ["alice.example"] })],
      [
        "bob",
        authority.issue({
          ...client,
          dnsNames: ["bob.example"],
          subject: [
            ["O", "Example"],
            ["CN", "bob"],
          ],
        }),
      ],
      [
        "carol",
        authority.issue({
          ...client,
          subject: [
            ["C", "DE"],
            ["O", "Example"],
            ["OU", "ops"],
            ["CN", "carol"],
          ],
        }),
      ],
      ["nameless", authority.issue({ ...client, subject: [["CN", "nameless"]] })],
      ["server-only", authority.issue({ usage: "server", emailAddresses: ["alice@example.com"] })],
      [
        "expired",
        authority.issue({ ...client, emailAddresses: ["alice@example.com"], notAfter: new Date(Date.now() - 1000) }),
      ],
      ["foreign", new TestAuthority().issue({ ...client, emailAddresses: ["alice@example.com"] })],
    ]);
    writeFileSync(join(this.#folder, "ca.pem"), authority.cert);
    for (const [name, { cert, key }] of this.#byName) {
      writeFileSync(join(this.#folder, `${name}.pem`), cert);
      writeFileSync(join(this.#folder, `${name}-key.pem`), key);
    }
  }

  /** A configuration with the folder's path in it. */
  placed(text: string): string {
    return text.replaceAll("@certs@", this.#folder);
  }

  /** @throws Error when there is none of that name. */
  of(name: string): TestCertificate {
    const found = this.#byName.get(name);
    if (found === undefined) throw new Error(`There is no certificate "${name}": see probe-server.ts`);
    return found;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** A running server, as the probe comes to it. */
export class ProbeServer {
  readonly #server: RunningServer;
  readonly #certificates: ProbeCertificates;
  readonly #door: Door;

  /** @param door - The way to come where nothing else is said. */
  constructor(server: RunningServer, certificates: ProbeCertificates, door: Door) {
    this.#server = server;
    this.#certificates = certificates;
    this.#door = door;
  }

  /** The same server by another way. */
  by(door: Door): ProbeServer {
    return new ProbeServer(this.#server, this.#certificates, door);
  }

  /** Opens connections for somebody, with his certificate or cookies; null for nobody in particular. */
  wires(identity: Identity | null): WireOpener {
    const { port, webSocketPort, wires } = this.#server;
    const own = identity?.kind === "certificate" ? this.#certificates.of(identity.certificate) : {};
    const tls = { ca: this.#certificates.ca, ...own };
    switch (this.#door) {
      case "tcp":
        return wires;
      case "tls":
      case "tls-first":
        return overTls(port, { ...tls, first: this.#door === "tls-first" });
      case "websocket":
      case "wss": {
        if (webSocketPort === null) throw new Error("the configuration has no WebSocket");
        const headers = identity?.kind === "cookies" ? `Cookie: ${identity.cookies}\r\n` : "";
        return overWebSocket(webSocketPort, { headers, ...(this.#door === "wss" && { tls }) });
      }
    }
  }
}
