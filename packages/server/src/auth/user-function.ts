// Authentication by a function of the embedding program: it is asked at each CONNECT, may take its time, and says who it is or no.

import type { Endpoint, Random } from "@myelin/platform";
import type { ConnectOptions } from "@myelin/protocol";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { Authenticator } from "../connection/context.ts";
import { type Account, GLOBAL_ACCOUNT } from "../routing/account.ts";
import type { Admission } from "./admission.ts";
import { problemOfPermissions } from "./permission-options.ts";
import { Permissions } from "./permissions.ts";
import { completePermissions, type PermissionsGiven } from "./user-given.ts";

/** What a client tells about itself when it connects, and where it comes from. Absent texts are empty. */
export interface ConnectInfo {
  /** The connection's number, as in the log (`cid`). */
  readonly connectionId: number;
  /** Null for a client inside this process. */
  readonly remote: Endpoint | null;
  readonly user: string;
  readonly pass: string;
  readonly token: string;
  readonly nkey: string;
  readonly jwt: string;
  readonly sig: string;
  /** The name that the client gives its connection. */
  readonly name: string;
  /** The client library and its version. */
  readonly lang: string;
  readonly version: string;
}

/** Yes: the client comes in. */
export interface AuthenticatedUser {
  /** Shown in events and monitoring; what CONNECT gave as `user` when absent. */
  readonly user?: string;
  /** Name of the account to be in; `$G` when absent. An account that does not exist refuses the client. */
  readonly account?: string;
  /** What the client may do; everything when absent. */
  readonly permissions?: PermissionsGiven;
  /** When the client is cut off with `User Authentication Expired`; never when absent. One that is past refuses the client. */
  readonly expiresAt?: Date;
}

/** No: the client gets `-ERR 'Authorization Violation'` and is closed. */
export interface AuthenticationRefusal {
  /** Why, for the log of the server; the client is not told. */
  readonly refuse: string;
}

/**
 * Says who a client is. Until a promise settles the client waits, at most `authTimeoutMs`; others do not.
 * A throw or a rejection is a no, and its message goes to the log.
 */
export type Authenticate = (
  connect: ConnectInfo,
) => AuthenticatedUser | AuthenticationRefusal | Promise<AuthenticatedUser | AuthenticationRefusal>;

/** Asks an {@link Authenticate} function. */
export class UserFunction implements Authenticator {
  readonly asks = true;
  readonly required = true;
  readonly usesNonce = false;
  readonly #authenticate: Authenticate;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #random: Random;

  constructor(authenticate: Authenticate, accounts: ReadonlyMap<string, Account>, random: Random) {
    this.#authenticate = authenticate;
    this.#accounts = accounts;
    this.#random = random;
  }

  assume(): null {
    return null;
  }

  async authenticate(connect: Readonly<ConnectOptions>, connection: ClientConnection): Promise<Admission | null> {
    // `unknown`, because the function may be plain JavaScript: what is no answer is a no.
    const answer: unknown = await this.#authenticate(connectInfo(connect, connection));
    if (answer === null || typeof answer !== "object") {
      throw new TypeError(`the authenticate function answered ${String(answer)}, which is no user and no refusal`);
    }
    if ("refuse" in answer) throw new Error(String(answer.refuse));
    const { account = GLOBAL_ACCOUNT, expiresAt, permissions, user = connect.user } = answer as AuthenticatedUser;
    const found = this.#accounts.get(account);
    if (found === undefined) throw new Error(`the authenticate function named the account "${account}", which is none`);
    const deadlineMs = expiresAt === undefined ? null : expiresAt.getTime();
    if (deadlineMs !== null && Number.isNaN(deadlineMs))
      throw new TypeError("the authenticate function gave an expiresAt that is no date");
    const complete = completePermissions(permissions ?? null);
    const problem = complete === null ? null : problemOfPermissions(complete);
    if (problem !== null)
      throw new TypeError(`the authenticate function gave permissions that cannot be used: ${problem}`);
    return {
      account: found,
      userName: user,
      permissions: Permissions.of(complete, this.#random),
      deadlineMs,
    };
  }

  /** The function is asked again: it may have another answer by now. */
  authenticateAgain(connect: Readonly<ConnectOptions>, connection: ClientConnection): Promise<Admission | null> {
    return this.authenticate(connect, connection);
  }

  /** Only the function knows, and it does not tell unknown users from wrong passwords. */
  knows(): boolean {
    return true;
  }
}

function connectInfo(connect: Readonly<ConnectOptions>, connection: ClientConnection): ConnectInfo {
  const { auth_token: token, jwt, lang, name, nkey, pass, sig, user, version } = connect;
  const { remote } = connection.duplex;
  return { connectionId: connection.id, remote, user, pass, token, nkey, jwt, sig, name, lang, version };
}
