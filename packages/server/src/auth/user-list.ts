// Authentication by a list of users: a name with a password or its hash, or an nkey that signs the nonce of INFO. Each user is in
// an account. The rules and their order are the reference's (auth.go, processClientOrLeafAuthentication).

import type { ConnectOptions } from "@myelin/protocol";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { Authenticator } from "../connection/context.ts";
import type { ServerOptions } from "../options.ts";
import { type Account, GLOBAL_ACCOUNT } from "../routing/account.ts";
import type { BcryptQueue } from "./bcrypt-queue.ts";
import { verifySignature } from "./nkey.ts";
import { knowsSecret } from "./secrets.ts";
import { identityOf, type UserOptions } from "./users.ts";

/** What a user list needs of a server's options. */
export type UserListOptions = Pick<ServerOptions, "users" | "noAuthUser" | "openGlobalAccount">;

/** Lets in the users of a list, each into his account. */
export class UserList implements Authenticator {
  readonly required: boolean;
  readonly usesNonce: boolean;
  readonly assumed: Account | null;
  readonly assumedName: string;
  readonly #names: ReadonlyMap<string, UserOptions>;
  readonly #nkeys: ReadonlyMap<string, UserOptions>;
  readonly #noAuthUser: UserOptions | null;
  readonly #openAccount: Account | null;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #hashes: BcryptQueue;

  /** @param accounts - Holds the account of every user. */
  constructor(options: UserListOptions, accounts: ReadonlyMap<string, Account>, hashes: BcryptQueue) {
    const { noAuthUser, openGlobalAccount, users } = options;
    this.#names = new Map(users.filter(({ nkey }) => nkey === null).map((user) => [user.user ?? "", user]));
    this.#nkeys = new Map(users.filter(({ nkey }) => nkey !== null).map((user) => [user.nkey ?? "", user]));
    this.#noAuthUser = users.find((user) => identityOf(user) === noAuthUser) ?? null;
    this.#openAccount = openGlobalAccount ? (accounts.get(GLOBAL_ACCOUNT) ?? null) : null;
    this.#accounts = accounts;
    this.#hashes = hashes;
    // Who may stay anonymous in an open $G is still told that there are users.
    this.required = this.#noAuthUser === null;
    this.usesNonce = this.#nkeys.size > 0;
    this.assumed = this.#noAuthUser === null ? this.#openAccount : (accounts.get(this.#noAuthUser.account) ?? null);
    this.assumedName = this.#noAuthUser === null ? "" : identityOf(this.#noAuthUser);
  }

  authenticate(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
  ): Account | null | Promise<Account | null> {
    if (this.#isAnonymous(connect)) {
      return this.#noAuthUser === null ? this.#openAccount : this.#admit(this.#noAuthUser, connection);
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

  #admit(user: UserOptions, connection: ClientConnection): Account | null {
    const type = connection.duplex.transport === "in-process" ? "IN_PROCESS" : "STANDARD";
    if (user.connectionTypes !== null && !user.connectionTypes.includes(type)) return null;
    connection.userName = identityOf(user);
    return this.#accounts.get(user.account) ?? null;
  }
}
