// What a reload does with each setting that has changed: takes it over, and says so in the log; or refuses, by its name in the
// reference's Options (opts.go). The order is that of the reference's fields, so that the first refusal is the one it gives
// (reload.go diffOptions). A setting without a rule does not compile.

import { goDuration } from "../config/duration.ts";
import type { CompleteProcessSettings, SettingName } from "../config/settings.ts";
import type { ServerOptions } from "../options.ts";
import { SYSTEM_ACCOUNT } from "../routing/account.ts";

/** Every setting that a reload may find changed. */
export type SettingValues = ServerOptions & CompleteProcessSettings;

/** What a reload does with one setting. Asked only when its value has changed. */
export interface ReloadRule {
  /** The name in the reference's Options, for the text of a refusal. */
  readonly field: string;
  /** Whether the change cannot be taken over while the server runs. */
  refuses(next: Partial<SettingValues>, current: Partial<SettingValues>): boolean;
  /** The value in the text of a refusal; holds no secret. */
  show(value: unknown): string;
  /** What the log says of a change that was taken over. */
  tells(next: Partial<SettingValues>, current: Partial<SettingValues>): readonly string[];
}

/** By setting. */
export const RELOAD_RULES: Readonly<Record<SettingName, ReloadRule>> = {
  serverName: fixed("ServerName"),
  host: fixed("Host"),
  port: fixed("Port"),
  listen: fixed("DontListen", (value) => String(value !== true)),
  clientAdvertise: live("ClientAdvertise", ({ clientAdvertise }) => [
    `Reload: client_advertise = ${plain(clientAdvertise)}`,
  ]),
  trace: live("Trace", ({ trace }) => [`Reloaded: trace = ${plain(trace)}`]),
  debug: live("Debug", ({ debug }) => [`Reloaded: debug = ${plain(debug)}`]),
  noHeaderSupport: fixed("NoHeaderSupport"),
  logTime: live("Logtime", ({ logTime }) => [`Reloaded: logtime = ${plain(logTime)}`]),
  logTimeUtc: live("LogtimeUTC", ({ logTimeUtc }) => [`Reloaded: logtime_utc = ${plain(logTimeUtc)}`]),
  maxConnections: live("MaxConn", ({ maxConnections }) => [`Reloaded: max_connections = ${plain(maxConnections)}`]),
  maxSubscriptions: fixed("MaxSubs"),
  maxSubscriptionTokens: fixed("MaxSubTokens"),
  users: live("Users", () => ["Reloaded: authorization users"]),
  accounts: live("Accounts", () => ["Reloaded: accounts"]),
  noAuthUser: { ...live("NoAuthUser", () => []), refuses: refusesNoAuthUser },
  openGlobalAccount: live("NoAuthUser", () => []), // follows from users and accounts
  systemAccount: fixed("SystemAccount", (value) => (value === SYSTEM_ACCOUNT ? "" : plain(value))),
  user: live("Username", () => ["Reloaded: authorization username"]),
  pass: live("Password", () => ["Reloaded: authorization password"]),
  proxyProtocol: fixed("ProxyProtocol"),
  token: live("Authorization", () => ["Reloaded: authorization token"]),
  pingIntervalMs: live("PingInterval", ({ pingIntervalMs }) => [
    `Reloaded: ping_interval = ${duration(pingIntervalMs)}`,
  ]),
  pingMax: live("MaxPingsOut", ({ pingMax }) => [`Reloaded: ping_max = ${plain(pingMax)}`]),
  authTimeoutMs: live("AuthTimeout", ({ authTimeoutMs = 0 }) => [
    `Reloaded: authorization timeout = ${authTimeoutMs / 1000}`,
  ]),
  maxControlLineBytes: live("MaxControlLine", ({ maxControlLineBytes }) => [
    `Reloaded: max_control_line = ${plain(maxControlLineBytes)}`,
  ]),
  maxPayloadBytes: live("MaxPayload", ({ maxPayloadBytes }) => [`Reloaded: max_payload = ${plain(maxPayloadBytes)}`]),
  maxPendingBytes: fixed("MaxPending"),
  noFastProducerStall: live("NoFastProducerStall", ({ noFastProducerStall }) => [
    `Reloaded: fast producers will ${noFastProducerStall === true ? "not " : ""}be stalled`,
  ]),
  pidFile: live("PidFile", ({ pidFile }) => (pidFile === null ? [] : [`Reloaded: pid_file = ${plain(pidFile)}`])),
  portsFileDir: live("PortsFileDir", ({ portsFileDir }) => [`Reloaded: ports_file_dir = ${plain(portsFileDir)}`]),
  tls: fixed("TLSConfig", () => ""),
  allowNonTls: fixed("AllowNonTLS"),
  logFile: live("LogFile", ({ logFile }) => [`Reloaded: log_file = ${plain(logFile)}`]),
  logSizeLimitBytes: fixed("LogSizeLimit"),
  writeDeadlineMs: live("WriteDeadline", ({ writeDeadlineMs }) => [
    `Reloaded: write_deadline = ${duration(writeDeadlineMs)}`,
  ]),
  lameDuckDurationMs: fixed("LameDuckDuration", duration),
  lameDuckGraceMs: fixed("LameDuckGracePeriod", duration),
};

function live(field: string, tells: ReloadRule["tells"]): ReloadRule {
  return { field, refuses: () => false, show: plain, tells };
}

function fixed(field: string, show: ReloadRule["show"] = plain): ReloadRule {
  return { field, refuses: () => true, show, tells: () => [] };
}

/** Whoever came without credentials would be nobody: it can only go together with its user. */
function refusesNoAuthUser(next: Partial<SettingValues>, current: Partial<SettingValues>): boolean {
  const isDropped = current.noAuthUser !== null && next.noAuthUser === null;
  return !isDropped || (next.users ?? []).some(({ user }) => user === current.noAuthUser);
}

function plain(value: unknown): string {
  const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isPlain ? String(value) : "";
}

function duration(value: unknown): string {
  return goDuration(value as number);
}
