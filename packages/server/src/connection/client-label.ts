// What a client is called in the log: `127.0.0.1:50312 - cid:7 - "v2.29.0:nats.js:billing" - "A/user:alice"`
// (client.go initClient, processConnect, getAuthUser).

import type { Duplex } from "@myelin/platform";
import type { ConnectOptions } from "@myelin/protocol";

/** What of a duplex tells where it comes from. */
type AddressedDuplex = Pick<Duplex, "forwardedFor" | "remote" | "transport">;

/** The beginning of every log line about a connection: where it comes from, and its number. */
export function addressLabel({ forwardedFor, remote, transport }: AddressedDuplex, id: number): string {
  const number = `${transport === "websocket" ? "wid" : "cid"}:${id}`;
  if (remote === null) return `pipe - ${number}`;
  const address = `${bracketed(remote.host)}:${remote.port} - ${number}`;
  return forwardedFor === undefined || forwardedFor === null ? address : `${bracketed(forwardedFor)}/${address}`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * What comes behind it once the client is known: what its CONNECT told of it, and as whom it came in.
 *
 * @param who - As whom it came in, see {@link identityLabel}.
 */
export function connectLabel({ lang, name, version }: ConnectOptions, account: string, who: string): string {
  const parts = [version === "" ? "" : `v${version}`, lang, name].filter((part) => part !== "");
  const client = parts.length === 0 ? "" : ` - ${JSON.stringify(parts.join(":"))}`;
  return who === "" ? client : `${client} - ${JSON.stringify(`${account}/${who}`)}`;
}

/**
 * As whom a client comes: `nkey:U...`, `user:alice` or `token`, never a secret. Empty when it comes as nobody.
 *
 * @param admitted - The user that it was let in as: a certificate may stand for another than CONNECT names, and somebody may be
 *   assumed who is not named at all. Empty where nobody is told apart.
 */
export function identityLabel({ auth_token, nkey, user }: ConnectOptions, admitted: string): string {
  if (nkey !== "") return `nkey:${nkey}`;
  if (user !== "") return `user:${admitted === "" ? user : admitted}`;
  if (auth_token !== "") return "token";
  return admitted === "" ? "" : `user:${admitted}`;
}

/** What a refused client is called: `User "alice"`. Empty when it came as nobody. */
export function refusedLabel({ auth_token, nkey, user }: ConnectOptions): string {
  if (nkey !== "") return `Nkey ${JSON.stringify(nkey)}`;
  if (user !== "") return `User ${JSON.stringify(user)}`;
  return auth_token === "" ? "" : 'Token "[REDACTED]"';
}
