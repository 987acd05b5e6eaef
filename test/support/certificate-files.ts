// A certificate for servers under test on this machine, in files, as configurations name them. Made for the run.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestAuthority } from "@myelin/testing";

/** A certificate for 127.0.0.1 and localhost, and its key, in a temporary folder. */
export class CertificateFiles {
  /** The certificate of the authority, PEM: what clients have to trust. */
  readonly ca: string;
  /** A `tls` block that names the files. */
  readonly block: string;
  readonly #folder: string = mkdtempSync(join(tmpdir(), "myelin-certificate-"));

  constructor() {
    const authority = new TestAuthority();
    const { cert, key } = authority.issue({ dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], usage: "server" });
    this.ca = authority.cert;
    this.block = `tls { cert_file: "${this.#file("cert.pem", cert)}", key_file: "${this.#file("key.pem", key)}" }`;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #file(name: string, pem: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, pem);
    return path;
  }
}
