// Checks passwords against bcrypt hashes off the main thread: one takes some 90 ms of a core. Node's pool of four threads
// also serves the disk and DNS, so only two are ever taken, and who comes when too many wait is refused at once: with
// authentication's two seconds he would not get his turn.

const RUNNING_MAX = 2;
const WAITING_MAX = 256;

/** Does the work of one check; `@node-rs/bcrypt` when it is real. */
export type BcryptVerify = (password: string, hash: string) => Promise<boolean>;

interface Waiting {
  readonly start: () => void;
}

interface Question {
  readonly answer: Promise<boolean>;
  /** Of all who ask. */
  readonly wanted: Array<() => boolean>;
}

/** A login could not be checked because too many others wait. */
export class TooManyLoginsError extends Error {
  override readonly name = "TooManyLoginsError";
  readonly code = "TOO_MANY_LOGINS";

  constructor() {
    super(`${WAITING_MAX} logins with bcrypt passwords wait already; nkeys cost the server far less`);
  }
}

/** A queue in front of bcrypt, one for each server. */
export class BcryptQueue {
  readonly #verify: BcryptVerify;
  readonly #waiting: Waiting[] = [];
  /** By hash and password: what has not been answered yet. */
  readonly #questions: Map<string, Question> = new Map();
  #running = 0;

  constructor(verify: BcryptVerify = verifyNatively) {
    this.#verify = verify;
  }

  /** Checks that wait for their turn. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /**
   * Checks a password. Who asks what is being asked already waits for the same answer: after a reload all connections of a user
   * may ask at once.
   *
   * @param isWanted - Asked when its turn comes; false saves the work.
   * @returns Rejects with TooManyLoginsError when too many wait. A hash that is none is a no.
   */
  verify(password: string, hash: string, isWanted: () => boolean): Promise<boolean> {
    const key = `${hash}\n${password}`;
    const same = this.#questions.get(key);
    if (same !== undefined) {
      same.wanted.push(isWanted);
      return same.answer;
    }
    const wanted = [isWanted];
    const forget = (): void => void this.#questions.delete(key);
    const isWantedByAny = (): boolean => {
      const is = wanted.some((one) => one());
      if (!is) forget();
      return is;
    };
    const answer = this.#ask(password, hash, isWantedByAny).finally(forget);
    this.#questions.set(key, { answer, wanted });
    return answer;
  }

  async #ask(password: string, hash: string, isWanted: () => boolean): Promise<boolean> {
    if (this.#running >= RUNNING_MAX) {
      if (this.#waiting.length >= WAITING_MAX) throw new TooManyLoginsError();
      await new Promise<void>((resolve) => this.#waiting.push({ start: resolve }));
    } else this.#running++;
    try {
      return isWanted() && (await this.#verify(password, hash));
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next.start(); // it takes this one's place
    }
  }
}

async function verifyNatively(password: string, hash: string): Promise<boolean> {
  const { verify } = await import("@node-rs/bcrypt");
  return verify(password, hash).catch(isNoHash);
}

/** What is no hash is nobody's. */
function isNoHash(): boolean {
  return false;
}
