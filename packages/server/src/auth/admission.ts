// What authentication answers to a client that may come in.

import type { Account } from "../routing/account.ts";
import type { Permissions } from "./permissions.ts";

/** Who a client is, and what it may do. */
export interface Admission {
  /** The account that the client is in from now on. */
  readonly account: Account;
  /** Name or nkey of the user, for events and monitoring; empty where nobody is asked for a name. */
  readonly userName: string;
  /** What the client may publish and subscribe to; null: everything. */
  readonly permissions: Permissions | null;
  /** Wall time at which the client is cut off, in milliseconds; null: never. */
  readonly deadlineMs: number | null;
  /** True: only behind a trusted proxy; see trusted-proxies.ts. */
  readonly proxyRequired?: boolean;
}
