// The threads on which bcrypt hashes are checked: made when there is something to check, kept while there is more, ended when it has
// been quiet. As many as there are checks at a time; BcryptQueue limits these. A thread that dies refuses the login it was at work
// on, and the next one gets a new thread.

import type { Clock, Timer } from "@myelin/platform";

/** Threads without work are ended after this time: clients that come back after a failure want several logins in a row. */
const IDLE_MS = 2_000;

/** A thread that checks one password at a time. */
export interface HashThread {
  /** It has ended, or will, and cannot be asked. */
  readonly isOver: boolean;
  /** Rejects when the thread ends before the answer. */
  verify(password: string, hash: string): Promise<boolean>;
  /** Ends the thread: at once, or behind the check that it is at work on, whose answer is no. */
  stop(): void;
}

/** The threads of one server. */
export class BcryptThreads {
  readonly #clock: Clock;
  readonly #start: () => HashThread;
  readonly #busy: Set<HashThread> = new Set();
  readonly #idle: HashThread[] = [];
  #idleEnd: Timer | null = null;
  #isClosed = false;

  /** @param start - Starts a thread; may throw where the system gives none. */
  constructor(clock: Clock, start: () => HashThread) {
    this.#clock = clock;
    this.#start = start;
  }

  /** Threads that there are now. */
  get count(): number {
    return this.#busy.size + this.#idle.length;
  }

  /**
   * Checks a password on a thread that has nothing else to do.
   *
   * @returns No after {@link close}. Rejects when the thread dies meanwhile, or cannot be started.
   */
  async verify(password: string, hash: string): Promise<boolean> {
    if (this.#isClosed) return false;
    this.#idleEnd?.cancel();
    this.#idleEnd = null;
    const thread = this.#takeIdle() ?? this.#start();
    this.#busy.add(thread);
    try {
      const answer = await thread.verify(password, hash);
      if (!this.#isClosed) this.#idle.push(thread);
      return answer;
    } finally {
      this.#busy.delete(thread);
      if (this.#busy.size === 0 && this.#idle.length > 0) {
        this.#idleEnd = this.#clock.setTimer(IDLE_MS, () => this.#endIdle());
      }
    }
  }

  /** Ends all threads; whoever still waits for an answer gets a no. */
  close(): void {
    this.#isClosed = true;
    this.#idleEnd?.cancel();
    for (const thread of this.#busy) thread.stop();
    this.#endIdle();
  }

  #takeIdle(): HashThread | undefined {
    let thread = this.#idle.pop();
    while (thread?.isOver) thread = this.#idle.pop();
    return thread;
  }

  #endIdle(): void {
    for (const thread of this.#idle.splice(0)) thread.stop();
  }
}
