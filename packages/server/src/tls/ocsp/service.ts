// OCSP of one listener: which of its certificates are stapled, and who checks its clients. Loaded when a listener needs it (ocsp.ts).

import { X509Certificate } from "node:crypto";
import type { TlsSession } from "@myelin/platform";
import type { TlsSettings } from "../settings.ts";
import { certificatesOf, findIssuer, fingerprintOf, isIssuedBy, respondersOf } from "./certificate.ts";
import { OcspError } from "./ocsp-error.ts";
import { PeerCheck, type PeerCheckOutside } from "./peer-check.ts";
import type { OcspOptions } from "./settings.ts";
import { Staple, type StapleOutside } from "./staple.ts";

/** What the listeners of a server share. */
export type OcspOutside = StapleOutside &
  PeerCheckOutside & {
    /** Has what was heard about clients ready, with what is on disk. */
    readonly openCache: () => void;
  };

/** OCSP of one listener. */
export class ListenerOcsp {
  readonly #staples: Map<string, Staple> = new Map();
  readonly #check: PeerCheck | null;
  readonly #outside: OcspOutside;

  /**
   * @param stapled - PEM of the certificates that are to be stapled.
   * @throws OcspError when the issuer of one of these is not known.
   */
  constructor(settings: TlsSettings, stapled: readonly string[], options: OcspOptions, outside: OcspOutside) {
    this.#outside = outside;
    this.#check = settings.ocspPeer === null ? null : new PeerCheck(settings.ocspPeer, settings.ca, outside);
    for (const { cert, certFile } of settings.certificates) {
      if (!stapled.includes(cert)) continue;
      const [certificate, ...chain] = certificatesOf(cert);
      if (certificate === undefined) continue;
      const { mode, urls } = options;
      const subject = {
        certificate,
        issuer: issuerOf(certificate, chain, settings.ca),
        file: certFile ?? "the options",
        urls: urls.length > 0 ? urls : respondersOf(certificate),
        shutsDown: mode === "always" || mode === "must",
      };
      this.#staples.set(fingerprintOf(certificate), new Staple(subject, outside));
    }
  }

  /** Has an answer for each certificate, and what is known about clients. @throws OcspError as {@link Staple.start}. */
  async start(): Promise<void> {
    if (this.#check !== null) this.#outside.openCache();
    if (this.#staples.size === 0) return;
    for (const staple of this.#staples.values()) await staple.start();
    this.#outside.logger.info("OCSP Stapling enabled for Client connections");
  }

  /** The same while the server runs: what fails is logged, and tried again. */
  async startLater(): Promise<void> {
    if (this.#check !== null) this.#outside.openCache();
    await Promise.all(
      [...this.#staples.values()].map(async (staple) => {
        try {
          await staple.start();
        } catch (error) {
          this.#outside.logger.warn(`Can't restart OCSP features: ${(error as Error).message}`);
          staple.retry();
        }
      }),
    );
  }

  /** See NodeTlsServerHooks. */
  async staple(certificate: Uint8Array): Promise<Uint8Array | null> {
    const staple = this.#staples.get(fingerprintOf(new X509Certificate(certificate)));
    return staple === undefined ? null : staple.current();
  }

  /** See NodeTlsServerHooks. */
  async admit(session: TlsSession): Promise<void> {
    await this.#check?.admit(session);
  }

  stop(): void {
    for (const staple of this.#staples.values()) staple.stop();
  }
}

/** As in the reference: the second certificate of the file where there is one, or one of the CAs. */
function issuerOf(certificate: X509Certificate, chain: readonly X509Certificate[], ca: string | null): X509Certificate {
  const [second] = chain;
  if (second !== undefined && !isIssuedBy(certificate, second)) throw new OcspError("no issuers found");
  const issuer = second ?? findIssuer(certificate, [], ca);
  if (issuer === null) throw new OcspError("no issuers found");
  if (!issuer.ca) throw new OcspError(`${issuer.subject} invalid ca basic constraints: is not ca`);
  return issuer;
}
