// The settings a server would run with, as a configuration file, with the place that each is from behind it. Secrets are not shown.

import { formatDuration } from "../config/duration.ts";
import { completeProcessSettings, type ProcessSettings, type SettingName } from "../config/settings.ts";
import { completeOptions, type ServerOptions } from "../options.ts";
import { isInsecureSuite } from "../tls/cipher-suites.ts";
import type { OcspCacheOptions, OcspPeerSettings } from "../tls/ocsp/settings.ts";
import type { TlsSettings } from "../tls/settings.ts";
import type { MergedSettings } from "./run-settings.ts";

type Form = "plain" | "duration" | "secret";
/** Lists are not printed. */
type PlainSetting = Exclude<
  SettingName,
  "users" | "accounts" | "tls" | "ocsp" | "ocspCache" | "webSocket" | "trustedProxies"
>;
type Line = readonly [directive: string, setting: PlainSetting, form: Form];

const LINES: readonly Line[] = [
  ["host", "host", "plain"],
  ["port", "port", "plain"],
  ["server_name", "serverName", "plain"],
  ["client_advertise", "clientAdvertise", "plain"],
  ["no_header_support", "noHeaderSupport", "plain"],
  ["proxy_protocol", "proxyProtocol", "plain"],
  ["max_connections", "maxConnections", "plain"],
  ["max_payload", "maxPayloadBytes", "plain"],
  ["max_pending", "maxPendingBytes", "plain"],
  ["max_control_line", "maxControlLineBytes", "plain"],
  ["max_subscriptions", "maxSubscriptions", "plain"],
  ["max_subscription_tokens", "maxSubscriptionTokens", "plain"],
  ["write_deadline", "writeDeadlineMs", "duration"],
  ["ping_interval", "pingIntervalMs", "duration"],
  ["ping_max", "pingMax", "plain"],
  ["no_fast_producer_stall", "noFastProducerStall", "plain"],
  ["lame_duck_duration", "lameDuckDurationMs", "duration"],
  ["lame_duck_grace_period", "lameDuckGraceMs", "duration"],
  ["allow_non_tls", "allowNonTls", "plain"],
  ["store_dir", "storeDir", "plain"],
  ["system_account", "systemAccount", "plain"],
  ["no_auth_user", "noAuthUser", "plain"],
  ["debug", "debug", "plain"],
  ["trace", "trace", "plain"],
  ["logtime", "logTime", "plain"],
  ["logtime_utc", "logTimeUtc", "plain"],
  ["logfile", "logFile", "plain"],
  ["logfile_size_limit", "logSizeLimitBytes", "plain"],
  ["pidfile", "pidFile", "plain"],
  ["ports_file_dir", "portsFileDir", "plain"],
];

const AUTHORIZATION: readonly Line[] = [
  ["user", "user", "plain"],
  ["password", "pass", "secret"],
  ["token", "token", "secret"],
  ["proxy_required", "proxyRequired", "plain"],
  ["timeout", "authTimeoutMs", "duration"],
];

/** Settings whose default a configuration file cannot say; they are printed as a comment then. */
const UNSAYABLE: ReadonlyMap<PlainSetting, number> = new Map([["maxSubscriptionTokens", 0]]);
const ORIGIN_COLUMN = 40;

/**
 * Writes settings down. What comes out is a configuration file, apart from secrets.
 *
 * @throws OptionsError when no server can run with them.
 */
export function printConfig(settings: MergedSettings): string {
  const options = completeOptions(settings.options);
  const lines = LINES.map((line) => writeLine(line, "", settings, options));
  const authorization = AUTHORIZATION.map((line) => writeLine(line, "  ", settings, options));
  const users = `# ${options.users.length} users in ${new Set(options.users.map(({ account }) => account)).size} accounts: not shown`;
  const { ocsp, ocspCache } = options;
  const ocspUrls = (ocsp?.urls ?? []).map((url) => write(url, "plain")).join(", ");
  const ocspLines =
    ocsp === null
      ? ["# ocsp: not set"]
      : blockLines("ocsp", "ocsp", settings, [`mode: ${ocsp.mode}`, `urls: [${ocspUrls}]`]);
  ocspLines.push(...ocspCacheLines(settings, ocspCache));
  const block = options.users.length > 0 ? [users] : ["authorization {", ...authorization, "}"];
  const tls = options.tls === null ? ["# tls: not set"] : blockLines("tls", "tls", settings, tlsLines(options.tls));
  return `${[...lines, ...block, ...tls, ...ocspLines, ...webSocketLines(settings, options)].join("\n")}\n`;
}

/** A block, with the place that it is from behind its name. */
function blockLines(
  directive: string,
  setting: "tls" | "ocsp" | "ocspCache" | "webSocket",
  { origins }: MergedSettings,
  lines: string[],
): string[] {
  const head = `${directive} {`.padEnd(ORIGIN_COLUMN);
  return [`${head} # ${origins.get(setting) ?? "default"}`, ...lines.map((line) => `  ${line}`), "}"];
}

function ocspCacheLines(settings: MergedSettings, cache: OcspCacheOptions): string[] {
  // In memory it is when the directive is not there.
  if (cache.type === "memory") return ["# ocsp_cache: not set"];
  return blockLines("ocsp_cache", "ocspCache", settings, [
    `type: ${cache.type}`,
    `local_store: ${write(cache.localStore, "plain")}`,
    `preserve_revoked: ${cache.preserveRevoked}`,
    `save_interval: ${write(cache.saveIntervalMs, "duration")}`,
  ]);
}

function webSocketLines(settings: MergedSettings, { webSocket }: ServerOptions): string[] {
  if (webSocket.port === 0) return ["# websocket: not set"];
  const { allowedOrigins, authTimeoutMs, headers, pass, pingIntervalMs, tls, token, user } = webSocket;
  const ms = (value: number): string => write(value, "duration");
  const text = (value: string): string => write(value, "plain");
  const lines = [
    `host: ${text(webSocket.host)}`,
    `port: ${webSocket.port}`,
    `no_tls: ${webSocket.noTls}`,
    `same_origin: ${webSocket.sameOrigin}`,
    `compression: ${webSocket.compression}`,
    `handshake_timeout: ${ms(webSocket.handshakeTimeoutMs)}`,
  ];
  if (allowedOrigins.length > 0) lines.push(`allowed_origins: [${allowedOrigins.map(text).join(", ")}]`);
  for (const [directive, value] of [
    ["no_auth_user", webSocket.noAuthUser],
    ["user_cookie", webSocket.userCookie],
    ["pass_cookie", webSocket.passCookie],
    ["token_cookie", webSocket.tokenCookie],
  ] as const) {
    if (value !== null) lines.push(`${directive}: ${text(value)}`);
  }
  if (pingIntervalMs !== null) lines.push(`ping_interval: ${ms(pingIntervalMs)}`);
  const named = Object.entries(headers).map(([name, value]) => `${text(name)}: ${text(value)}`);
  if (named.length > 0) lines.push(`headers { ${named.join(", ")} }`);
  const own = [
    ...(user === null ? [] : [`  user: ${text(user)}`]),
    ...(pass === null ? [] : ["  # password: not shown"]),
    ...(token === null ? [] : ["  # token: not shown"]),
    ...(authTimeoutMs === null ? [] : [`  timeout: ${ms(authTimeoutMs)}`]),
  ];
  if (own.length > 0) lines.push("authorization {", ...own, "}");
  if (tls !== null) lines.push("tls {", ...tlsLines(tls).map((line) => `  ${line}`), "}");
  return blockLines("websocket", "webSocket", settings, lines);
}

function tlsLines(tls: TlsSettings): string[] {
  const ms = (value: number): string => `"${formatDuration(value)}"`;
  const names = (list: readonly string[]): string => `[${list.map((name) => JSON.stringify(name)).join(", ")}]`;
  const path = (file: string | null): string => (file === null ? "not a file" : JSON.stringify(file));
  const pair = tls.certificates.length === 1 ? tls.certificates[0] : undefined;
  const lines: string[] = [];
  if (pair !== undefined) lines.push(`cert_file: ${path(pair.certFile)}`, `key_file: ${path(pair.keyFile)}`);
  else {
    const pairs = tls.certificates.map(
      (each) => `{ cert_file: ${path(each.certFile)}, key_file: ${path(each.keyFile)} }`,
    );
    lines.push(`certs: [${pairs.join(", ")}]`);
  }
  if (tls.ca !== null) lines.push(`ca_file: ${path(tls.caFile)}`);
  lines.push(`verify: ${tls.verify}`, `verify_and_map: ${tls.map}`, `min_version: "${tls.minVersion}"`);
  lines.push(`timeout: ${ms(tls.timeoutMs)}`, `connection_rate_limit: ${tls.connectionRateLimit}`);
  const fallback = tls.handshakeFirstFallbackMs;
  lines.push(`handshake_first: ${tls.handshakeFirst && fallback > 0 ? ms(fallback) : tls.handshakeFirst}`);
  if (tls.cipherSuites !== null) {
    lines.push(`cipher_suites: ${names(tls.cipherSuites)}`);
    if (tls.cipherSuites.some(isInsecureSuite)) lines.push("allow_insecure_cipher_suites: true");
  }
  if (tls.curvePreferences !== null) lines.push(`curve_preferences: ${names(tls.curvePreferences)}`);
  if (tls.ocspPeer !== null) lines.push(...ocspPeerLines(tls.ocspPeer));
  if (tls.pinnedCerts !== null) lines.push(`pinned_certs: ${names(tls.pinnedCerts)}`);
  return lines;
}

function ocspPeerLines(peer: OcspPeerSettings): string[] {
  const ms = (value: number): string => write(value, "duration");
  return [
    "ocsp_peer {",
    "  verify: true",
    `  allowed_clockskew: ${ms(peer.allowedClockSkewMs)}`,
    `  ca_timeout: ${ms(peer.caTimeoutMs)}`,
    `  cache_ttl_when_next_update_unset: ${ms(peer.cacheTtlWithoutNextUpdateMs)}`,
    `  warn_only: ${peer.warnOnly}`,
    `  unknown_is_good: ${peer.unknownIsGood}`,
    `  allow_when_ca_unreachable: ${peer.allowWhenCaUnreachable}`,
    "}",
  ];
}

function writeLine(
  [directive, name, form]: Line,
  indent: string,
  settings: MergedSettings,
  options: ServerOptions,
): string {
  const value = valueOf(name, settings, options);
  const origin = settings.origins.get(name) ?? "default";
  if (value === null || UNSAYABLE.get(name) === value) return `${indent}# ${directive}: not set`;
  const start =
    form === "secret" ? `${indent}# ${directive}: not shown` : `${indent}${directive}: ${write(value, form)}`;
  return `${start.padEnd(ORIGIN_COLUMN)} # ${origin}`;
}

function valueOf(
  name: PlainSetting,
  { process }: MergedSettings,
  options: ServerOptions,
): string | number | boolean | null {
  if (name in options)
    return options[
      name as Exclude<
        keyof ServerOptions,
        "users" | "accounts" | "tls" | "ocsp" | "ocspCache" | "webSocket" | "trustedProxies"
      >
    ];
  return completeProcessSettings(process)[name as keyof ProcessSettings];
}

function write(value: string | number | boolean, form: Form): string {
  if (form === "duration") return `"${formatDuration(value as number)}"`;
  if (typeof value !== "string") return String(value);
  // Only the double-quoted form can say everything; its escapes are fewer than JSON's.
  const escaped = value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t");
  return `"${escaped}"`;
}
