// `connection_rate_limit`: how many TLS handshakes may begin in one second (rate_counter.go).

import type { Clock, Timer } from "@myelin/platform";
import type { Logger } from "../logger.ts";

const INTERVAL_MS = 1_000;

/** Counts handshakes in windows of one second, each of which begins with the first handshake after the one before. */
export class HandshakeRate {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limit: number;
  #windowEndMs = Number.NEGATIVE_INFINITY;
  #count = 0;
  #rejected = 0;
  #report: Timer | null = null;

  /** @param limit - Handshakes in one second, at least 1. */
  constructor(limit: number, clock: Clock, logger: Logger) {
    this.#limit = limit;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether one more may begin now. Those that may not are counted, and told in the log once a second. */
  allow(): boolean {
    const now = this.#clock.monotonicMs();
    if (now > this.#windowEndMs) {
      this.#windowEndMs = now + INTERVAL_MS;
      this.#count = 0;
    }
    if (++this.#count <= this.#limit) return true;
    this.#rejected++;
    this.#report ??= this.#clock.setTimer(INTERVAL_MS, () => this.#tell());
    return false;
  }

  /** Forgets what was not told yet. */
  stop(): void {
    this.#report?.cancel();
    this.#report = null;
  }

  #tell(): void {
    this.#report = null;
    this.#logger.warn(`Rejected ${this.#rejected} connections due to TLS rate limiting`);
    this.#rejected = 0;
  }
}
