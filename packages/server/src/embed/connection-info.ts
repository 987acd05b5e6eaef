// A connection as an embedding program sees it: a snapshot, which stays true to the moment it was taken.

import type { Endpoint, TlsSession } from "@myelin/platform";
import type { ClientConnection } from "../connection/client-connection.ts";

/** What is known of a client's connection. Texts that the client did not give are empty. */
export interface ConnectionInfo {
  /** The connection's number, as in the log (`cid`). */
  readonly id: number;
  /** Null for a client inside this process. */
  readonly remote: Endpoint | null;
  readonly account: string;
  readonly user: string;
  /** The name that the client gave its connection. */
  readonly name: string;
  /** The client library and its version. */
  readonly lang: string;
  readonly version: string;
  /** Null for a client without TLS. */
  readonly tls: TlsSession | null;
  readonly subscriptions: number;
  /** Bytes that wait to be sent to it. */
  readonly pendingBytes: number;
}

/** Takes a snapshot. */
export function connectionInfo(connection: ClientConnection): ConnectionInfo {
  const { account, connect, duplex, id, pendingBytes, subscriptions, tls, userName } = connection;
  const { lang, name, user, version } = connect;
  return {
    id,
    remote: duplex.remote,
    account: account.name,
    user: userName === "" ? user : userName,
    name,
    lang,
    version,
    tls,
    subscriptions: subscriptions.size,
    pendingBytes,
  };
}
