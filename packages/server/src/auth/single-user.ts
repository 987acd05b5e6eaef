// Authentication by the one user or the one token that flags or options give; or by nothing, when neither is set.

import { createHash, timingSafeEqual } from "node:crypto";
import type { ConnectOptions } from "@myelin/protocol";
import type { Authenticator } from "../connection/context.ts";
import type { ServerOptions } from "../options.ts";
import type { Account } from "../routing/account.ts";

/** Lets in whoever knows the user and password, or the token. Everybody lands in one account. */
export class SingleUser implements Authenticator {
  readonly required: boolean;
  readonly #user: string | null;
  readonly #pass: string;
  readonly #token: string | null;
  readonly #account: Account;

  constructor(options: Pick<ServerOptions, "user" | "pass" | "token">, account: Account) {
    this.#user = options.user;
    this.#pass = options.pass ?? "";
    this.#token = options.token;
    this.#account = account;
    this.required = this.#user !== null || this.#token !== null;
  }

  authenticate(connect: Readonly<ConnectOptions>): Account | null {
    return this.#knows(connect) ? this.#account : null;
  }

  #knows(connect: Readonly<ConnectOptions>): boolean {
    // A token goes before a user, as in the reference (auth.go).
    if (this.#token !== null) return sameSecret(connect.auth_token, this.#token);
    if (this.#user !== null) {
      // Both are always compared: how long it takes tells nothing about which was wrong.
      const userIsRight = sameSecret(connect.user, this.#user);
      return sameSecret(connect.pass, this.#pass) && userIsRight;
    }
    return true;
  }
}

/** Compares in a time that does not depend on where the two differ, nor on their lengths. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
