// Keeps a connection honest: PINGs it when nothing was heard, and calls it stale when it does not answer.
// Times are the reference's (client.go setFirstPingTimer, processPingTimer).

import type { Clock, Random, Timer } from "@myelin/platform";
import { goDuration } from "../config/duration.ts";

/** The first PING comes early, so that the round trip time is known soon. */
const FIRST_PING_MS_MAX = 2_000;
/** The round trip time is measured anew at least this often, whatever else is heard. */
const RTT_INTERVAL_MS = 3_600_000;

/** What the timer does to its connection. */
export interface PingTarget {
  sendPing(): void;
  /** More PINGs than allowed are unanswered. */
  stale(): void;
  logDebug(text: string): void;
  /** When bytes that count as activity last came, on the monotonic clock. */
  readonly lastHeardMs: number;
}

/** The PING timer of one connection. */
export class PingTimer {
  /** Round trip time of the last answered PING; 0 before the first. */
  rttMs = 0;
  /** PINGs not answered yet. */
  unanswered = 0;
  #sentMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  readonly #clock: Clock;
  #intervalMs: number;
  #unansweredMax: number;
  readonly #target: PingTarget;

  constructor(clock: Clock, intervalMs: number, unansweredMax: number, target: PingTarget) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#unansweredMax = unansweredMax;
    this.#target = target;
  }

  /** Starts anew with the first, early PING; spread by up to a fifth, so that connections do not PING in step. */
  start(random: Random): void {
    const firstMs = Math.min(this.#intervalMs, FIRST_PING_MS_MAX);
    const spreadMs = (firstMs / 5) * (random.uint32() / 0x1_0000_0000);
    this.#set(firstMs + spreadMs);
  }

  /** Takes other times from now on. A shorter interval does not wait until the longer one is over: the timer starts anew. */
  configure(intervalMs: number, unansweredMax: number, random: Random): void {
    const isShorter = intervalMs < this.#intervalMs;
    this.#intervalMs = intervalMs;
    this.#unansweredMax = unansweredMax;
    if (isShorter && this.#timer !== null) this.start(random);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** A PONG came. */
  answered(): void {
    this.unanswered = 0;
    this.rttMs = Math.max(this.#clock.monotonicMs() - this.#sentMs, 0.000_001);
  }

  #set(delayMs: number): void {
    this.stop();
    this.#timer = this.#clock.setTimer(delayMs, () => this.#fire());
  }

  #fire(): void {
    this.#timer = null;
    this.#target.logDebug("Client Ping Timer");
    const nowMs = this.#clock.monotonicMs();
    const silentMs = nowMs - this.#target.lastHeardMs;
    const rttIsOld = this.rttMs === 0 || nowMs - this.#sentMs > RTT_INTERVAL_MS;
    if (silentMs < this.#intervalMs && !rttIsOld) {
      const ago = goDuration(Math.round(silentMs / 1000) * 1000);
      this.#target.logDebug(`Delaying PING due to remote client data or ping ${ago} ago`);
    } else {
      if (this.unanswered + 1 > this.#unansweredMax) {
        this.#target.stale();
        return;
      }
      this.unanswered++;
      this.#sentMs = nowMs;
      this.#target.sendPing();
    }
    this.#set(this.#intervalMs);
  }
}
