// Lame duck mode: a server that is about to stop sends its clients elsewhere, a few at a time, so that they do not all reconnect at
// the same moment. server.ts calls it once it has stopped accepting and has told the clients (server.go lameDuckMode).
//
//   |-- grace --|x-x--x-x--x|        x: one client is closed. Gaps are between half and all of (duration - grace) / clients,
//   |------- duration ------|           half of them just half, and never more than a second.

import type { Clock, Random, Timer } from "@myelin/platform";

/** The longest gap between two clients, however few there are. */
const GAP_MS_MAX = 1_000;
/** Below this the clock cannot wait; clients are closed in batches instead. */
const GAP_MS_MIN = 1;

/** How long it takes; see `ServerOptions`. */
export interface LameDuckTimes {
  readonly lameDuckDurationMs: number;
  readonly lameDuckGraceMs: number;
}

/** Closes clients one by one, once. */
export class LameDuck {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #times: LameDuckTimes;
  #timer: Timer | null = null;
  #end: (() => void) | null = null;
  #stopped = false;

  constructor(clock: Clock, random: Random, times: LameDuckTimes) {
    this.#clock = clock;
    this.#random = random;
    this.#times = times;
  }

  /**
   * Waits for the grace time, then ends the clients. Clients that left by themselves keep their turn, as in the reference.
   *
   * @param closeOne - Called with each; does nothing for one that is gone.
   * @param graceOver - Called when the grace time is over, before the first client is ended.
   * @returns Resolves when the last client was ended, or when {@link stop} was called.
   */
  async run<Client>(
    clients: readonly Client[],
    closeOne: (client: Client) => void,
    graceOver: () => void,
  ): Promise<void> {
    if (clients.length === 0 || this.#stopped) return;
    await this.#wait(this.#times.lameDuckGraceMs);
    if (this.#stopped) return;
    graceOver();
    const spreadMs = this.#times.lameDuckDurationMs - this.#times.lameDuckGraceMs;
    const gapMs = Math.min(spreadMs / clients.length, GAP_MS_MAX);
    const batch = Math.max(1, Math.floor(GAP_MS_MIN / gapMs));
    for (let i = 0; i < clients.length; i++) {
      closeOne(clients[i] as Client);
      if (i === clients.length - 1 || (i + 1) % batch !== 0) continue;
      const share = Math.max(0.5, this.#random.uint32() / 0x1_0000_0000);
      await this.#wait(gapMs * batch * share);
      if (this.#stopped) return;
    }
  }

  /** Ends the waiting, now; no further client is closed. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#end?.();
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#end = resolve;
      // The process stays for it: nothing else may be open while the clients are gone and the server waits.
      this.#timer = this.#clock.setTimer(delayMs, resolve, true);
    });
  }
}
