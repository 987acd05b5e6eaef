// What a reload does with each setting that has changed: takes it over, and says so in the log; or refuses, by its name in the
// reference's Options (opts.go). The order is that of the reference's fields, so that the first refusal is the one it gives
// (reload.go diffOptions). A setting without a rule does not compile.

import { goDuration } from "../config/duration.ts";
import type { CompleteProcessSettings, SettingName } from "../config/settings.ts";
import type { ServerOptions } from "../options.ts";
import { SYSTEM_ACCOUNT } from "../routing/account.ts";
import { refusal } from "./refusal.ts";
import { TLS_RULE } from "./tls-rule.ts";
import { WEBSOCKET_RULE } from "./websocket-rule.ts";

/** Every setting that a reload may find changed. */
export type SettingValues = ServerOptions & CompleteProcessSettings;

/** What a reload does with one setting. Asked only when its value has changed. */
export interface ReloadRule {
  /** What of the change cannot be taken over while the server runs, in the reference's words; empty when all can. */
  refuses(next: Partial<SettingValues>, current: Partial<SettingValues>): readonly string[];
  /** What the log says of a change that was taken over. */
  tells(next: Partial<SettingValues>, current: Partial<SettingValues>): readonly string[];
}

/** By setting. */
export const RELOAD_RULES: Readonly<Record<SettingName, ReloadRule>> = {
  serverName: fixed("serverName", "ServerName"),
  host: fixed("host", "Host"),
  port: fixed("port", "Port"),
  listen: fixed("listen", "DontListen", (value) => String(value !== true)),
  clientAdvertise: live(({ clientAdvertise }) => [`Reload: client_advertise = ${plain(clientAdvertise)}`]),
  trace: live(({ trace }) => [`Reloaded: trace = ${plain(trace)}`]),
  debug: live(({ debug }) => [`Reloaded: debug = ${plain(debug)}`]),
  noHeaderSupport: fixed("noHeaderSupport", "NoHeaderSupport"),
  logTime: live(({ logTime }) => [`Reloaded: logtime = ${plain(logTime)}`]),
  logTimeUtc: live(({ logTimeUtc }) => [`Reloaded: logtime_utc = ${plain(logTimeUtc)}`]),
  maxConnections: live(({ maxConnections }) => [`Reloaded: max_connections = ${plain(maxConnections)}`]),
  maxSubscriptions: fixed("maxSubscriptions", "MaxSubs"),
  maxSubscriptionTokens: fixed("maxSubscriptionTokens", "MaxSubTokens"),
  users: live(() => ["Reloaded: authorization users"]),
  accounts: live(() => ["Reloaded: accounts"]),
  noAuthUser: { refuses: refuseNoAuthUser, tells: () => [] },
  openGlobalAccount: live(() => []), // follows from users and accounts
  systemAccount: fixed("systemAccount", "SystemAccount", (value) => (value === SYSTEM_ACCOUNT ? "" : plain(value))),
  user: live(() => ["Reloaded: authorization username"]),
  pass: live(() => ["Reloaded: authorization password"]),
  proxyRequired: fixed("proxyRequired", "ProxyRequired"),
  proxyProtocol: fixed("proxyProtocol", "ProxyProtocol"),
  token: live(() => ["Reloaded: authorization token"]),
  pingIntervalMs: live(({ pingIntervalMs }) => [`Reloaded: ping_interval = ${duration(pingIntervalMs)}`]),
  pingMax: live(({ pingMax }) => [`Reloaded: ping_max = ${plain(pingMax)}`]),
  authTimeoutMs: live(({ authTimeoutMs = 0 }) => [`Reloaded: authorization timeout = ${authTimeoutMs / 1000}`]),
  // Without JetStream, whose folder cannot be another while it runs.
  storeDir: live(() => []),
  maxControlLineBytes: live(({ maxControlLineBytes }) => [
    `Reloaded: max_control_line = ${plain(maxControlLineBytes)}`,
  ]),
  maxPayloadBytes: live(({ maxPayloadBytes }) => [`Reloaded: max_payload = ${plain(maxPayloadBytes)}`]),
  maxPendingBytes: fixed("maxPendingBytes", "MaxPending"),
  noFastProducerStall: live(({ noFastProducerStall }) => [
    `Reloaded: fast producers will ${noFastProducerStall === true ? "not " : ""}be stalled`,
  ]),
  pidFile: live(({ pidFile }) => (pidFile === null ? [] : [`Reloaded: pid_file = ${plain(pidFile)}`])),
  portsFileDir: live(({ portsFileDir }) => [`Reloaded: ports_file_dir = ${plain(portsFileDir)}`]),
  tls: TLS_RULE,
  webSocket: WEBSOCKET_RULE,
  allowNonTls: fixed("allowNonTls", "AllowNonTLS"),
  logFile: live(({ logFile }) => [`Reloaded: log_file = ${plain(logFile)}`]),
  logSizeLimitBytes: fixed("logSizeLimitBytes", "LogSizeLimit"),
  trustedProxies: live(({ trustedProxies = [] }, { trustedProxies: before = [] }) => [
    ...keysText(
      before.filter((key) => !trustedProxies.includes(key)),
      "removed",
    ),
    ...keysText(
      trustedProxies.filter((key) => !before.includes(key)),
      "added",
    ),
  ]),
  writeDeadlineMs: live(({ writeDeadlineMs }) => [`Reloaded: write_deadline = ${duration(writeDeadlineMs)}`]),
  lameDuckDurationMs: fixed("lameDuckDurationMs", "LameDuckDuration", duration),
  lameDuckGraceMs: fixed("lameDuckGraceMs", "LameDuckGracePeriod", duration),
  ocsp: live(() => ["Reloaded: OCSP"]),
  ocspCache: live(() => ["Reloaded OCSP peer cache"]),
};

function live(tells: ReloadRule["tells"]): ReloadRule {
  return { refuses: () => [], tells };
}

/**
 * @param field - The name in the reference's Options.
 * @param show - Gives the value, which is no secret.
 */
function fixed(name: SettingName, field: string, show: (value: unknown) => string = plain): ReloadRule {
  return {
    refuses: (next, current) => [refusal(field, show(current[name]), show(next[name]))],
    tells: () => [],
  };
}

/** Whoever came without credentials would be nobody: it can only go together with its user. */
function refuseNoAuthUser(next: Partial<SettingValues>, current: Partial<SettingValues>): readonly string[] {
  const isDropped = current.noAuthUser !== null && next.noAuthUser === null;
  if (isDropped && !(next.users ?? []).some(({ user }) => user === current.noAuthUser)) return [];
  return [refusal("NoAuthUser", plain(current.noAuthUser), plain(next.noAuthUser))];
}

/** Of a setting that is no object. */
function plain(value: unknown): string {
  const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isPlain ? String(value) : "";
}

function keysText(keys: readonly string[], what: string): string[] {
  return keys.length === 0
    ? []
    : [`Reloaded: proxies trusted keys ${JSON.stringify(keys).replaceAll(",", " ")} were ${what}`];
}

function duration(value: unknown): string {
  return goDuration(value as number);
}
