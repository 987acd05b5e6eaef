// Reads every message of a store again and again, slowly, so that damage is found while there are still other copies of the data. What
// cannot be read is not delivered to anybody, listed as lost and kept in quarantine, as if a reader had come upon it.

import type { Clock, Timer } from "@myelin/platform";
import { StoreError } from "./errors.ts";
import { MessageView } from "./message-view.ts";
import type { ScrubState } from "./store.ts";
import type { Stream } from "./stream.ts";

/** How fast and how often. */
export interface ScrubOptions {
  /** Bytes of records per second: 1 KiB or more. */
  readonly bytesPerSecond: number;
  /** A pass begins so long after the last one began, or right after it where it takes longer. Milliseconds, 1,000 or more. */
  readonly everyMs: number;
}

/** Bytes of records read in one go: a tenth of a second's, within these bounds. */
const STEP_BYTES_MAX = 64 * 1024;
const STEP_BYTES_MIN = 1024;
/** Sequences looked at in one go, whatever their size. */
const STEP_MESSAGES = 500;
/** When a message's file cannot be read, it is tried again after this time. */
const RETRY_MS = 1000;
/** Bytes of a record besides subject, headers and payload, as far as the rate is concerned. */
const RECORD_BYTES = 48;

/** @throws RangeError for options out of their ranges. */
export function checkScrubOptions({ bytesPerSecond, everyMs }: ScrubOptions): void {
  if (!(bytesPerSecond >= 1024)) {
    throw new RangeError(`Cannot use the store option scrub.bytesPerSecond: ${bytesPerSecond} is not 1,024 or more`);
  }
  if (!(everyMs >= 1000)) {
    throw new RangeError(`Cannot use the store option scrub.everyMs: ${everyMs} is not 1,000 or more`);
  }
}

/** What a scrubber needs of its store. */
export interface ScrubbedStore {
  list(): Stream[];
  find(name: string): Stream | null;
}

/** The scrubbing of one store. */
export class Scrubber {
  readonly #store: ScrubbedStore;
  readonly #clock: Clock;
  readonly #options: ScrubOptions;
  readonly #view: MessageView = new MessageView();
  #timer: Timer | null = null;
  #passes = 0;
  #messages = 0;
  #bytes = 0;
  #damaged = 0;
  #lastPassEndMs: number | null = null;
  #passStartedMs = 0;
  /** Streams of this pass that are still to be read. */
  #waiting: Stream[] = [];
  #current: Stream | null = null;
  #next = 0;

  constructor(store: ScrubbedStore, clock: Clock, options: ScrubOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#options = options;
  }

  start(): void {
    this.#beginPass();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  state(): ScrubState {
    return {
      passes: this.#passes,
      messages: this.#messages,
      bytes: this.#bytes,
      damaged: this.#damaged,
      stream: this.#current?.name ?? null,
      lastPassEndMs: this.#lastPassEndMs,
    };
  }

  #beginPass(): void {
    this.#passStartedMs = this.#clock.monotonicMs();
    this.#waiting = this.#store.list();
    this.#current = null;
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => this.#step());
  }

  #step(): void {
    try {
      this.#readSome();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Its file cannot be read now, or the stream is going: the same message again, later.
      this.#schedule(RETRY_MS);
    }
  }

  #readSome(): void {
    const { bytesPerSecond } = this.#options;
    const most = Math.min(STEP_BYTES_MAX, Math.max(STEP_BYTES_MIN, bytesPerSecond / 10));
    let bytes = 0;
    for (let count = 0; count < STEP_MESSAGES && bytes < most; count++) {
      const log = this.#stream();
      if (log === null) {
        this.#endPass();
        return;
      }
      const read = this.#read(log);
      if (read === 0) this.#current = null;
      bytes += read;
    }
    this.#schedule((bytes / bytesPerSecond) * 1000);
  }

  /** The stream to go on with; null at the end of the pass. */
  #stream(): Stream | null {
    // It may have been deleted meanwhile, and made anew.
    while (this.#current === null || this.#store.find(this.#current.name) !== this.#current) {
      const next = this.#waiting.shift();
      if (next === undefined) return null;
      this.#current = next;
      this.#next = 0;
    }
    return this.#current;
  }

  /** Reads a message. Returns its bytes; 0: the stream has no more. */
  #read(log: Stream): number {
    const seq = log.index.records.nextLive(this.#next);
    if (seq === 0) return 0;
    const found = log.load(seq, this.#view);
    this.#next = seq + 1;
    if (found === null) {
      this.#damaged++;
      return RECORD_BYTES;
    }
    const bytes = RECORD_BYTES + found.end - found.subjectStart;
    this.#messages++;
    this.#bytes += bytes;
    return bytes;
  }

  #endPass(): void {
    this.#passes++;
    this.#lastPassEndMs = this.#clock.wallMs();
    const tookMs = this.#clock.monotonicMs() - this.#passStartedMs;
    this.#timer = this.#clock.setTimer(Math.max(0, this.#options.everyMs - tookMs), () => this.#beginPass());
  }
}
