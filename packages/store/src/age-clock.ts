// How old a message is, whatever the machine's clock does. Stamps come from the wall clock, which may be set at any moment; ages are
// measured with the monotonic one. For each stretch of sequences this remembers how far the two were apart when they were
// stamped, so that a clock that jumps by years expires nothing early.

/** Stamps may run ahead of what is remembered by this much before a new stretch begins: messages then expire that much later. */
const AHEAD_TOLERANCE_MS = 1000;
/** And behind by this much: messages then expire that much early, so it is kept small. */
const BEHIND_TOLERANCE_MS = 20;
/** Tolerances double for each so many stretches, which keeps the list short while a clock that was set back catches up. */
const STRETCHES_PER_DOUBLING = 256;

/** Ages of one stream's messages. */
export class AgeClock {
  /** First sequence of each stretch. */
  #froms: number[];
  /** Stamp minus monotonic time, of each stretch. */
  #offsets: number[];

  /**
   * @param wallMs - Wall time now: what was stamped before now counts from it.
   * @param monotonicMs - Monotonic time now.
   */
  constructor(wallMs: number, monotonicMs: number) {
    this.#froms = [0];
    this.#offsets = [wallMs - monotonicMs];
  }

  /** A message got a stamp of the present. Sequences only grow. */
  note(seq: number, stampMs: number, monotonicMs: number): void {
    const offset = stampMs - monotonicMs;
    const ahead = offset - this.#offsets[this.#offsets.length - 1]!;
    const scale = 2 ** Math.floor(this.#offsets.length / STRETCHES_PER_DOUBLING);
    if (ahead <= AHEAD_TOLERANCE_MS * scale && ahead >= -BEHIND_TOLERANCE_MS * scale) return;
    this.#froms.push(seq);
    this.#offsets.push(offset);
  }

  /** The monotonic time at which a message was stamped. */
  storedAt(seq: number, stampMs: number): number {
    let at = this.#froms.length - 1;
    while (at > 0 && this.#froms[at]! > seq) at--;
    return stampMs - this.#offsets[at]!;
  }

  /** Messages below `seq` are gone: forgets what only they needed. */
  forgetBelow(seq: number): void {
    let drop = 0;
    while (drop + 1 < this.#froms.length && this.#froms[drop + 1]! <= seq) drop++;
    if (drop > 0) {
      this.#froms.splice(0, drop);
      this.#offsets.splice(0, drop);
    }
  }

  /** Sequences after `seq` will be given again. */
  truncate(seq: number): void {
    while (this.#froms.length > 1 && this.#froms[this.#froms.length - 1]! > seq) {
      this.#froms.pop();
      this.#offsets.pop();
    }
  }
}
