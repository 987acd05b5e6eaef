// Users and permissions as a program writes them, short; `completeUser` and `completePermissions` make the long form of them.
//
//   { user: "alice", pass: "secret", permissions: { publish: "orders.>", subscribe: ["_INBOX.>", "orders.* workers"] } }

import { GLOBAL_ACCOUNT } from "../routing/account.ts";
import {
  DEFAULT_RESPONSE_PERMISSION,
  type PermissionOptions,
  type ResponsePermission,
  type SubjectPermission,
} from "./permission-options.ts";
import type { ConnectionType, UserOptions } from "./users.ts";

/** Subjects: one or more that are allowed, or lists of what is allowed and what is forbidden. */
export type SubjectsGiven =
  | string
  | readonly string[]
  | {
      /** Everything when absent; an empty list allows nothing. */
      readonly allow?: string | readonly string[] | null;
      readonly deny?: string | readonly string[];
    };

/** What a user may do; what is left out is not restricted. */
export interface PermissionsGiven {
  readonly publish?: SubjectsGiven | null;
  /** An entry may be `subject queue`: it then speaks of members of that queue group. */
  readonly subscribe?: SubjectsGiven | null;
  /** True: one response within two minutes to each request it was sent. Nothing else may be published then, unless `publish` says so. */
  readonly responses?: boolean | Partial<ResponsePermission> | null;
}

/** A user; a name or an nkey has to be there. See {@link UserOptions} for the meaning of the rest. */
export interface UserGiven {
  readonly user?: string | null;
  /** Empty when absent. */
  readonly pass?: string;
  readonly nkey?: string | null;
  /** `$G` when absent. */
  readonly account?: string;
  readonly connectionTypes?: readonly ConnectionType[] | null;
  readonly permissions?: PermissionsGiven | null;
  /** False when absent. */
  readonly proxyRequired?: boolean;
}

/** Fills in what a user leaves out. */
export function completeUser(given: UserGiven): UserOptions {
  const { account = GLOBAL_ACCOUNT, connectionTypes = null, nkey = null, pass = "", user = null } = given;
  const { permissions = null, proxyRequired = false } = given;
  return { user, pass, nkey, account, connectionTypes, permissions: completePermissions(permissions), proxyRequired };
}

/** Fills in what permissions leave out; null stays null, which means everything. */
export function completePermissions(given: PermissionsGiven | null): PermissionOptions | null {
  if (given === null) return null;
  const { publish = null, responses = null, subscribe = null } = given;
  return {
    publish: completeSubjects(publish),
    subscribe: completeSubjects(subscribe),
    responses: completeResponses(responses),
  };
}

function completeSubjects(given: SubjectsGiven | null): SubjectPermission | null {
  if (given === null) return null;
  if (typeof given === "string" || Array.isArray(given)) return { allow: listOf(given as string | string[]), deny: [] };
  const { allow = null, deny = [] } = given as Exclude<SubjectsGiven, string | readonly string[]>;
  return { allow: allow === null ? null : listOf(allow), deny: listOf(deny) };
}

function completeResponses(given: boolean | Partial<ResponsePermission> | null): ResponsePermission | null {
  if (given === null || given === false) return null;
  return given === true ? DEFAULT_RESPONSE_PERMISSION : { ...DEFAULT_RESPONSE_PERMISSION, ...given };
}

function listOf(given: string | readonly string[]): readonly string[] {
  return typeof given === "string" ? [given] : given;
}
