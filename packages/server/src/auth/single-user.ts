// Authentication by the one user or the one token that flags or options give; or by nothing, when neither is set.

import type { ConnectOptions } from "@myelin/protocol";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { Authenticator } from "../connection/context.ts";
import type { ServerOptions } from "../options.ts";
import type { Account } from "../routing/account.ts";
import type { Admission } from "./admission.ts";
import type { BcryptQueue } from "./bcrypt-queue.ts";
import { knowsSecret, sameSecret } from "./secrets.ts";

/** Lets in whoever knows the user and password, or the token. Everybody lands in one account. */
export class SingleUser implements Authenticator {
  readonly asks: boolean;
  readonly required: boolean;
  readonly usesNonce = false;
  readonly #user: string | null;
  readonly #pass: string;
  readonly #token: string | null;
  readonly #admission: Admission;
  readonly #hashes: BcryptQueue;

  constructor(
    options: Pick<ServerOptions, "user" | "pass" | "token"> & Partial<Pick<ServerOptions, "proxyRequired">>,
    account: Account,
    hashes: BcryptQueue,
  ) {
    this.#user = options.user;
    this.#pass = options.pass ?? "";
    this.#token = options.token;
    const { proxyRequired = false } = options;
    this.#admission = { account, userName: "", permissions: null, deadlineMs: null, proxyRequired };
    this.#hashes = hashes;
    this.asks = this.required = this.#user !== null || this.#token !== null;
  }

  assume(): Admission | null {
    return this.asks ? null : this.#admission;
  }

  authenticate(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
  ): Admission | null | Promise<Admission | null> {
    const answer = this.#knows(connect, connection);
    if (typeof answer === "boolean") return answer ? this.#admission : null;
    return answer.then((isRight) => (isRight ? this.#admission : null));
  }

  authenticateAgain(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
    previous: Authenticator,
  ): Admission | null | Promise<Admission | null> {
    const asksForTheSame =
      previous instanceof SingleUser &&
      previous.#user === this.#user &&
      previous.#pass === this.#pass &&
      previous.#token === this.#token;
    return asksForTheSame ? this.#admission : this.authenticate(connect, connection);
  }

  /** There is no list of users in which one could be. */
  knows(): boolean {
    return false;
  }

  #knows(connect: Readonly<ConnectOptions>, connection: ClientConnection): boolean | Promise<boolean> {
    const isWanted = (): boolean => !connection.isClosed;
    // A token goes before a user, as in the reference (auth.go).
    if (this.#token !== null) return knowsSecret(connect.auth_token, this.#token, this.#hashes, isWanted);
    if (this.#user === null) return true;
    // Both are always compared: how long it takes tells nothing about which was wrong.
    const userIsRight = sameSecret(connect.user, this.#user);
    const passIsRight = knowsSecret(connect.pass, this.#pass, this.#hashes, isWanted);
    return typeof passIsRight === "boolean"
      ? passIsRight && userIsRight
      : passIsRight.then((isRight) => isRight && userIsRight);
  }
}
