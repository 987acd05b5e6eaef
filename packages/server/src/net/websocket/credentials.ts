// Who comes by WebSocket: the listener's own user or token in place of the server's, and cookies in place of what CONNECT leaves
// out (auth.go processClientOrLeafAuthentication, client.go processConnect).

import type { ConnectOptions } from "@myelin/protocol";
import type { Admission } from "../../auth/admission.ts";
import type { ClientConnection } from "../../connection/client-connection.ts";
import type { Authenticator } from "../../connection/context.ts";
import type { Account } from "../../routing/account.ts";
import type { WebSocketOptions } from "../../websocket-options.ts";

/** Whether the listener says itself who may come in. Then the server's own user, token and `no_auth_user` do not count here. */
export function overridesAuthentication({ noAuthUser, token, user }: WebSocketOptions): boolean {
  return user !== null || token !== null || noAuthUser !== null;
}

/** What CONNECT says, or a cookie where it says nothing. */
type CookieCredentials = Pick<ConnectOptions, "user" | "pass" | "auth_token">;

/** Completes a client's CONNECT from the cookies of its handshake, and asks another authenticator. */
export class CookieAuthenticator implements Authenticator {
  readonly required: boolean;
  readonly asks: boolean;
  readonly usesNonce: boolean;
  readonly inner: Authenticator;
  readonly #cookies: CookieCredentials;

  constructor(inner: Authenticator, cookies: CookieCredentials) {
    this.required = inner.required;
    this.asks = inner.asks;
    this.usesNonce = inner.usesNonce;
    this.inner = inner;
    this.#cookies = cookies;
  }

  assume(connection: ClientConnection): Admission | null {
    return this.inner.assume(connection);
  }

  authenticate(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
  ): Admission | null | Promise<Admission | null> {
    const { auth_token, pass, user } = this.#cookies;
    connection.connect = {
      ...connect,
      user: connect.user || user,
      pass: connect.pass || pass,
      auth_token: connect.auth_token || auth_token,
    };
    return this.inner.authenticate(connection.connect, connection);
  }

  authenticateAgain(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
    previous: Authenticator,
  ): Admission | null | Promise<Admission | null> {
    // The cookies are in what the connection keeps of its CONNECT.
    return this.inner.authenticateAgain(connect, connection, previous);
  }

  knows(identity: string, account: Account): boolean {
    return this.inner.knows(identity, account);
  }
}

/** The credentials that a handshake's cookies hold; null when there are none. */
export function cookieCredentials(
  { passCookie, tokenCookie, userCookie }: WebSocketOptions,
  cookies: ReadonlyMap<string, string>,
): CookieCredentials | null {
  const valueOf = (name: string | null): string => (name === null ? "" : (cookies.get(name) ?? ""));
  const credentials = { user: valueOf(userCookie), pass: valueOf(passCookie), auth_token: valueOf(tokenCookie) };
  return Object.values(credentials).some((value) => value !== "") ? credentials : null;
}
