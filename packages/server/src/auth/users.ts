// The users of a server, as options and configuration files give them.

import type { PermissionOptions } from "./permission-options.ts";

/** A user who may connect: with a name and a password, or with an nkey. */
export interface UserOptions {
  /** Name; null for a user with an nkey. */
  readonly user: string | null;
  /** Password, or its bcrypt hash. Empty: whoever gives this name and no password. */
  readonly pass: string;
  /** Public key, `U...`; null for a user with a name. */
  readonly nkey: string | null;
  /** Name of the account that the user is in. */
  readonly account: string;
  /** The kinds of connection that the user may come by; null for all. */
  readonly connectionTypes: readonly ConnectionType[] | null;
  /** What the user may do; null: everything. */
  readonly permissions: PermissionOptions | null;
  /** True: the user may come only by a trusted proxy. */
  readonly proxyRequired: boolean;
}

/** Every kind of connection that a user can be restricted to. */
export const CONNECTION_TYPES = [
  "STANDARD",
  "WEBSOCKET",
  "LEAFNODE",
  "LEAFNODE_WS",
  "MQTT",
  "MQTT_WS",
  "IN_PROCESS",
] as const;

/** A kind of connection. */
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

/** What a user is called by: each stands for one user only, whatever the account. */
export function identityOf({ nkey, user }: Partial<Pick<UserOptions, "nkey" | "user">>): string {
  return nkey ?? user ?? "";
}
