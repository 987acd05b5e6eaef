// Who waits for a bcrypt hash: one takes some 100 ms of a core, so one or two are checked at a time, and others wait.
//
// Whoever came last goes first. When more come than can be checked, everybody waits until the time for authentication is over, or is
// served at once: in the order of arrival it would always be the turn of somebody who is just about to be cut off, so that nobody
// got in. Who comes when too many wait is refused at once.

const RUNNING_MAX = 2;
const WAITING_MAX = 256;

/**
 * How many hashes may be checked at a time: one processor is left to whatever carries and stores messages, because even threads of
 * the lowest priority take something from those that have to share a core with them.
 *
 * @param processors - Of the machine, as far as the process may use them.
 */
export function checksAtOnce(processors: number): number {
  return Math.max(1, Math.min(processors - 1, RUNNING_MAX));
}

/** Does the work of one check. A hash that is none is a no. */
export type BcryptVerify = (password: string, hash: string) => Promise<boolean>;

/** What is asked, once for all who ask it. */
class Question {
  readonly key: string;
  readonly password: string;
  readonly hash: string;
  readonly wanted: Array<() => boolean> = [];
  readonly answer: Promise<boolean>;
  settle: (answer: boolean | Promise<boolean>) => void = () => {};

  constructor(key: string, password: string, hash: string) {
    this.key = key;
    this.password = password;
    this.hash = hash;
    this.answer = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** Whether anybody who asked is still there. */
  get isWanted(): boolean {
    return this.wanted.some((isWanted) => isWanted());
  }
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
  readonly #runningMax: number;
  /** Those that were asked last stand at the end. */
  #waiting: Question[] = [];
  /** What has not been answered yet. */
  readonly #questions: Map<string, Question> = new Map();
  #running = 0;

  /**
   * @param verify - Does the work.
   * @param runningMax - For how many passwords at a time; see {@link checksAtOnce}.
   */
  constructor(verify: BcryptVerify, runningMax: number) {
    this.#verify = verify;
    this.#runningMax = runningMax;
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
    const question = this.#questions.get(key) ?? new Question(key, password, hash);
    question.wanted.push(isWanted);
    if (!this.#questions.has(key)) {
      if (this.#waiting.length >= WAITING_MAX) this.#forgetGone();
      if (this.#waiting.length >= WAITING_MAX) return Promise.reject(new TooManyLoginsError());
      this.#questions.set(key, question);
      this.#waiting.push(question);
      this.#next();
    } else if (this.#waiting.includes(question)) {
      this.#waiting = [...this.#waiting.filter((other) => other !== question), question];
    }
    return question.answer;
  }

  #next(): void {
    while (this.#running < this.#runningMax) {
      const question = this.#waiting.pop();
      if (question === undefined) return;
      if (question.isWanted) void this.#work(question);
      else this.#end(question, false);
    }
  }

  async #work(question: Question): Promise<void> {
    this.#running++;
    const answer = this.#verify(question.password, question.hash);
    await answer.catch(countedAsDone);
    this.#running--;
    this.#end(question, answer);
    this.#next();
  }

  #forgetGone(): void {
    const gone = this.#waiting.filter(({ isWanted }) => !isWanted);
    this.#waiting = this.#waiting.filter((question) => !gone.includes(question));
    for (const question of gone) this.#end(question, false);
  }

  /** Whoever asks the same from now on gets another answer. */
  #end(question: Question, answer: boolean | Promise<boolean>): void {
    this.#questions.delete(question.key);
    question.settle(answer);
  }
}

/** Those who asked get the error. */
function countedAsDone(): void {}
