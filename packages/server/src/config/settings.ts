// What a configuration sets, under names that do not depend on the spelling in the file. A setting that the file leaves out is
// absent: the command line and the defaults come after.

import type { PermissionOptions } from "../auth/permission-options.ts";
import { identityOf, type UserOptions } from "../auth/users.ts";
import type { PartialServerOptions, ServerOptions } from "../options.ts";
import { GLOBAL_ACCOUNT } from "../routing/account.ts";
import type { WebSocketOptions } from "../websocket-options.ts";
import type { Problems } from "./problem.ts";
import type { Span } from "./source.ts";

/** What belongs to the process round the server. An embedded server has no use for it. */
export interface ProcessSettings {
  readonly logFile?: string;
  /** Bytes; 0 means never. */
  readonly logSizeLimitBytes?: number;
  /** Whether lines carry the time, and whether in UTC. */
  readonly logTime?: boolean;
  readonly logTimeUtc?: boolean;
  readonly pidFile?: string;
  readonly portsFileDir?: string;
}

/** The same with a value for each; null where there is none. */
export type CompleteProcessSettings = {
  readonly [Name in keyof ProcessSettings]-?:
    | Required<ProcessSettings>[Name]
    | (Required<ProcessSettings>[Name] extends string ? null : never);
};

/** Completes what belongs to the process with the reference's defaults. */
export function completeProcessSettings(given: ProcessSettings): CompleteProcessSettings {
  return {
    logFile: null,
    logSizeLimitBytes: 0,
    logTime: true,
    logTimeUtc: false,
    pidFile: null,
    portsFileDir: null,
    ...given,
  };
}

/** The name of a setting. */
export type SettingName = keyof ServerOptions | keyof ProcessSettings;

/** What a configuration comes to. */
export interface Settings {
  readonly options: PartialServerOptions;
  readonly process: ProcessSettings;
  /** Where each of them was set. */
  readonly origins: ReadonlyMap<SettingName, Span>;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Settings while a file is read. */
export class SettingsDraft implements Settings {
  readonly options: Mutable<PartialServerOptions> = {};
  readonly process: Mutable<ProcessSettings> = {};
  readonly origins: Map<SettingName, Span> = new Map();
  /** Where each option of WebSocket was set. */
  readonly webSocketOrigins: Map<keyof WebSocketOptions, Span> = new Map();
  /** The cookie with a JWT, which needs operators. */
  webSocketJwtCookie: { readonly name: string; readonly span: Span } | null = null;
  readonly #users: UserOptions[] = [];
  readonly #identities: Set<string> = new Set();
  readonly #accounts: string[] = [];
  readonly #defaultPermissions: Map<string, PermissionOptions> = new Map();

  /** Sets an option of the server. */
  option<Name extends keyof ServerOptions>(name: Name, value: ServerOptions[Name], span: Span): void {
    this.options[name] = value;
    this.origins.set(name, span);
  }

  /** Sets an option of WebSocket. */
  webSocket<Name extends keyof WebSocketOptions>(name: Name, value: WebSocketOptions[Name], span: Span): void {
    this.options.webSocket = { ...this.options.webSocket, [name]: value };
    this.webSocketOrigins.set(name, span);
  }

  /** Adds a user, unless there is one of that name. */
  addUser(user: UserOptions, span: Span, problems: Problems): void {
    if (this.#identities.has(identityOf(user))) {
      const kind = user.nkey === null ? "user" : "nkey";
      problems.error("CONFLICT", `Duplicate ${kind} ${JSON.stringify(identityOf(user))} detected`, span);
      return;
    }
    this.#identities.add(identityOf(user));
    this.#users.push(user);
    this.option("users", this.#users, span);
  }

  /** Sets what users of an account may do who have no permissions of their own. */
  defaultPermissions(account: string, permissions: PermissionOptions): void {
    this.#defaultPermissions.set(account, permissions);
  }

  /** Gives the users of an account who have no permissions the account's. Called once all of them are there. */
  applyDefaultPermissions(account: string): void {
    const permissions = this.#defaultPermissions.get(account);
    if (permissions === undefined) return;
    this.#users.forEach((user, i) => {
      if (user.account === account && user.permissions === null) this.#users[i] = { ...user, permissions };
    });
  }

  /** Adds an account. @returns False when it cannot be one, which is reported. */
  addAccount(name: string, span: Span, problems: Problems): boolean {
    if (name === GLOBAL_ACCOUNT || name === "") {
      problems.error(
        "BAD_VALUE",
        `${JSON.stringify(name)} is a Reserved Account`,
        span,
        "give the account another name",
      );
      return false;
    }
    if (this.#accounts.includes(name)) {
      problems.error("CONFLICT", `Duplicate Account Entry: ${name}`, span);
      return false;
    }
    this.#accounts.push(name);
    this.option("accounts", this.#accounts, span);
    return true;
  }

  /** Sets what belongs to the process. */
  ofProcess<Name extends keyof ProcessSettings>(name: Name, value: Required<ProcessSettings>[Name], span: Span): void {
    this.process[name] = value;
    this.origins.set(name, span);
  }
}

/**
 * Puts options of the command line or of a program over those of a file. A user takes the place of a token in the file, and the
 * other way round: both together would leave the new one without effect. Beside users of the file neither can be set.
 */
export function overrideOptions(file: PartialServerOptions, over: PartialServerOptions): PartialServerOptions {
  const options: Mutable<PartialServerOptions> = { ...file };
  const { user, token, users } = over;
  if (users !== undefined) options.user = options.pass = options.token = null;
  if (typeof user === "string") options.token = null;
  if (typeof token === "string" || user === null) options.user = options.pass = null;
  if (over.webSocket !== undefined) over = { ...over, webSocket: { ...file.webSocket, ...over.webSocket } };
  return Object.assign(options, over);
}
