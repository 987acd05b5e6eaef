// The way in: a file, or a text, becomes settings, or one error that tells everything that is wrong.

import { identityOf } from "../auth/users.ts";
import { DEFAULT_OPTIONS } from "../options.ts";
import { SYSTEM_ACCOUNT } from "../routing/account.ts";
import { coverSecrets } from "../secrets-cover.ts";
import { checkConfig } from "./check.ts";
import { configDigest } from "./digest.ts";
import { goDuration } from "./duration.ts";
import { NODE_CONFIG_OUTSIDE } from "./node-outside.ts";
import { type ConfigOutside, parseConfig } from "./parser.ts";
import { ConfigError, type Problem, Problems } from "./problem.ts";
import type { SettingName, Settings, SettingsDraft } from "./settings.ts";
import { Source, type Span } from "./source.ts";
import type { MapValue } from "./value.ts";
import { checkWebSocket } from "./websocket.ts";

/** Where a configuration is. */
export type ConfigGiven = { readonly file: string } | { readonly text: string };

/** A configuration that can be used. */
export interface Configuration extends Settings {
  /** `sha256:...`, the same as the reference's for the same configuration. */
  readonly digest: string;
  /** Warnings and notices. */
  readonly problems: readonly Problem[];
}

/** How messages call a text that is in no file. */
const TEXT_NAME = "configuration text";

/**
 * Reads a configuration. Included files are looked for beside the file, or in the working folder for a text.
 *
 * @param outside - Where files and environment variables come from; this machine's without it.
 * @throws ConfigError when it cannot be used, with every problem that was found.
 */
export function loadConfig(given: ConfigGiven, outside: ConfigOutside = NODE_CONFIG_OUTSIDE): Configuration {
  const problems = new Problems();
  const { source, path } =
    "file" in given ? readSource(given.file, outside) : { source: new Source(TEXT_NAME, given.text), path: "" };
  const map = parseConfig(source, path, outside, problems);
  const draft = checkConfig(map, problems, outside);
  checkTogether(draft, problems);
  openGlobalAccount(map, draft);
  if (map.entries.size === 0 && !problems.has("error")) {
    problems.warn("EMPTY", `${source.name}: config has no values or is empty`, null);
  }
  if (problems.has("error")) throw new ConfigError(problems.list());
  const { options, process, origins } = draft;
  coverSecrets(options);
  return { options, process, origins, digest: configDigest(map), problems: problems.list() };
}

function readSource(path: string, { readFile }: ConfigOutside): { source: Source; path: string } {
  try {
    return { source: new Source(path, readFile(path)), path };
  } catch (error) {
    const problems = new Problems();
    problems.error("FILE", (error as Error).message, null);
    throw new ConfigError(problems.list());
  }
}

/** What must hold between directives of different blocks. */
function checkTogether(draft: SettingsDraft, problems: Problems): void {
  checkLimits(draft, problems);
  checkUsers(draft, problems);
  checkWebSocket(draft, problems);
}

/**
 * Whoever only gives the system account its users wants everybody else to go on as before (server.go configureAccounts). An
 * `authorization`, be it empty, or any other account says that somebody thought about who may come in.
 */
function openGlobalAccount({ entries }: MapValue, draft: SettingsDraft): void {
  const { accounts = [], noAuthUser, systemAccount = SYSTEM_ACCOUNT, users = [] } = draft.options;
  const place = draft.origins.get("users");
  if (place === undefined || users.length === 0 || noAuthUser !== undefined) return;
  const hasAuthorization = [...entries.keys()].some((key) => key.toLowerCase() === "authorization");
  if (hasAuthorization || accounts.some((name) => name !== systemAccount)) return;
  draft.option("openGlobalAccount", true, place);
}

function checkUsers({ options, origins }: SettingsDraft, problems: Problems): void {
  const { accounts = [], noAuthUser, systemAccount = SYSTEM_ACCOUNT, users = [] } = options;
  const at = (name: SettingName): Span | null => origins.get(name) ?? null;
  if (users.length > 0 && options.user !== undefined) {
    problems.error(
      "CONFLICT",
      "Can not have a single user/pass and a users array",
      at("user"),
      "make it one of the users",
    );
  }
  if (users.length > 0 && options.token !== undefined) {
    problems.error("CONFLICT", "Can not have a token and a users array", at("token"), "take out one of the two");
  }
  if (typeof noAuthUser === "string" && !users.some((user) => identityOf(user) === noAuthUser)) {
    const problem =
      users.length === 0
        ? "present, but users/nkeys are not defined"
        : "not present as user or nkey in authorization block or account configuration";
    const text = `no_auth_user: ${JSON.stringify(noAuthUser)} ${problem}`;
    problems.error("CONFLICT", text, at("noAuthUser"), "add the user");
  }
  if (systemAccount !== SYSTEM_ACCOUNT && !accounts.includes(systemAccount)) {
    const text = `system_account ${JSON.stringify(systemAccount)} is not among the accounts`;
    problems.error("CONFLICT", text, at("systemAccount"), "add it to accounts");
  }
}

function checkLimits({ options, origins }: SettingsDraft, problems: Problems): void {
  const { maxPayloadBytes = DEFAULT_OPTIONS.maxPayloadBytes, maxPendingBytes = DEFAULT_OPTIONS.maxPendingBytes } =
    options;
  const { lameDuckDurationMs = DEFAULT_OPTIONS.lameDuckDurationMs } = options;
  const { lameDuckGraceMs = DEFAULT_OPTIONS.lameDuckGraceMs } = options;
  if (maxPayloadBytes > maxPendingBytes) {
    const text = `max_payload (${maxPayloadBytes}) cannot be higher than max_pending (${maxPendingBytes})`;
    const at = origins.get("maxPayloadBytes") ?? origins.get("maxPendingBytes") ?? null;
    problems.error("CONFLICT", text, at, "the largest message could never be delivered");
  }
  if (lameDuckGraceMs >= lameDuckDurationMs) {
    const [grace, duration] = [goDuration(lameDuckGraceMs), goDuration(lameDuckDurationMs)];
    const text = `lame duck grace period (${grace}) should be strictly lower than lame duck duration (${duration})`;
    const at = origins.get("lameDuckGraceMs") ?? origins.get("lameDuckDurationMs") ?? null;
    problems.error("CONFLICT", text, at, "the grace period is a part of the duration");
  }
}
