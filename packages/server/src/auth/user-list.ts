// Authentication by a list of users: a name with a password or its hash, or an nkey that signs the nonce of INFO. Each user is in
// an account. The rules and their order are the reference's (auth.go, processClientOrLeafAuthentication).

import type { Random } from "@myelin/platform";
import type { ConnectOptions } from "@myelin/protocol";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { Authenticator } from "../connection/context.ts";
import type { ServerOptions } from "../options.ts";
import { type Account, GLOBAL_ACCOUNT } from "../routing/account.ts";
import type { Admission } from "./admission.ts";
import type { BcryptQueue } from "./bcrypt-queue.ts";
import { verifySignature } from "./nkey.ts";
import { Permissions } from "./permissions.ts";
import { knowsSecret } from "./secrets.ts";
import { identityOf, type UserOptions } from "./users.ts";

/** What a user list needs of a server's options. */
export type UserListOptions = Pick<ServerOptions, "users" | "noAuthUser" | "openGlobalAccount">;

/** Lets in the users of a list, each into his account. */
export class UserList implements Authenticator {
  readonly asks = true;
  readonly required: boolean;
  readonly usesNonce: boolean;
  /** Who comes without credentials where nobody is named for that; null: he is refused. */
  readonly #anonymous: Admission | null;
  readonly #names: ReadonlyMap<string, UserOptions>;
  readonly #nkeys: ReadonlyMap<string, UserOptions>;
  readonly #noAuthUser: UserOptions | null;
  /** What each user that has come so far is let in as: made at the first CONNECT, since permissions cost something to compile. */
  readonly #admissions: Map<UserOptions, Admission> = new Map();
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #hashes: BcryptQueue;
  readonly #random: Random;

  /** @param accounts - Holds the account of every user. */
  constructor(options: UserListOptions, accounts: ReadonlyMap<string, Account>, hashes: BcryptQueue, random: Random) {
    const { noAuthUser, openGlobalAccount, users } = options;
    this.#names = new Map(users.filter(({ nkey }) => nkey === null).map((user) => [user.user ?? "", user]));
    this.#nkeys = new Map(users.filter(({ nkey }) => nkey !== null).map((user) => [user.nkey ?? "", user]));
    this.#noAuthUser = users.find((user) => identityOf(user) === noAuthUser) ?? null;
    this.#accounts = accounts;
    this.#hashes = hashes;
    this.#random = random;
    // Who may stay anonymous in an open $G is still told that there are users.
    this.required = this.#noAuthUser === null;
    this.usesNonce = this.#nkeys.size > 0;
    this.#anonymous = openGlobalAccount ? this.#openAdmission() : null;
  }

  assume(connection: ClientConnection): Admission | null {
    if (this.#noAuthUser === null) return this.#anonymous;
    // With an nkey he is assumed only for a CONNECT (parser.go).
    return this.#noAuthUser.nkey === null ? this.#admit(this.#noAuthUser, connection) : null;
  }

  authenticate(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
  ): Admission | null | Promise<Admission | null> {
    if (this.#isAnonymous(connect)) {
      return this.#noAuthUser === null ? this.#anonymous : this.#admit(this.#noAuthUser, connection);
    }
    // An nkey goes before a user, unless there are no nkeys here at all.
    if (this.#nkeys.size > 0 && connect.nkey !== "") {
      const user = this.#nkeys.get(connect.nkey);
      if (user === undefined) return null;
      // Who could come without any credentials need not show that the key is his.
      const isRight = user === this.#noAuthUser || verifySignature(connect.nkey, connection.nonce, connect.sig);
      return isRight ? this.#admit(user, connection) : null;
    }
    const user = this.#names.get(connect.user);
    if (user === undefined || connect.user === "") return null;
    const answer = knowsSecret(connect.pass, user.pass, this.#hashes, () => !connection.isClosed);
    if (typeof answer === "boolean") return answer ? this.#admit(user, connection) : null;
    return answer.then((isRight) => (isRight ? this.#admit(user, connection) : null));
  }

  #isAnonymous({ auth_token, nkey, pass, user }: Readonly<ConnectOptions>): boolean {
    return user === "" && pass === "" && auth_token === "" && (nkey === "" || this.#nkeys.size === 0);
  }

  #admit(user: UserOptions, connection: ClientConnection): Admission | null {
    const type = connection.duplex.transport === "in-process" ? "IN_PROCESS" : "STANDARD";
    if (user.connectionTypes !== null && !user.connectionTypes.includes(type)) return null;
    return this.#admission(user);
  }

  #admission(user: UserOptions): Admission | null {
    const known = this.#admissions.get(user);
    if (known !== undefined) return known;
    const account = this.#accounts.get(user.account);
    if (account === undefined) return null;
    const permissions = Permissions.of(user.permissions, this.#random);
    const admission = { account, userName: identityOf(user), permissions, deadlineMs: null };
    this.#admissions.set(user, admission);
    return admission;
  }

  #openAdmission(): Admission | null {
    const account = this.#accounts.get(GLOBAL_ACCOUNT);
    return account === undefined ? null : { account, userName: "", permissions: null, deadlineMs: null };
  }
}
