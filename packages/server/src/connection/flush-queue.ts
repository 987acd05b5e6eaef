// Which connections have output to send. Each is flushed once at the end of the turn of the event loop, however many messages
// from however many connections it was given: one write for all of them.

/** Something with output to send. */
export interface Flushable {
  /** Set while it stands in the queue. */
  queuedForFlush: boolean;
  flush(): void;
}

/** The flush queue of one server. */
export class FlushQueue {
  #waiting: Flushable[] = [];
  /** The end of the turn, when something waits for it. */
  #turnEnd: NodeJS.Immediate | null = null;
  readonly #run: () => void;

  constructor() {
    this.#run = () => this.flushAll();
  }

  /** Has `target` flushed at the end of this turn. The caller checked {@link Flushable.queuedForFlush}. */
  add(target: Flushable): void {
    target.queuedForFlush = true;
    this.#waiting.push(target);
    this.#turnEnd ??= setImmediate(this.#run);
  }

  /** Flushes everything that waits, now. */
  flushAll(): void {
    const waiting = this.#waiting;
    // Flushing may queue more: a connection that ends tells others.
    for (let i = 0; i < waiting.length; i++) {
      const target = waiting[i] as Flushable;
      target.queuedForFlush = false;
      target.flush();
    }
    waiting.length = 0;
    // An immediate that is left over costs a round of the event loop.
    if (this.#turnEnd !== null) clearImmediate(this.#turnEnd);
    this.#turnEnd = null;
  }
}
