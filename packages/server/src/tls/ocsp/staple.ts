// The OCSP answer of one of the server's certificates: read from disk or fetched before clients come, fetched again at half of the
// time that it has left, and handed out for as long as it counts. After the reference's OCSPMonitor (ocsp.go).

import type { X509Certificate } from "node:crypto";
import type { Clock, HttpFetch, Timer } from "@myelin/platform";
import { goDuration } from "../../config/duration.ts";
import type { Logger } from "../../logger.ts";
import { fileErrorText } from "../../system-error.ts";
import { checkedAnswer, currencyProblem, type OcspAnswer, timeText } from "./answer.ts";
import { certificateId, fingerprintOf } from "./certificate.ts";
import { OcspError } from "./ocsp-error.ts";
import { ocspRequest } from "./request.ts";
import { askResponders } from "./responder.ts";
import type { StapleFolder } from "./staple-folder.ts";

const RESPONDER_TIMEOUT_MS = 30_000;
/** Without a time at which there is newer information; and between tries when there is no answer that counts. */
const DAILY_MS = 24 * 3_600_000;
const RETRY_MS = 120_000;
/** A client without a staple is better off than one whose handshake takes too long. */
const CLIENT_WAIT_MS = 1_000;
const STAPLE_RULES = { skewMs: 0, lifeWithoutNextUpdateMs: null };
/** What does not say how long it counts is asked for once a day: a file of it is not to count for years. */
const STORED_RULES = { skewMs: 0, lifeWithoutNextUpdateMs: DAILY_MS };

/** What is stapled, and how. */
export interface StapledCertificate {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
  /** Where it is from, for the log. */
  readonly file: string;
  readonly urls: readonly string[];
  /** Whether the server goes down when the certificate is not good. */
  readonly shutsDown: boolean;
}

/** What a staple needs of its server. */
export interface StapleOutside {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetch: HttpFetch;
  /** Answers by fingerprint that outlive a reload. */
  readonly answers: Map<string, OcspAnswer>;
  /** Where they outlive the server; null when nowhere. A reload may change it. */
  readonly folder: () => StapleFolder | null;
  /** Aborted when the server closes. */
  readonly signal: AbortSignal;
  /** The server is to go down, and why has been logged. */
  readonly shutDown: () => void;
}

/** The answer of one certificate. */
export class Staple {
  readonly #subject: StapledCertificate;
  readonly #outside: StapleOutside;
  readonly #fingerprint: string;
  readonly #stopped: AbortController = new AbortController();
  #timer: Timer | null = null;
  /** A question under way: whoever needs the answer meanwhile waits for the same. */
  #asking: Promise<OcspAnswer> | null = null;

  constructor(subject: StapledCertificate, outside: StapleOutside) {
    this.#subject = subject;
    this.#outside = outside;
    this.#fingerprint = fingerprintOf(subject.certificate);
  }

  /**
   * Has the first answer, from before, from disk or from a responder, and keeps it fresh from then on.
   *
   * @throws OcspError when there is none or no folder for it, or when it says that the server must not run; call {@link stop} then.
   */
  async start(): Promise<void> {
    const { file, shutsDown } = this.#subject;
    this.#outside.folder()?.prepare();
    let answer: OcspAnswer;
    try {
      answer = (await this.#keptAndStored()) ?? this.#stored() ?? (await this.#ask());
    } catch (cause) {
      const text = `bad OCSP status update for certificate at '${file}': ${(cause as Error).message}`;
      throw new OcspError(text, { cause });
    }
    if (answer.status !== "good" && shutsDown) {
      throw new OcspError(`found existing OCSP status for certificate at '${file}': ${answer.status}`);
    }
    if (answer.status !== "good") {
      this.#outside.logger.error(`Found OCSP status for Client certificate at '${file}': ${answer.status}`);
    }
    this.#tellAndWait(answer, `Found OCSP status for Client certificate at`);
  }

  /** Goes on after a start that failed: tries again, until there is an answer. */
  retry(): void {
    this.#wait(RETRY_MS);
  }

  /** What is to be stapled; null when there is no answer that counts. Waits for one that is being asked for, but not long. */
  async current(): Promise<Uint8Array | null> {
    const kept = this.#kept();
    if (kept !== null || this.#asking === null) return kept?.der ?? null;
    const asked = this.#asking.then(ignore, ignore);
    let timer: Timer | null = null;
    const waited = new Promise<void>((resolve) => {
      timer = this.#outside.clock.setTimer(CLIENT_WAIT_MS, resolve);
    });
    await Promise.race([asked.finally(() => timer?.cancel()), waited]);
    return this.#kept()?.der ?? null;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#stopped.abort();
  }

  #kept(): OcspAnswer | null {
    const { answers, clock } = this.#outside;
    const kept = answers.get(this.#fingerprint);
    return kept !== undefined && currencyProblem(kept, clock.wallMs(), STAPLE_RULES) === null ? kept : null;
  }

  /** What is known from before a reload, put where the reload wants it. */
  async #keptAndStored(): Promise<OcspAnswer | null> {
    const kept = this.#kept();
    if (kept !== null) await this.#store(kept.der);
    return kept;
  }

  /** What a server before has left, where it still counts. */
  #stored(): OcspAnswer | null {
    const { answers, clock, folder, logger } = this.#outside;
    const { certificate, file, issuer } = this.#subject;
    const stored = folder();
    if (stored === null) return null;
    const path = stored.pathOf(this.#fingerprint);
    const now = clock.wallMs();
    try {
      const der = stored.read(this.#fingerprint);
      if (der === null) return null;
      const answer = checkedAnswer(der, certificate, issuer, now);
      const problem = currencyProblem(answer, now, STORED_RULES);
      if (problem !== null) throw new OcspError(problem);
      answers.set(this.#fingerprint, answer);
      return answer;
    } catch (error) {
      const text = error instanceof OcspError ? error.message : fileErrorText("read", path, error as Error);
      logger.warn(`Stored OCSP status for certificate '${file}' in ${path} cannot be used: ${text}`);
      return null;
    }
  }

  async #store(der: Uint8Array): Promise<void> {
    const { folder, logger } = this.#outside;
    const stored = folder();
    try {
      await stored?.write(this.#fingerprint, der);
    } catch (error) {
      const text = fileErrorText("write", stored?.pathOf(this.#fingerprint) ?? "", error as Error);
      logger.error(`failed to write ocsp status: ${text}`);
    }
  }

  #ask(): Promise<OcspAnswer> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #askNow(): Promise<OcspAnswer> {
    const { certificate, issuer, urls } = this.#subject;
    const { answers, clock, fetch } = this.#outside;
    const der = await askResponders(
      {
        urls,
        request: ocspRequest(certificateId(certificate, issuer)),
        methods: ["POST", "GET"],
        timeoutMs: RESPONDER_TIMEOUT_MS,
        signal: AbortSignal.any([this.#stopped.signal, this.#outside.signal]),
      },
      fetch,
    );
    const now = clock.wallMs();
    const answer = checkedAnswer(der, certificate, issuer, now);
    const problem = currencyProblem(answer, now, STAPLE_RULES);
    if (problem !== null) throw new OcspError(problem);
    answers.set(this.#fingerprint, answer);
    await this.#store(der);
    return answer;
  }

  async #update(): Promise<void> {
    const { file, shutsDown } = this.#subject;
    const { logger } = this.#outside;
    try {
      const answer = await this.#ask();
      if (this.#stopped.signal.aborted) return;
      if (answer.status === "good") {
        this.#tellAndWait(answer, "Received OCSP status for Client certificate");
        return;
      }
      logger.error(`Received OCSP status for Client certificate '${file}': ${answer.status}`);
      if (shutsDown) this.#outside.shutDown();
      else this.#wait(nextRunMs(answer, this.#outside.clock.wallMs()));
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      const waitMs = this.#retryMs();
      const text = `Bad OCSP status update for certificate '${file}': ${(error as Error).message}`;
      logger.error(`${text}, trying again in ${goDuration(waitMs)}`);
      this.#wait(waitMs);
    }
  }

  #tellAndWait(answer: OcspAnswer, found: string): void {
    const waitMs = nextRunMs(answer, this.#outside.clock.wallMs());
    if (answer.status === "good") {
      const next = answer.nextUpdateMs === null ? "any time" : timeText(answer.nextUpdateMs);
      this.#outside.logger.info(
        `${found} '${this.#subject.file}': good, next update ${next}, checking again in ${goDuration(waitMs)}`,
      );
    }
    this.#wait(waitMs);
  }

  /** The time left is halved again and again, as in the reference, so that an answer about to end is asked for more often. */
  #retryMs(): number {
    const kept = this.#outside.answers.get(this.#fingerprint);
    return kept === undefined ? RETRY_MS : Math.max(nextRunMs(kept, this.#outside.clock.wallMs()), 1_000);
  }

  #wait(delayMs: number): void {
    if (this.#stopped.signal.aborted) return;
    this.#timer = this.#outside.clock.setTimer(delayMs, () => void this.#update());
  }
}

/** Whoever asked takes what there is to take. */
function ignore(): void {}

function nextRunMs({ nextUpdateMs }: OcspAnswer, nowMs: number): number {
  if (nextUpdateMs === null) return DAILY_MS;
  const half = (nextUpdateMs - nowMs) / 2;
  return half < 0 ? RETRY_MS : Math.round(half);
}
