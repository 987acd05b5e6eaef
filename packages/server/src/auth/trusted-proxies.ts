// Proxies that speak for clients (ADR-55): a proxy signs the nonce of INFO with its nkey and puts the signature into the CONNECT that
// it passes on, beside what the client says of himself. Stands in front of whatever else says who a client is.
//
// A signature that is there has to be right, whoever the client is; whether one has to be there the user says. The client is told
// of none of this but that he is not authorized (auth.go proxyCheck, processClientOrLeafAuthentication).

import type { ConnectOptions } from "@myelin/protocol";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { CloseReason } from "../connection/close-reasons.ts";
import type { Authenticator } from "../connection/context.ts";
import type { Account } from "../routing/account.ts";
import type { Admission } from "./admission.ts";
import { verifyRawSignature } from "./nkey.ts";

/** Asks for the word of a proxy where one is needed, and another authenticator for the rest. */
export class TrustedProxies implements Authenticator {
  readonly #inner: Authenticator;
  readonly #keys: readonly string[];

  /** @param keys - Public keys of the proxies; without any, no signature counts, and users who need a proxy cannot come. */
  constructor(inner: Authenticator, keys: readonly string[]) {
    this.#inner = inner;
    this.#keys = keys;
  }

  get asks(): boolean {
    return this.#inner.asks;
  }

  get required(): boolean {
    return this.#inner.required;
  }

  get usesNonce(): boolean {
    return this.#keys.length > 0 || this.#inner.usesNonce;
  }

  /** Before CONNECT no proxy has said a word: who needs one is not assumed. */
  assume(connection: ClientConnection): Admission | null {
    const admission = this.#inner.assume(connection);
    return admission?.proxyRequired === true ? null : admission;
  }

  authenticate(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
  ): Admission | null | Promise<Admission | null> {
    connection.proxyKey = "";
    if (connect.proxy_sig !== "" && this.#keys.length > 0) {
      const key = this.#keys.find((known) => verifyRawSignature(known, connection.nonce, connect.proxy_sig));
      if (key === undefined) return notTrusted(connection);
      connection.proxyKey = key;
    }
    return checked(this.#inner.authenticate(connect, connection), connection);
  }

  /** A connection whose proxy is not trusted any more ends, whether or not it needs one. */
  authenticateAgain(
    connect: Readonly<ConnectOptions>,
    connection: ClientConnection,
    previous: Authenticator,
  ): Admission | null | Promise<Admission | null> {
    const { proxyKey } = connection;
    if (proxyKey !== "" && !this.#keys.includes(proxyKey)) return notTrusted(connection);
    const before = previous instanceof TrustedProxies ? previous.#inner : previous;
    return checked(this.#inner.authenticateAgain(connect, connection, before), connection);
  }

  knows(identity: string, account: Account): boolean {
    return this.#inner.knows(identity, account);
  }
}

function checked(
  answer: Admission | null | Promise<Admission | null>,
  connection: ClientConnection,
): Admission | null | Promise<Admission | null> {
  if (answer instanceof Promise) return answer.then((admission) => checked(admission, connection));
  if (answer?.proxyRequired !== true || connection.proxyKey !== "") return answer;
  return refuse(connection, "PROXY_REQUIRED", "proxy connection required");
}

function notTrusted(connection: ClientConnection): null {
  return refuse(connection, "PROXY_NOT_TRUSTED", "proxy is not trusted");
}

function refuse(connection: ClientConnection, reason: CloseReason, text: string): null {
  connection.refusalReason = reason;
  connection.logDebug(text);
  return null;
}
