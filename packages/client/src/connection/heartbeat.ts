// Pings the server from time to time, and notices when it no longer answers.

import type { Clock, Timer } from "@myelin/platform";
import type { Session } from "./session.ts";

/** What a heartbeat tells. */
export interface HeartbeatHost {
  sendPing(pendingPings: number): void;
  stale(): void;
  /** Reading is paused on purpose: an answer cannot be seen. */
  readonly readingPaused: boolean;
}

/** The heartbeat of one session. Its timer keeps no process alive: the socket does. */
export class Heartbeat {
  #timer: Timer | null = null;
  readonly #clock: Clock;
  readonly #session: Session;
  readonly #host: HeartbeatHost;
  readonly #intervalMs: number;
  readonly #pendingMax: number;

  /** @param intervalMs - 0: no pings at all. */
  constructor(clock: Clock, session: Session, host: HeartbeatHost, intervalMs: number, pendingMax: number) {
    this.#clock = clock;
    this.#session = session;
    this.#host = host;
    this.#intervalMs = intervalMs;
    this.#pendingMax = pendingMax;
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(): void {
    if (this.#intervalMs > 0) this.#timer = this.#clock.setTimer(this.#intervalMs, () => this.#beat());
  }

  #beat(): void {
    if (!this.#host.readingPaused) {
      if (this.#session.pendingPings >= this.#pendingMax) {
        this.#host.stale();
        return;
      }
      this.#session.expectHeartbeat();
      this.#host.sendPing(this.#session.pendingPings);
    }
    this.#arm();
  }
}
