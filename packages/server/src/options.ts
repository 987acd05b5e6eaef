// Every knob of the server that exists, with its default. Flags, configuration files and embedding users all end here.
// Names are camelCase forms of the configuration directives; units stand last. Defaults are the reference's (const.go).

import { parseAdvertised } from "./address.ts";
import { isPublicSigningKey, isPublicUserKey } from "./auth/nkey.ts";
import { problemOfPermissions } from "./auth/permission-options.ts";
import { completeUser, type UserGiven } from "./auth/user-given.ts";
import { identityOf, type UserOptions } from "./auth/users.ts";
import { GLOBAL_ACCOUNT, SYSTEM_ACCOUNT } from "./routing/account.ts";
import { coverSecrets } from "./secrets-cover.ts";
import {
  DEFAULT_OCSP_CACHE,
  isWebUrl,
  OCSP_CACHE_TYPES,
  OCSP_MODES,
  type OcspCacheGiven,
  type OcspCacheOptions,
  type OcspOptions,
  SAVE_INTERVAL_MS_MIN,
} from "./tls/ocsp/settings.ts";
import type { TlsSettings } from "./tls/settings.ts";
import {
  DEFAULT_WEBSOCKET_OPTIONS,
  type PartialWebSocketOptions,
  problemOfWebSocket,
  type WebSocketOptions,
} from "./websocket-options.ts";

/** What a caller may set; everything has a default. See {@link ServerOptions} for meaning and units. */
export type PartialServerOptions = {
  readonly [Key in Exclude<keyof ServerOptions, "users" | "webSocket" | "ocspCache">]?: ServerOptions[Key] | undefined;
} & {
  readonly users?: readonly UserGiven[] | undefined;
  readonly ocspCache?: OcspCacheGiven | undefined;
  readonly webSocket?: PartialWebSocketOptions | undefined;
};

/** The complete options of a server. */
export interface ServerOptions {
  /** Address to listen on; `0.0.0.0` means every address of the machine, IPv6 included. */
  readonly host: string;
  /** Port for clients; -1 or 0 picks a free one. */
  readonly port: number;
  /** False: no listener at all, clients come only through `connectInProcess`. */
  readonly listen: boolean;
  /** Shown in INFO and monitoring; the server's id when absent. */
  readonly serverName: string | null;
  /** `host` or `host:port` that INFO tells clients to connect to instead of the real address; null for the real one. */
  readonly clientAdvertise: string | null;

  /** The one user, with {@link pass}. Null: no user is asked for. */
  readonly user: string | null;
  readonly pass: string | null;
  /** The one token (`--auth`, `authorization { token }`). With it, {@link user} is not asked for, as in the reference. */
  readonly token: string | null;
  /** True: who comes as {@link user} or with {@link token} has to come by a trusted proxy. */
  readonly proxyRequired: boolean;
  /** Public keys of the proxies that may speak for clients: they sign the nonce of INFO beside the client. */
  readonly trustedProxies: readonly string[];
  /** The users who may connect. With any of them {@link user} and {@link token} cannot be set. */
  readonly users: readonly UserOptions[];
  /** Name or nkey of the one of {@link users} that clients without credentials are; null for nobody. */
  readonly noAuthUser: string | null;
  /**
   * True: clients without credentials are in `$G`, although there are users. A configuration file means that when all its users
   * are in the system account and it has no other account and no `authorization`.
   */
  readonly openGlobalAccount: boolean;
  /** Accounts besides `$G` and the system account. Nothing crosses from one to another. */
  readonly accounts: readonly string[];
  /** The account in which servers talk about themselves: `$SYS`, or one of {@link accounts}. */
  readonly systemAccount: string;
  /**
   * Time a connection has for its CONNECT when authentication is on, counted from the end of a TLS handshake. With {@link tls} the
   * default is a second more than the handshake may take.
   */
  readonly authTimeoutMs: number;

  /** TLS for clients; null for none. */
  readonly tls: TlsSettings | null;
  /** With {@link tls}: clients without TLS are served too, on the same port. */
  readonly allowNonTls: boolean;
  /** OCSP stapling; null: as `{ mode: "auto", urls: [] }`. */
  readonly ocsp: OcspOptions | null;
  /** Where it is kept what OCSP responders have said about clients. */
  readonly ocspCache: OcspCacheOptions;

  /**
   * Folder for what outlives the server: the OCSP answers that it staples, in `ocsp`. A relative one is below the working folder.
   * Null: they are in memory only.
   */
  readonly storeDir: string | null;

  /** Clients that come by WebSocket. Without a port in it there is no listener for them. */
  readonly webSocket: WebSocketOptions;

  /** Open client connections at once; the next one gets `maximum connections exceeded`. 0 means no limit, -1 that nobody may connect. */
  readonly maxConnections: number;
  /** Subscriptions of one connection; 0 means no limit. */
  readonly maxSubscriptions: number;
  /** Tokens in the subject of a subscription; 0 means no limit. */
  readonly maxSubscriptionTokens: number;
  /** Bytes of one protocol line, without its end. */
  readonly maxControlLineBytes: number;
  /** Bytes of one message, headers and payload together. */
  readonly maxPayloadBytes: number;
  /** Bytes waiting for one client before it is closed as a slow consumer. */
  readonly maxPendingBytes: number;
  /** Time a write may take before its client is closed as a slow consumer. */
  readonly writeDeadlineMs: number;
  /** True: a message for a receiver that falls behind is dropped instead of making its producer wait. */
  readonly noFastProducerStall: boolean;

  readonly pingIntervalMs: number;
  /** PINGs that may stay unanswered; with one more the connection is stale. */
  readonly pingMax: number;

  /** Time over which lame duck mode closes the clients, the grace time before the first one included. */
  readonly lameDuckDurationMs: number;
  /** Time between the news that the server is going and the end of the first client. */
  readonly lameDuckGraceMs: number;

  /** True: connections may begin with a header of the PROXY protocol, which tells the client's address. Anybody can write one. */
  readonly proxyProtocol: boolean;
  /** True: headers are not offered to anybody (`no_header_support`). */
  readonly noHeaderSupport: boolean;

  readonly debug: boolean;
  readonly trace: boolean;
}

const MIB = 1024 * 1024;

/** The reference's defaults. */
export const DEFAULT_OPTIONS: ServerOptions = Object.freeze({
  host: "0.0.0.0",
  port: 4222,
  listen: true,
  serverName: null,
  clientAdvertise: null,
  user: null,
  pass: null,
  token: null,
  proxyRequired: false,
  trustedProxies: Object.freeze([]),
  users: Object.freeze([]),
  noAuthUser: null,
  openGlobalAccount: false,
  accounts: Object.freeze([]),
  systemAccount: SYSTEM_ACCOUNT,
  authTimeoutMs: 2_000,
  tls: null,
  allowNonTls: false,
  ocsp: null,
  ocspCache: DEFAULT_OCSP_CACHE,
  storeDir: null,
  webSocket: DEFAULT_WEBSOCKET_OPTIONS,
  maxConnections: 65_536,
  maxSubscriptions: 0,
  maxSubscriptionTokens: 0,
  maxControlLineBytes: 4_096,
  maxPayloadBytes: MIB,
  maxPendingBytes: 64 * MIB,
  writeDeadlineMs: 10_000,
  noFastProducerStall: false,
  pingIntervalMs: 120_000,
  pingMax: 2,
  lameDuckDurationMs: 120_000,
  lameDuckGraceMs: 10_000,
  proxyProtocol: false,
  noHeaderSupport: false,
  debug: false,
  trace: false,
});

/** An option has a value that no server can run with. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
  readonly code = "INVALID_OPTION";
  /** The option's name in {@link ServerOptions}. */
  readonly option: keyof ServerOptions;

  constructor(option: keyof ServerOptions, problem: string, options?: ErrorOptions) {
    super(`Cannot use the option ${option}: ${problem}`, options);
    this.option = option;
  }
}

/**
 * Completes options with the defaults and checks them.
 *
 * @throws OptionsError for the first value that is out of range, naming value and limit.
 */
export function completeOptions(given: PartialServerOptions = {}): ServerOptions {
  const options: Record<string, unknown> = { ...DEFAULT_OPTIONS };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_OPTIONS, name)) {
      throw new OptionsError(name as keyof ServerOptions, "there is no such option");
    }
    if (value !== undefined) options[name] = value;
  }
  options["users"] = given.users?.map(completeUser) ?? DEFAULT_OPTIONS.users;
  if (given.authTimeoutMs === undefined && given.tls != null) options["authTimeoutMs"] = given.tls.timeoutMs + 1_000;
  options["webSocket"] = completeGroup("webSocket", DEFAULT_WEBSOCKET_OPTIONS, given.webSocket ?? {});
  options["ocspCache"] = completeGroup("ocspCache", DEFAULT_OCSP_CACHE, given.ocspCache ?? {});
  const complete = options as unknown as ServerOptions;
  checkOptions(complete);
  return Object.freeze(coverSecrets(complete));
}

/** Whole numbers and the range each must be in. */
const NUMBER_RANGES: ReadonlyArray<readonly [keyof ServerOptions, number, number]> = [
  ["port", -1, 65_535],
  ["authTimeoutMs", 0, Number.MAX_SAFE_INTEGER],
  ["maxConnections", -1, Number.MAX_SAFE_INTEGER],
  ["maxSubscriptions", 0, Number.MAX_SAFE_INTEGER],
  ["maxSubscriptionTokens", 0, 255],
  ["maxControlLineBytes", 1, 0x7fffffff],
  ["maxPayloadBytes", 1, 0x7fffffff],
  ["maxPendingBytes", 1, Number.MAX_SAFE_INTEGER],
  ["writeDeadlineMs", 1, Number.MAX_SAFE_INTEGER],
  ["pingIntervalMs", 1, Number.MAX_SAFE_INTEGER],
  ["pingMax", 0, Number.MAX_SAFE_INTEGER],
  ["lameDuckDurationMs", 1, Number.MAX_SAFE_INTEGER],
  ["lameDuckGraceMs", 0, Number.MAX_SAFE_INTEGER],
];

function checkOptions(options: ServerOptions): void {
  for (const [name, min, max] of NUMBER_RANGES) {
    const value = options[name] as number;
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new OptionsError(name, `${String(value)} is not a whole number from ${min} to ${max}`);
    }
  }
  if (options.clientAdvertise !== null && parseAdvertised(options.clientAdvertise, 0) === null) {
    throw new OptionsError("clientAdvertise", `${JSON.stringify(options.clientAdvertise)} is not host or host:port`);
  }
  if (options.maxPayloadBytes > options.maxPendingBytes) {
    throw new OptionsError(
      "maxPayloadBytes",
      `${options.maxPayloadBytes} is more than maxPendingBytes (${options.maxPendingBytes}), so the largest message could never be delivered`,
    );
  }
  if (options.lameDuckGraceMs >= options.lameDuckDurationMs) {
    throw new OptionsError(
      "lameDuckGraceMs",
      `${options.lameDuckGraceMs} has to be less than lameDuckDurationMs (${options.lameDuckDurationMs}), of which it is a part`,
    );
  }
  const badKey = options.trustedProxies.find((key) => !isPublicSigningKey(key));
  if (badKey !== undefined) throw new OptionsError("trustedProxies", `"${badKey}" is not a public key`);
  checkOcsp(options);
  checkOcspCache(options);
  if (options.storeDir === "") throw new OptionsError("storeDir", "it is empty");
  checkAccounts(options);
  checkUsers(options);
  checkWebSocket(options);
}

function checkOcsp({ ocsp }: ServerOptions): void {
  if (ocsp === null) return;
  if (!OCSP_MODES.includes(ocsp.mode)) {
    throw new OptionsError("ocsp", `mode "${String(ocsp.mode)}" is none of ${OCSP_MODES.join(", ")}`);
  }
  const badUrl = ocsp.urls.find((url) => !isWebUrl(url));
  if (badUrl !== undefined) throw new OptionsError("ocsp", `"${badUrl}" is no URL of HTTP`);
}

function checkOcspCache({ ocspCache: { localStore, saveIntervalMs, type } }: ServerOptions): void {
  if (!OCSP_CACHE_TYPES.includes(type)) {
    throw new OptionsError("ocspCache", `type "${String(type)}" is none of ${OCSP_CACHE_TYPES.join(", ")}`);
  }
  if (localStore === "") throw new OptionsError("ocspCache", "localStore is empty");
  if (!Number.isSafeInteger(saveIntervalMs) || saveIntervalMs < SAVE_INTERVAL_MS_MIN) {
    const problem = `saveIntervalMs ${saveIntervalMs} is not a whole number from ${SAVE_INTERVAL_MS_MIN}`;
    throw new OptionsError("ocspCache", problem);
  }
}

function checkAccounts({ accounts, systemAccount }: ServerOptions): void {
  const names = new Set<string>();
  for (const name of accounts) {
    if (name === GLOBAL_ACCOUNT || name === "") throw new OptionsError("accounts", `"${name}" is reserved`);
    if (names.has(name)) throw new OptionsError("accounts", `"${name}" is there twice`);
    names.add(name);
  }
  if (systemAccount !== SYSTEM_ACCOUNT && !names.has(systemAccount)) {
    throw new OptionsError("systemAccount", `"${systemAccount}" is not among the accounts`);
  }
}

function checkUsers({ accounts, noAuthUser, systemAccount, token, user, users }: ServerOptions): void {
  const known = new Set([GLOBAL_ACCOUNT, systemAccount, ...accounts]);
  const identities = new Set<string>();
  for (const each of users) {
    const identity = identityOf(each);
    if (identity === "") throw new OptionsError("users", "a user has neither a name nor an nkey");
    if (identities.has(identity)) throw new OptionsError("users", `"${identity}" is there twice`);
    if (!known.has(each.account))
      throw new OptionsError("users", `"${identity}" is in "${each.account}", which is no account`);
    if (each.nkey !== null && !isPublicUserKey(each.nkey)) {
      throw new OptionsError("users", `"${each.nkey}" is not the public nkey of a user`);
    }
    const problem = each.permissions === null ? null : problemOfPermissions(each.permissions);
    if (problem !== null)
      throw new OptionsError("users", `the permissions of "${identity}" cannot be used: ${problem}`);
    identities.add(identity);
  }
  if (users.length > 0 && (user !== null || token !== null)) {
    throw new OptionsError("users", "a single user or token is set too");
  }
  if (noAuthUser !== null && !identities.has(noAuthUser)) {
    throw new OptionsError("noAuthUser", `"${noAuthUser}" is none of the users`);
  }
}

/** @throws OptionsError when something is given that is no option. */
function completeGroup<Group extends object>(option: keyof ServerOptions, defaults: Group, given: unknown): Group {
  if (typeof given !== "object" || given === null) throw new OptionsError(option, `${String(given)} is no object`);
  const options: Record<string, unknown> = Object.fromEntries(Object.entries(defaults));
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) throw new OptionsError(option, `there is no such option as ${option}.${name}`);
    if (value !== undefined) options[name] = value;
  }
  return Object.freeze(options as unknown as Group);
}

function checkWebSocket({ users, webSocket }: ServerOptions): void {
  const { authTimeoutMs, handshakeTimeoutMs, pingIntervalMs, port } = webSocket;
  for (const [name, value, min, max] of [
    ["port", port, -1, 65_535],
    ["handshakeTimeoutMs", handshakeTimeoutMs, 1, Number.MAX_SAFE_INTEGER],
    ["authTimeoutMs", authTimeoutMs ?? 0, 0, Number.MAX_SAFE_INTEGER],
    ["pingIntervalMs", pingIntervalMs ?? 1, 1, Number.MAX_SAFE_INTEGER],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= min && value <= max) continue;
    throw new OptionsError("webSocket", `${name} ${value} is not a whole number from ${min} to ${max}`);
  }
  const problem = problemOfWebSocket(webSocket, users.map(identityOf));
  if (problem !== null) throw new OptionsError("webSocket", `${problem.option}: ${problem.text}`);
}
