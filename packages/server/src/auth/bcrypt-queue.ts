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
  #running = 0;

  constructor(verify: BcryptVerify = verifyNatively) {
    this.#verify = verify;
  }

  /** Checks that wait for their turn. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /**
   * Checks a password.
   *
   * @param isWanted - Asked when its turn comes; false saves the work.
   * @returns Rejects with TooManyLoginsError when too many wait. A hash that is none is a no.
   */
  async verify(password: string, hash: string, isWanted: () => boolean): Promise<boolean> {
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
