// What each directive that works does with its value: the rules for ranges, zeros and old forms. Types have been checked before.
//
// Zero and the empty string mean "the default" where the reference means that; the setting is then left alone.

import { parseAdvertised } from "../address.ts";
import { isPublicSigningKey } from "../auth/nkey.ts";
import type { ServerOptions } from "../options.ts";
import { GLOBAL_ACCOUNT } from "../routing/account.ts";
import type { Block, Directive } from "./directives/directive.ts";
import { TRUSTED_PROXY } from "./directives/listener-blocks.ts";
import { OCSP_SETTERS } from "./ocsp.ts";
import { readPermissions } from "./permissions.ts";
import type { Problems } from "./problem.ts";
import {
  badValue,
  booleanOf,
  durationOf,
  readAuthTimeout,
  readDuration,
  readListen,
  readPort,
  stringOf,
  wholeNumber,
} from "./readers.ts";
import type { ProcessSettings, SettingsDraft } from "./settings.ts";
import type { Span } from "./source.ts";
import { readTls } from "./tls.ts";
import { addUsers, setAccounts } from "./users.ts";
import { type ArrayValue, type Entry, kindText, type MapValue } from "./value.ts";
import { WEBSOCKET_SETTERS } from "./websocket.ts";

/** Of `max_connections`. */
const NOBODY = -1;

/** One directive of a file, and where its value goes. */
export interface Setting {
  readonly entry: Entry;
  readonly directive: Directive;
  readonly draft: SettingsDraft;
  readonly problems: Problems;
  /** The entries of a block inside that can be used; what is wrong with the others is reported. */
  readonly usable: (map: MapValue, block: Block) => Iterable<{ directive: Directive; entry: Entry }>;
  /** Reads a file that the configuration names; throws with Go's words for what went wrong. */
  readonly readFile: (path: string) => string;
}

/** Takes the value of a directive. */
export type Setter = (setting: Setting) => void;

type OptionOf<T> = { [Name in keyof ServerOptions]: T extends ServerOptions[Name] ? Name : never }[keyof ServerOptions];
type ProcessSettingOf<T> = {
  [Name in keyof ProcessSettings]-?: T extends Required<ProcessSettings>[Name] ? Name : never;
}[keyof ProcessSettings];

const INT32_MAX = 2 ** 31 - 1;
const LAME_DUCK_MS_MIN = 30_000;

/** By the path of the directive. */
export const SETTERS: Readonly<Record<string, Setter>> = {
  listen,
  port: ({ entry, draft, problems }) => {
    const port = readPort(entry, wholeNumber(entry.value), problems);
    if (port !== null && port !== 0) draft.option("port", port, entry.value.span);
  },
  host: text("host"),
  server_name: ({ entry, draft, problems }) => {
    const name = stringOf(entry.value);
    if (name.includes(" ")) badValue(problems, entry, "server name cannot contain spaces");
    else if (name !== "") draft.option("serverName", name, entry.value.span);
  },
  client_advertise: ({ entry, draft, problems }) => {
    const advertised = stringOf(entry.value);
    if (advertised !== "" && parseAdvertised(advertised, 0) === null) {
      badValue(
        problems,
        entry,
        `could not parse address string ${JSON.stringify(advertised)}`,
        "give host or host:port",
      );
    } else if (advertised !== "") draft.option("clientAdvertise", advertised, entry.value.span);
  },
  no_header_support: flag("noHeaderSupport"),
  proxy_protocol: flag("proxyProtocol"),

  max_connections: ({ entry, draft }) => {
    const most = wholeNumber(entry.value);
    // As in the reference a file cannot lift the limit: 0 and less let nobody in (opts.go, server.go createClient).
    draft.option("maxConnections", most > 0 ? most : NOBODY, entry.value.span);
  },
  max_payload: count("maxPayloadBytes", INT32_MAX),
  max_pending: count("maxPendingBytes", Number.MAX_SAFE_INTEGER),
  max_control_line: count("maxControlLineBytes", INT32_MAX),
  max_subscriptions: ({ entry, draft, problems }) => {
    const limit = wholeNumber(entry.value);
    if (limit < -1) badValue(problems, entry, `${entry.key} ${limit} is negative`, "0 and -1 mean no limit");
    else draft.option("maxSubscriptions", Math.max(0, limit), entry.value.span);
  },
  max_subscription_tokens: ({ entry, draft, problems }) => {
    const limit = wholeNumber(entry.value);
    if (limit > 255) badValue(problems, entry, `${entry.key} value is too big`, "the largest is 255");
    else if (limit <= 0)
      badValue(
        problems,
        entry,
        `${entry.key} value can not be negative`,
        "the smallest is 1; without the directive there is no limit",
      );
    else draft.option("maxSubscriptionTokens", limit, entry.value.span);
  },
  write_deadline: duration("writeDeadlineMs"),
  ping_interval: duration("pingIntervalMs"),
  ping_max: count("pingMax", INT32_MAX),
  no_fast_producer_stall: flag("noFastProducerStall"),

  debug: flag("debug"),
  trace: flag("trace"),
  trace_verbose: flag("trace"),
  logtime: processFlag("logTime"),
  logtime_utc: processFlag("logTimeUtc"),
  logfile: processText("logFile"),
  logfile_size_limit: ({ entry, draft }) => {
    draft.ofProcess("logSizeLimitBytes", Math.max(0, wholeNumber(entry.value)), entry.value.span);
  },
  pidfile: processText("pidFile"),
  ports_file_dir: processText("portsFileDir"),

  lame_duck_duration: ({ entry, draft, problems }) => {
    const ms = durationOf(entry, problems);
    if (ms === null) return;
    if (ms < LAME_DUCK_MS_MIN) {
      const shown = stringOf(entry.value);
      badValue(problems, entry, `invalid lame_duck_duration of ${shown}, minimum is 30 seconds`);
    } else draft.option("lameDuckDurationMs", Math.ceil(ms), entry.value.span);
  },
  lame_duck_grace_period: ({ entry, draft, problems }) => {
    const ms = durationOf(entry, problems);
    if (ms === null) return;
    if (ms < 0) badValue(problems, entry, "invalid lame_duck_grace_period, needs to be positive");
    else if (ms > 0) draft.option("lameDuckGraceMs", Math.ceil(ms), entry.value.span);
  },

  "authorization.user": text("user"),
  "authorization.pass": text("pass"),
  "authorization.token": text("token"),
  "authorization.timeout": authTimeout,
  "authorization.proxy_required": flag("proxyRequired"),
  proxies: () => {}, // its one entry says it all
  "proxies.trusted": trustedProxies,
  "authorization.default_permissions": ({ entry, draft, problems, usable }) => {
    draft.defaultPermissions(GLOBAL_ACCOUNT, readPermissions(entry.value as MapValue, problems, usable));
  },
  authorization: (setting) => {
    setting.draft.applyDefaultPermissions(GLOBAL_ACCOUNT);
    checkCredentials(setting);
  },

  "authorization.users": ({ entry, draft, problems, usable }) => {
    addUsers(entry, GLOBAL_ACCOUNT, draft, problems, usable);
  },
  accounts: setAccounts,
  no_auth_user: text("noAuthUser"),
  system_account: text("systemAccount"),

  tls: (setting) => {
    const tls = readTls(setting, "listener");
    if (tls !== null) setting.draft.option("tls", tls, setting.entry.keySpan);
  },
  allow_non_tls: flag("allowNonTls"),
  ...OCSP_SETTERS,

  ...WEBSOCKET_SETTERS,

  disable_sublist_cache: () => {},
  store_dir: ({ draft, entry, problems }) => {
    const folder = stringOf(entry.value);
    if (draft.options.storeDir !== undefined) {
      problems.error("CONFLICT", "Duplicate 'store_dir' configuration", entry.keySpan, "take out one of the two");
    } else if (folder !== "") {
      draft.option("storeDir", folder, entry.value.span);
      const text = `"${entry.key}" is for OCSP answers only: JetStream is not supported yet`;
      problems.notice("NOT_SUPPORTED", text, entry.keySpan);
    }
  },
};

/** Blocks that their setter reads itself, entry by entry. */
export const WHOLE_BLOCKS: ReadonlySet<string> = new Set([
  "authorization.default_permissions",
  "tls",
  "websocket.tls",
  "ocsp",
  "ocsp_cache",
]);

function text(name: OptionOf<string>): Setter {
  return ({ entry, draft }) => {
    const value = stringOf(entry.value);
    if (value !== "") draft.option(name, value, entry.value.span);
  };
}

function flag(name: OptionOf<boolean>): Setter {
  return ({ entry, draft }) => draft.option(name, booleanOf(entry.value), entry.value.span);
}

function processText(name: ProcessSettingOf<string>): Setter {
  return ({ entry, draft }) => {
    const value = stringOf(entry.value);
    if (value !== "") draft.ofProcess(name, value, entry.value.span);
  };
}

function processFlag(name: ProcessSettingOf<boolean>): Setter {
  return ({ entry, draft }) => draft.ofProcess(name, booleanOf(entry.value), entry.value.span);
}

/** A whole number from 1; 0 means the default. */
function count(name: OptionOf<number>, max: number): Setter {
  return ({ entry, draft, problems }) => {
    const value = wholeNumber(entry.value);
    if (value > max) badValue(problems, entry, `${entry.key} value is too big`, `the largest is ${max}`);
    else if (value < 0) badValue(problems, entry, `${entry.key} ${value} is negative`, `it must be from 1 to ${max}`);
    else if (value > 0) draft.option(name, value, entry.value.span);
  };
}

/** A duration from 1 ms; 0 means the default. */
function duration(name: OptionOf<number>): Setter {
  return ({ entry, draft, problems }) => {
    const ms = readDuration(entry, problems);
    if (ms !== null && ms > 0) draft.option(name, ms, entry.value.span);
  };
}

function listen({ entry, draft, problems }: Setting): void {
  const address = readListen(entry, problems);
  if (address === null) return;
  const { span } = entry.value;
  if (address.host !== "") draft.option("host", address.host, span);
  if (address.port !== 0) draft.option("port", address.port, span);
}

function trustedProxies({ entry, draft, problems, usable }: Setting): void {
  const keys: string[] = [];
  for (const item of (entry.value as ArrayValue).items) {
    if (item.kind === "broken") continue;
    if (item.kind !== "map") {
      const found = `expected proxies' trusted entry to be a map/struct, not ${kindText(item)}`;
      problems.error("BAD_VALUE", found, item.span, "write { key: U... }");
      continue;
    }
    if (item.entries.size === 0) {
      problems.error("BAD_VALUE", 'proxy trusted key "" is invalid', item.span, "write { key: U... }");
    }
    for (const { entry: inner } of usable(item, TRUSTED_PROXY)) {
      const key = stringOf(inner.value);
      if (isPublicSigningKey(key)) keys.push(key);
      else
        badValue(problems, inner, `invalid proxy key ${JSON.stringify(key)}`, "give a public nkey, U... for instance");
    }
  }
  draft.option("trustedProxies", keys, entry.value.span);
}

function authTimeout({ entry, draft, problems }: Setting): void {
  const ms = readAuthTimeout(entry, problems);
  if (ms !== null && ms > 0) draft.option("authTimeoutMs", ms, entry.value.span);
}

/** What must hold between the directives of one `authorization`. */
function checkCredentials({ entry, draft, problems }: Setting): void {
  const { user, pass, token } = draft.options;
  if (token !== undefined && (user !== undefined || pass !== undefined)) {
    problems.error("CONFLICT", "Cannot have a user/pass and token", entry.keySpan, "take out one of the two");
  } else if (pass !== undefined && user === undefined) {
    // The reference takes it and lets everybody in; who set a password did not mean that.
    const at = draft.origins.get("pass") as Span;
    problems.error(
      "CONFLICT",
      "a password without a user would leave the server open to everybody",
      at,
      "add a user, or use a token",
    );
  }
}
