// Reads users and accounts:
//
//   authorization { users: [ { user: a, password: b }, { nkey: U... } ] }         these are in $G
//   accounts { A { users: [ ... ] }, B {} }      or      accounts: [ A, B ]
//
// A name or an nkey stands for one user, whatever the account.

import { isPublicUserKey } from "../auth/nkey.ts";
import type { PermissionOptions } from "../auth/permission-options.ts";
import { CONNECTION_TYPES, type ConnectionType, type UserOptions } from "../auth/users.ts";
import { ACCOUNT } from "./directives/account-blocks.ts";
import { USER } from "./directives/auth-blocks.ts";
import { readPermissions } from "./permissions.ts";
import type { Problems } from "./problem.ts";
import type { Setting } from "./setters.ts";
import type { SettingsDraft } from "./settings.ts";
import type { ArrayValue, Entry, MapValue } from "./value.ts";
import { kindText } from "./value.ts";

/** Adds the users of a list to those that are there. */
export function addUsers(
  entry: Entry,
  account: string,
  draft: SettingsDraft,
  problems: Problems,
  usable: Setting["usable"],
): void {
  for (const item of (entry.value as ArrayValue).items) {
    if (item.kind === "broken") continue;
    if (item.kind !== "map") {
      const hint = "write { user: NAME, password: PASSWORD } or { nkey: U... }";
      problems.error("BAD_VALUE", `Expected user entry to be a map/struct, not ${kindText(item)}`, item.span, hint);
      continue;
    }
    const user = readUser(item, account, problems, usable);
    if (user !== null) draft.addUser(user, item.span, problems);
  }
}

/** Reads `accounts`, as blocks or as a list of names. */
export function setAccounts({ entry, draft, problems, usable }: Setting): void {
  const { value } = entry;
  if (value.kind === "array") {
    for (const item of value.items) {
      if (item.kind === "string") draft.addAccount(item.value, item.span, problems);
      else if (item.kind !== "broken") {
        problems.error("BAD_VALUE", `the name of an account must be a string, not ${kindText(item)}`, item.span);
      }
    }
    return;
  }
  for (const account of (value as MapValue).entries.values()) {
    // A key that is only there to be used as a variable is no account.
    if (account.usedAsVariable || account.value.kind === "broken") continue;
    if (account.value.kind !== "map") {
      problems.error("BAD_VALUE", "Expected map entries for accounts", account.value.span);
      continue;
    }
    if (!draft.addAccount(account.key, account.keySpan, problems)) continue;
    for (const { directive, entry: inner } of usable(account.value, ACCOUNT)) {
      if (directive.name === "users") addUsers(inner, account.key, draft, problems, usable);
      else if (directive.name === "default_permissions") {
        draft.defaultPermissions(account.key, readPermissions(inner.value as MapValue, problems, usable));
      }
    }
    draft.applyDefaultPermissions(account.key);
  }
}

interface UserDraft {
  user: string | null;
  pass: string;
  nkey: string | null;
  connectionTypes: readonly ConnectionType[] | null;
  permissions: PermissionOptions | null;
  proxyRequired: boolean;
}

function readUser(map: MapValue, account: string, problems: Problems, usable: Setting["usable"]): UserOptions | null {
  const draft: UserDraft = {
    user: null,
    pass: "",
    nkey: null,
    connectionTypes: null,
    permissions: null,
    proxyRequired: false,
  };
  for (const { directive, entry } of usable(map, USER)) {
    const { value } = entry;
    if (directive.name === "permissions") draft.permissions = readPermissions(value as MapValue, problems, usable);
    else if (directive.name === "allowed_connection_types") draft.connectionTypes = connectionTypes(entry, problems);
    else if (value.kind === "boolean") draft.proxyRequired = value.value;
    else if (value.kind === "string" && value.value !== "") {
      if (directive.name === "user") draft.user = value.value;
      else if (directive.name === "pass") draft.pass = value.value;
      else if (directive.name === "nkey") draft.nkey = value.value;
    }
  }
  const problem = problemOf(draft);
  if (problem === null) return { ...draft, account };
  problems.error("BAD_VALUE", problem, map.span);
  return null;
}

function problemOf({ user, pass, nkey }: UserDraft): string | null {
  if (nkey === null) return user === null ? "User entry requires a user" : null;
  if (!isPublicUserKey(nkey)) return `Not a valid public nkey for a user: ${JSON.stringify(nkey)}`;
  return user !== null || pass !== "" ? "Nkey users do not take usernames or passwords" : null;
}

function connectionTypes({ value }: Entry, problems: Problems): readonly ConnectionType[] | null {
  const items = value.kind === "array" ? value.items : [value];
  const types: ConnectionType[] = [];
  for (const item of items) {
    const name = item.kind === "string" ? item.value.toUpperCase() : null;
    const type = CONNECTION_TYPES.find((known) => known === name);
    if (type !== undefined) types.push(type);
    else if (item.kind !== "broken") {
      const shown = name === null ? kindText(item) : JSON.stringify(name);
      problems.error(
        "BAD_VALUE",
        `invalid connection type ${shown}`,
        item.span,
        `there are ${CONNECTION_TYPES.join(", ")}`,
      );
    }
  }
  // An empty list is no restriction, as in the reference.
  return types.length > 0 ? types : null;
}
