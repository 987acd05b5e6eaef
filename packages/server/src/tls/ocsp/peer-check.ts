// Whether a client's certificate is still good, as its CA sees it: asked of the CA's OCSP responders once TLS has let the client in,
// and before anything it sends is read. After the reference's peerOCSPValid and certOCSPGood (ocsp_peer.go). Fails closed: what
// cannot be decided is a no, unless the settings say otherwise.

import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import type { Clock, HttpFetch, TlsSession } from "@myelin/platform";
import type { Logger } from "../../logger.ts";
import { fieldsOf, SUBJECT_INDEX } from "../certificate-fields.ts";
import { readSubject, subjectText } from "../distinguished-name.ts";
import { type CurrencyRules, checkedAnswer, currencyProblem, type OcspAnswer } from "./answer.ts";
import type { AnswerCache } from "./answer-cache.ts";
import { certificateId, certificatesOf, respondersOf } from "./certificate.ts";
import { findChain } from "./chain.ts";
import { OcspError } from "./ocsp-error.ts";
import { ocspRequest } from "./request.ts";
import { askResponders } from "./responder.ts";
import type { OcspPeerSettings } from "./settings.ts";

/** The text that the log has for a client that is refused. */
export const REFUSAL = "client not OCSP valid";

/** What the check needs of its server. */
export interface PeerCheckOutside {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetch: HttpFetch;
  /** What has been heard so far; null: every client is asked about. A reload may change which. */
  readonly cache: () => AnswerCache | null;
  /** Aborted when the server closes. */
  readonly signal: AbortSignal;
}

/** One certificate of a chain that can be asked about. */
interface Link {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
  readonly urls: readonly string[];
  readonly subject: string;
}

/** Checks clients of one listener. */
export class PeerCheck {
  readonly #settings: OcspPeerSettings;
  /** PEM; null for the CAs that Node.js knows. */
  readonly #ca: string | null;
  readonly #outside: PeerCheckOutside;
  readonly #rules: CurrencyRules;
  /** Read with the first client. */
  #trusted: readonly X509Certificate[] | null = null;

  constructor(settings: OcspPeerSettings, ca: string | null, outside: PeerCheckOutside) {
    this.#settings = settings;
    this.#ca = ca;
    this.#outside = outside;
    this.#rules = {
      skewMs: settings.allowedClockSkewMs,
      lifeWithoutNextUpdateMs: settings.cacheTtlWithoutNextUpdateMs,
    };
  }

  /**
   * Decides about a client that TLS has let in.
   *
   * @throws OcspError when it may not come in.
   */
  async admit({ peerCertificates }: TlsSession): Promise<void> {
    const links = this.#linksOf(peerCertificates.map((der) => new X509Certificate(der)));
    for (const link of links) {
      const problem = await this.#problemOf(link);
      if (problem === null) continue;
      this.#outside.logger.debug(problem);
      throw new OcspError(REFUSAL);
    }
  }

  /** Those certificates of the client's chain, the CA left out, that name a responder. @throws OcspError where there is no chain. */
  #linksOf(shown: readonly X509Certificate[]): Link[] {
    const { clock, logger } = this.#outside;
    const chain = findChain(shown, this.#anchors(), clock.wallMs());
    if (chain === null) {
      logger.error("No chain from the peer's certificate to a trusted CA was found, rejecting OCSP peer");
      throw new OcspError(REFUSAL);
    }
    return chain.slice(0, -1).flatMap((certificate, i) => {
      const urls = respondersOf(certificate);
      const issuer = chain[i + 1] as X509Certificate;
      return urls.length === 0 ? [] : [{ certificate, issuer, urls, subject: subjectOf(certificate) }];
    });
  }

  #anchors(): readonly X509Certificate[] {
    this.#trusted ??= certificatesOf(this.#ca ?? rootCertificates.join("\n"));
    return this.#trusted;
  }

  /** Why a link is not good; null when it is, or when that is put up with. */
  async #problemOf(link: Link): Promise<string | null> {
    const { logger } = this.#outside;
    const { subject } = link;
    const kept = this.#kept(link);
    let answer = kept.current;
    if (answer === null) {
      const asked = await this.#ask(link, kept.wasRevoked);
      if (!("status" in asked)) return asked.problem;
      answer = asked;
    }
    const { status } = answer;
    if (status === "good" || (status === "unknown" && this.#settings.unknownIsGood)) {
      logger.debug(`OCSP verify pass for [${subject}]`);
      return null;
    }
    logger.warn(`OCSP verify fail for [${subject}] with CA status [${status}]`);
    return this.#unlessWarnOnly(`Invalid OCSP response status: ${status}`, subject);
  }

  #kept({ certificate, issuer, subject }: Link): { current: OcspAnswer | null; wasRevoked: boolean } {
    const { clock, logger } = this.#outside;
    const cache = this.#outside.cache();
    const nowMs = clock.wallMs();
    const kept = cache?.get(certificate, issuer, nowMs) ?? null;
    if (kept === null) return { current: null, wasRevoked: false };
    const isCurrent = currencyProblem(kept, nowMs, this.#rules) === null;
    logger.debug(
      `Cached OCSP response for [${subject}] is ${isCurrent ? "current" : "expired"}, status [${kept.status}]`,
    );
    if (!isCurrent) cache?.end(certificate);
    return { current: isCurrent ? kept : null, wasRevoked: kept.status === "revoked" };
  }

  async #ask(
    { certificate, issuer, subject, urls }: Link,
    wasRevoked: boolean,
  ): Promise<OcspAnswer | { readonly problem: string | null }> {
    const { clock, fetch, logger, signal } = this.#outside;
    const { allowWhenCaUnreachable, caTimeoutMs, warnOnly } = this.#settings;
    let der: Uint8Array;
    try {
      const request = ocspRequest(certificateId(certificate, issuer));
      der = await askResponders({ urls, request, methods: ["GET"], timeoutMs: caTimeoutMs, signal }, fetch);
    } catch (error) {
      const text = `Attempt to obtain OCSP response from CA responder for [${subject}] failed: ${(error as Error).message}`;
      logger.warn(text);
      if (!warnOnly && allowWhenCaUnreachable) {
        const known = `Failed to obtain OCSP CA response for [${subject}] but AllowWhenCAUnreachable set;`;
        logger.warn(
          wasRevoked ? `${known} cached revocation exists so rejecting` : `${known} no cached revocation so allowing`,
        );
        if (!wasRevoked) return { problem: null };
      }
      return { problem: this.#unlessWarnOnly("Failed OCSP response fetch", subject) };
    }
    const nowMs = clock.wallMs();
    let answer: OcspAnswer;
    try {
      answer = checkedAnswer(der, certificate, issuer, nowMs);
    } catch (error) {
      logger.error(`Could not parse OCSP CA response for [${subject}]: ${(error as Error).message}`);
      return { problem: this.#unlessWarnOnly("Failed OCSP response parse", subject) };
    }
    if (currencyProblem(answer, nowMs, this.#rules) !== null) {
      logger.warn(`New OCSP CA response obtained for [${subject}] but not current`);
      return { problem: this.#unlessWarnOnly("OCSP response not in effectivity window", subject) };
    }
    this.#outside.cache()?.put(certificate, answer, subject, nowMs);
    return answer;
  }

  #unlessWarnOnly(problem: string, subject: string): string | null {
    if (!this.#settings.warnOnly) return problem;
    this.#outside.logger.warn(`OCSP verify fail for [${subject}] but WarnOnly is true so allowing`);
    return null;
  }
}

function subjectOf(certificate: X509Certificate): string {
  const subject = fieldsOf(certificate.raw)[SUBJECT_INDEX];
  return subject === undefined ? "" : subjectText(readSubject(subject));
}
