// Keeps a connection: makes the first session, and a new one whenever one is lost, going through the pool.
//
// One round goes through the whole pool without waiting; then comes the wait. A server that failed `maxReconnectAttempts`
// times leaves the pool; an empty pool ends it all. The same authentication error twice in a row from one server does too.

import { type Deferred, deferred } from "../deferred.ts";
import {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  NatsError,
  NoServersError,
  UserAuthenticationExpiredError,
} from "../errors.ts";
import type { CompleteOptions, PoolServer } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import type { ServerInfo } from "../server-info.ts";
import type { PoolEntry, ServerPool } from "../servers/pool.ts";
import type { Session } from "./session.ts";

/** Who is told how it goes. */
export interface KeeperHost {
  /** A session stands; the owner adopts it at once. */
  opened(session: Session, entry: PoolEntry): void;
  attempting(entry: PoolEntry, attempt: number): void;
  attemptFailed(entry: PoolEntry, attempt: number, error: Error): void;
  /** Something is wrong that does not end the connection. */
  reportError(error: Error): void;
  /** There will be no further attempt. */
  gaveUp(error: Error): void;
}

/** Errors that NoServersError carries: the last of so many attempts. */
const ERRORS_KEPT = 16;

type Connect = (entry: PoolEntry, signal: AbortSignal) => Promise<Session>;

export class ConnectionKeeper {
  readonly #runtime: Runtime;
  readonly #options: CompleteOptions;
  readonly #pool: ServerPool;
  readonly #host: KeeperHost;
  readonly #connect: Connect;
  readonly #abort = new AbortController();
  #running = false;
  #wake: Deferred<void> | null = null;
  /** What the server in use said last, for `reconnectToServer`. */
  lastInfo: ServerInfo | undefined;

  constructor(runtime: Runtime, options: CompleteOptions, pool: ServerPool, host: KeeperHost, connect: Connect) {
    this.#runtime = runtime;
    this.#options = options;
    this.#pool = pool;
    this.#host = host;
    this.#connect = connect;
  }

  /** Ends all attempts. */
  stop(): void {
    this.#abort.abort(new ClosedConnectionError());
    this.#wake?.resolve();
  }

  /** Ends the wait that may be going on. */
  hurry(): void {
    this.#wake?.resolve();
  }

  /**
   * Goes through the pool once.
   *
   * @throws What the last server failed with; NoServersError when all refused the connection.
   */
  async connectFirst(): Promise<void> {
    const errors: Error[] = [];
    for (const entry of this.#firstOrder()) {
      try {
        const session = await this.#connect(entry, this.#abort.signal);
        if (session.isEnded) throw session.failure ?? new ConnectionError("The server closed the connection at once");
        this.#open(session, entry);
        return;
      } catch (error) {
        if (this.#abort.signal.aborted) throw this.#abort.signal.reason;
        this.#note(entry, error as Error);
        errors.push(error as Error);
      }
    }
    const last = errors.at(-1) as Error;
    const allRefused = errors.every(
      (error) => NatsError.isNatsError(error) && error.code === "ERR_NATS_CONNECTION_REFUSED",
    );
    if (!allRefused) throw last;
    const where = this.#pool.entries.map((entry) => entry.address.listen).join(", ");
    throw new NoServersError(`connection refused: no server answered at ${where}`, errors);
  }

  /** Makes a new session, however long the options let it try. Tells the host how it ends; never rejects. */
  async reconnect(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const current = this.#pool.current;
    if (current !== null) this.#pool.retire(current, this.#options.maxReconnectAttempts);
    try {
      const found = await this.#search();
      // From here on a loss is a new one: telling of the session may already bring it about.
      this.#running = false;
      if (found !== null) this.#open(found.session, found.entry);
    } catch (error) {
      this.#running = false;
      if (!this.#abort.signal.aborted) this.#host.gaveUp(error as Error);
    }
  }

  /** Tries server after server. Null when it was stopped. */
  async #search(): Promise<{ session: Session; entry: PoolEntry } | null> {
    const signal = this.#abort.signal;
    const lastErrors: Error[] = [];
    let inRound = 0;
    for (let attempt = 1; this.#pool.entries.length > 0; attempt++) {
      const { entry, delayMs } = this.#choose(attempt, ++inRound >= this.#pool.entries.length);
      if (inRound >= this.#pool.entries.length) inRound = 0;
      if (delayMs > 0) await this.#sleep(delayMs);
      if (signal.aborted) return null;
      entry.attempts++;
      this.#host.attempting(entry, attempt);
      try {
        return { session: await this.#connect(entry, signal), entry };
      } catch (error) {
        if (signal.aborted) return null;
        const failure = error as Error;
        lastErrors.push(failure);
        if (lastErrors.length > ERRORS_KEPT) lastErrors.shift();
        this.#host.attemptFailed(entry, attempt, failure);
        if (this.#note(entry, failure)) throw failure;
        this.#pool.retire(entry, this.#options.maxReconnectAttempts);
      }
    }
    throw new NoServersError("no servers available: every one has had its attempts", lastErrors);
  }

  /** Notes a failure. True when it is the same refusal of the credentials as the time before. */
  #note(entry: PoolEntry, error: Error): boolean {
    entry.lastError = error;
    if (!isAuthError(error)) {
      entry.lastAuthError = null;
      return false;
    }
    const code = (error as NatsError).code;
    const again = entry.lastAuthError === code;
    entry.lastAuthError = code;
    return again && this.#options.ignoreAuthErrorAbort !== true;
  }

  /** Notes that the server in use refused the credentials while the connection stood. */
  noteAuthError(error: Error): boolean {
    const current = this.#pool.current;
    return current !== null && this.#note(current, error);
  }

  /** Hands a session on. One that has ended by now is told as lost at once, like any other. */
  #open(session: Session, entry: PoolEntry): void {
    entry.attempts = 0;
    entry.lastError = null;
    entry.lastAuthError = null;
    this.#pool.use(entry);
    this.lastInfo = session.serverInfo ?? undefined;
    this.#host.opened(session, entry);
  }

  #firstOrder(): readonly PoolEntry[] {
    const chosen = this.#askUser();
    const entries = [...this.#pool.entries];
    return chosen === null ? entries : [chosen.entry, ...entries.filter((entry) => entry !== chosen.entry)];
  }

  /** The next server, and how long to wait before it. */
  #choose(attempt: number, roundIsOver: boolean): { entry: PoolEntry; delayMs: number } {
    const chosen = this.#askUser();
    if (chosen !== null) return chosen;
    const entry = this.#pool.entries[0] as PoolEntry;
    return { entry, delayMs: roundIsOver ? this.#delayMs(attempt, entry) : 0 };
  }

  #askUser(): { entry: PoolEntry; delayMs: number } | null {
    const ask = this.#options.reconnectToServer;
    if (ask === undefined) return null;
    const answer = this.#answerOf(() => ask(this.#pool.entries.map(toPoolServer), this.lastInfo));
    if (answer === null) return null;
    const server = "server" in answer ? answer.server : answer;
    const entry = this.#pool.entries.find((candidate) => candidate.address.listen === server.listen);
    if (entry !== undefined) return { entry, delayMs: "delay" in answer ? Math.max(0, answer.delay) : 0 };
    this.#host.reportError(
      new ConnectionError(
        `'reconnectToServer' chose '${server.listen}', which is not in the pool`,
        { retryable: false },
        "ERR_NATS_SERVER_NOT_IN_POOL",
      ),
    );
    return null;
  }

  /** What a function of the user gives; when it throws that is reported, and the usual way is taken. */
  #answerOf<T>(ask: () => T): T | null {
    try {
      return ask();
    } catch (error) {
      this.#host.reportError(error as Error);
      return null;
    }
  }

  #delayMs(attempt: number, entry: PoolEntry): number {
    const { reconnectDelayHandler, reconnectTimeWait, reconnectJitter, reconnectJitterTLS } = this.#options;
    const random = (): number => this.#runtime.random.uint32() / 0x1_0000_0000;
    if (reconnectDelayHandler !== undefined) {
      const wait = this.#answerOf(() => reconnectDelayHandler(attempt, random));
      if (wait !== null && wait >= 0) return wait;
    }
    const isTls = entry.address.scheme === "tls" || entry.address.scheme === "wss" || Boolean(this.#options.tls);
    return reconnectTimeWait + random() * (isTls ? reconnectJitterTLS : reconnectJitter);
  }

  async #sleep(ms: number): Promise<void> {
    const wake: Deferred<void> = deferred();
    this.#wake = wake;
    const timer = this.#runtime.clock.setTimer(ms, () => wake.resolve(), true);
    await wake;
    timer.cancel();
    this.#wake = null;
  }
}

/** A server as users see it. */
export function toPoolServer(entry: PoolEntry): PoolServer {
  const { listen, hostname, port, gossiped } = entry.address;
  return { listen, hostname, port, gossiped, attempts: entry.attempts, lastError: entry.lastError };
}

function isAuthError(error: Error): boolean {
  return error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError;
}
