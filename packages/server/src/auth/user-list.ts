// Authentication by a list of users: a name with a password or its hash, or an nkey that signs the nonce of INFO. Each user is in
// an account. The rules and their order are the reference's (auth.go, processClientOrLeafAuthentication).

import { isDeepStrictEqual } from "node:util";
import type { Duplex, Random } from "@myelin/platform";
import type { ConnectOptions } from "@myelin/protocol";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { Authenticator } from "../connection/context.ts";
import { type Logger, SILENT_LOGGER } from "../logger.ts";
import type { ServerOptions } from "../options.ts";
import { type Account, GLOBAL_ACCOUNT } from "../routing/account.ts";
import { subjectText } from "../tls/distinguished-name.ts";
import { peerCertificate } from "../tls/peer-certificate.ts";
import type { Admission } from "./admission.ts";
import type { BcryptQueue } from "./bcrypt-queue.ts";
import { CertificateUsers } from "./certificate-users.ts";
import { verifySignature } from "./nkey.ts";
import { Permissions } from "./permissions.ts";
import { knowsSecret } from "./secrets.ts";
import { type ConnectionType, identityOf, type UserOptions } from "./users.ts";

const CONNECTION_TYPE_OF: Readonly<Record<Duplex["transport"], ConnectionType>> = {
  tcp: "STANDARD",
  websocket: "WEBSOCKET",
  "in-process": "IN_PROCESS",
};

/** What a user list needs of a server's options. */
export type UserListOptions = Pick<ServerOptions, "users" | "noAuthUser" | "openGlobalAccount"> &
  Partial<Pick<ServerOptions, "tls">>;

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
  /** Set where the certificate says which of the users with names a client is. */
  readonly #certificates: CertificateUsers | null;
  readonly #certificateKinds: readonly ConnectionType[];
  readonly #logger: Logger;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #hashes: BcryptQueue;
  readonly #random: Random;

  /**
   * @param accounts - Holds the account of every user.
   * @param certificateKinds - The kinds of connection that have certificates mapped to users, be it on another listener than this.
   */
  constructor(
    options: UserListOptions,
    accounts: ReadonlyMap<string, Account>,
    hashes: BcryptQueue,
    random: Random,
    logger: Logger = SILENT_LOGGER,
    certificateKinds: readonly ConnectionType[] = [],
  ) {
    const { noAuthUser, openGlobalAccount, tls, users } = options;
    this.#names = new Map(users.filter(({ nkey }) => nkey === null).map((user) => [user.user ?? "", user]));
    this.#nkeys = new Map(users.filter(({ nkey }) => nkey !== null).map((user) => [user.nkey ?? "", user]));
    this.#noAuthUser = users.find((user) => identityOf(user) === noAuthUser) ?? null;
    this.#certificates = tls?.map === true && this.#names.size > 0 ? new CertificateUsers(this.#names) : null;
    this.#certificateKinds = certificateKinds;
    this.#logger = logger;
    this.#accounts = accounts;
    this.#hashes = hashes;
    this.#random = random;
    // Who may stay anonymous in an open $G is still told that there are users.
    this.required = this.#noAuthUser === null;
    this.usesNonce = this.#nkeys.size > 0;
    this.#anonymous = openGlobalAccount ? this.#openAdmission() : null;
  }

  assume(connection: ClientConnection): Admission | null {
    // Whom a certificate stands for is found out at the CONNECT, a no_auth_user's included.
    if (this.#certificates !== null) return null;
    if (this.#noAuthUser === null) return this.#anonymous;
    // With an nkey he is assumed only for a CONNECT (parser.go).
    return this.#noAuthUser.nkey === null ? this.#admit(this.#noAuthUser, connection, null) : null;
  }

  authenticate(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
  ): Admission | null | Promise<Admission | null> {
    return this.#decide(connect, connection, null);
  }

  authenticateAgain(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
    previous: Authenticator,
  ): Admission | null | Promise<Admission | null> {
    return this.#decide(connect, connection, previous instanceof UserList ? previous : null);
  }

  knows(identity: string, account: Account): boolean {
    const user = this.#names.get(identity) ?? this.#nkeys.get(identity);
    return user?.account === account.name;
  }

  /** @param previous - The list that let the client in before; null when it has proven nothing yet. */
  #decide(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
    previous: UserList | null,
  ): Admission | null | Promise<Admission | null> {
    const isNkey = connect.nkey !== "" || (this.#isAnonymous(connect) && this.#noAuthUser?.nkey != null);
    if (this.#certificates !== null && !(this.#nkeys.size > 0 && isNkey)) {
      return this.#byCertificate(this.#certificates, connect, connection, previous);
    }
    if (this.#isAnonymous(connect)) {
      return this.#noAuthUser === null ? this.#anonymous : this.#admit(this.#noAuthUser, connection, previous);
    }
    const user = this.#named(connect);
    if (user === undefined) return null;
    if (this.#needsCertificate(user)) {
      connection.logDebug(`User ${JSON.stringify(user.user)} requires a client certificate`);
      return null;
    }
    if (previous !== null && previous.#hasSeenProof(connect, user)) return this.#admit(user, connection, previous);
    if (user.nkey !== null) {
      // Who could come without any credentials need not show that the key is his.
      const isRight = user === this.#noAuthUser || verifySignature(connect.nkey, connection.nonce, connect.sig);
      if (isRight) return this.#admit(user, connection, previous);
      connection.logDebug(connect.sig === "" ? "Signature missing" : "Signature not verified");
      return null;
    }
    return this.#byPassword(user, connect, connection, previous);
  }

  /** Where some listener maps certificates, a user without a password is one of those: his name alone opens no other listener. */
  #needsCertificate(user: UserOptions): boolean {
    if (user.nkey !== null || user.pass !== "" || user === this.#noAuthUser) return false;
    return this.#certificateKinds.some((kind) => user.connectionTypes === null || user.connectionTypes.includes(kind));
  }

  /** The client's certificate says who he is. What CONNECT gives as a user does not count; a user's password does, if he has one. */
  #byCertificate(
    users: CertificateUsers,
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
    previous: UserList | null,
  ): Admission | null | Promise<Admission | null> {
    const certificate = peerCertificate(connection.tls);
    if (certificate === null) {
      connection.logDebug("User required in cert, no TLS connection state");
      return null;
    }
    const found = users.find(
      certificate,
      (user) => isAllowed(user, connection),
      (name, text) => connection.logDebug(`${name} could not be used for auth [${JSON.stringify(text)}]`),
    );
    if (found === null) {
      connection.logDebug(`User in cert [${JSON.stringify(subjectText(certificate.subject))}], not found`);
      return null;
    }
    connection.logDebug(`Using ${found.by} for auth [${JSON.stringify(found.user.user)}]`);
    if (connect.user !== "") {
      this.#logger.warn(`User ${JSON.stringify(connect.user)} found in connect proto, but user required from cert`);
    }
    return this.#byPassword(found.user, connect, connection, previous);
  }

  #byPassword(
    user: UserOptions,
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
    previous: UserList | null,
  ): Admission | null | Promise<Admission | null> {
    const answer = knowsSecret(connect.pass, user.pass, this.#hashes, () => !connection.isClosed);
    if (typeof answer === "boolean") return answer ? this.#admit(user, connection, previous) : null;
    return answer.then((isRight) => (isRight ? this.#admit(user, connection, previous) : null));
  }

  /** The user whom a CONNECT names. An nkey goes before a name, unless there are no nkeys here at all. */
  #named({ nkey, user }: Readonly<ConnectOptions>): UserOptions | undefined {
    if (this.#nkeys.size > 0 && nkey !== "") return this.#nkeys.get(nkey);
    return user === "" ? undefined : this.#names.get(user);
  }

  /** Whether letting in this CONNECT took the proof that `user` of a later list asks for. */
  #hasSeenProof(connect: Readonly<ConnectOptions>, user: UserOptions): boolean {
    const mine = this.#named(connect);
    if (mine === undefined || this.#isAnonymous(connect)) return false;
    if (mine.nkey !== null && mine === this.#noAuthUser) return false;
    return mine.nkey === user.nkey && mine.user === user.user && mine.pass === user.pass;
  }

  #isAnonymous({ auth_token, nkey, pass, user }: Readonly<ConnectOptions>): boolean {
    return user === "" && pass === "" && auth_token === "" && (nkey === "" || this.#nkeys.size === 0);
  }

  #admit(user: UserOptions, connection: ClientConnection, previous: UserList | null): Admission | null {
    return isAllowed(user, connection) ? this.#admission(user, previous) : null;
  }

  #admission(user: UserOptions, previous: UserList | null): Admission | null {
    const known = this.#admissions.get(user);
    if (known !== undefined) return known;
    const account = this.#accounts.get(user.account);
    if (account === undefined) return null;
    const admission = previous?.admissionLike(user, account) ?? {
      account,
      userName: identityOf(user),
      permissions: Permissions.of(user.permissions, this.#random),
      deadlineMs: null,
      proxyRequired: user.proxyRequired,
    };
    this.#admissions.set(user, admission);
    return admission;
  }

  /**
   * What a user of a later list is let in as here already, where nothing of it has changed: his connections see at a glance that
   * they go on as before.
   */
  admissionLike(user: UserOptions, account: Account): Admission | null {
    const mine = user.nkey === null ? this.#names.get(user.user ?? "") : this.#nkeys.get(user.nkey);
    const admission = mine === undefined ? undefined : this.#admissions.get(mine);
    const isSame =
      admission?.account === account &&
      mine?.proxyRequired === user.proxyRequired &&
      isDeepStrictEqual(mine.permissions, user.permissions);
    return isSame ? admission : null;
  }

  #openAdmission(): Admission | null {
    const account = this.#accounts.get(GLOBAL_ACCOUNT);
    return account === undefined ? null : { account, userName: "", permissions: null, deadlineMs: null };
  }
}

/** Whether a user may come by this kind of connection. */
function isAllowed({ connectionTypes }: UserOptions, { duplex }: ClientConnection): boolean {
  return connectionTypes === null || connectionTypes.includes(CONNECTION_TYPE_OF[duplex.transport]);
}
