// Who may come in, and as whom, at each of a server's listeners: the accounts, and what decides. Made anew at each reload.

import { availableParallelism } from "node:os";
import type { Clock, Random } from "@myelin/platform";
import { BcryptQueue, checksAtOnce } from "./auth/bcrypt-queue.ts";
import { BcryptThread } from "./auth/bcrypt-thread.ts";
import { BcryptThreads } from "./auth/bcrypt-threads.ts";
import { kindsWithCertificates } from "./auth/certificate-users.ts";
import { SingleUser } from "./auth/single-user.ts";
import { TrustedProxies } from "./auth/trusted-proxies.ts";
import { UserList } from "./auth/user-list.ts";
import type { SettingName } from "./config/settings.ts";
import type { Authenticator } from "./connection/context.ts";
import type { Logger } from "./logger.ts";
import { overridesAuthentication } from "./net/websocket/credentials.ts";
import type { ServerOptions } from "./options.ts";
import type { ReloadPlan } from "./reload/plan.ts";
import { Account, GLOBAL_ACCOUNT } from "./routing/account.ts";

/** What it takes from outside. */
export interface AuthenticationOutside {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /**
   * Makes what says who may come in, given the server's accounts; where there is none (null), the options' users or token do.
   * Called at the start and at each reload.
   */
  readonly createAuthenticator?: (accounts: ReadonlyMap<string, Account>, random: Random) => Authenticator | null;
}

/** A change of these changes who may come in, and as whom. */
const SAYS_WHO_MAY_COME: ReadonlySet<SettingName> = new Set([
  "user",
  "pass",
  "token",
  "users",
  "accounts",
  "noAuthUser",
  "openGlobalAccount",
  "trustedProxies",
]);

/** What decided before a reload. */
export interface FormerAuthenticators {
  readonly byTcp: Authenticator;
  readonly byWebSocket: Authenticator;
}

/** Accounts and authentication of one server. */
export class ServerAuthentication {
  readonly globalAccount: Account;
  readonly #outside: AuthenticationOutside;
  readonly #accounts: Map<string, Account>;
  readonly #hashThreads: BcryptThreads;
  readonly #hashes: BcryptQueue;
  #byTcp: Authenticator;
  /** Decides by WebSocket where the server's own users do not, and for which options it was made. */
  #byWebSocket: { readonly options: ServerOptions; readonly authenticator: Authenticator } | null = null;

  constructor(options: ServerOptions, outside: AuthenticationOutside) {
    const { clock, createAuthenticator, random } = outside;
    this.#outside = outside;
    this.globalAccount = new Account(GLOBAL_ACCOUNT, random.uint32());
    this.#accounts = new Map([[GLOBAL_ACCOUNT, this.globalAccount]]);
    this.#hashThreads = new BcryptThreads(clock, () => new BcryptThread());
    this.#hashes = new BcryptQueue(
      (password, hash) => this.#hashThreads.verify(password, hash),
      checksAtOnce(availableParallelism()),
    );
    this.#keepAccounts(options);
    this.#byTcp = createAuthenticator?.(this.#accounts, random) ?? this.#authenticatorOf(options);
  }

  /** Accounts by name. */
  get accounts(): ReadonlyMap<string, Account> {
    return this.#accounts;
  }

  /** Decides for whoever comes by TCP, and by WebSocket where nothing else is said there. */
  get byTcp(): Authenticator {
    return this.#byTcp;
  }

  /** Decides for whoever comes by WebSocket. Made anew when the options are others. */
  byWebSocket(options: ServerOptions): Authenticator {
    const { noAuthUser, pass, tls, token, user } = options.webSocket;
    const overrides = overridesAuthentication(options.webSocket);
    // Whether certificates are mapped to users is said for each listener.
    if (!overrides && (options.tls?.map ?? false) === (tls?.map ?? false)) return this.#byTcp;
    if (this.#byWebSocket?.options !== options) {
      const here = { ...options, tls, ...(overrides && { user, pass, token, noAuthUser }) };
      this.#byWebSocket = { options, authenticator: this.#authenticatorOf(here, kindsWithCertificates(options)) };
    }
    return this.#byWebSocket.authenticator;
  }

  /**
   * Makes accounts and authentication anew.
   *
   * @returns What decided until now; null when nobody has to be asked again.
   */
  reload(options: ServerOptions, changed: ReloadPlan["changed"]): FormerAuthenticators | null {
    const { createAuthenticator, random } = this.#outside;
    this.#keepAccounts(options);
    const own = createAuthenticator?.(this.#accounts, random) ?? null;
    if (own === null && !changed.some((name) => SAYS_WHO_MAY_COME.has(name))) return null;
    const former = { byTcp: this.#byTcp, byWebSocket: this.#byWebSocket?.authenticator ?? this.#byTcp };
    this.#byTcp = own ?? this.#authenticatorOf(options);
    return former;
  }

  /** Ends the threads; nobody is let in by a hash any more. */
  close(): void {
    this.#hashThreads.close();
  }

  /** Has `$G`, the accounts of the options, and the system account, which is one of these or `$SYS`; those that are there stay. */
  #keepAccounts({ accounts, systemAccount }: ServerOptions): void {
    const own = this.#accounts;
    const names = new Set([GLOBAL_ACCOUNT, ...accounts, systemAccount]);
    for (const name of own.keys()) if (!names.has(name)) own.delete(name);
    for (const name of names) {
      if (!own.has(name)) own.set(name, new Account(name, this.#outside.random.uint32(), name === systemAccount));
    }
  }

  #authenticatorOf(options: ServerOptions, certificateKinds = kindsWithCertificates(options)): Authenticator {
    const { logger, random } = this.#outside;
    const inner =
      options.users.length > 0
        ? new UserList(options, this.#accounts, this.#hashes, random, logger, certificateKinds)
        : new SingleUser(options, this.globalAccount, this.#hashes);
    return new TrustedProxies(inner, options.trustedProxies);
  }
}
