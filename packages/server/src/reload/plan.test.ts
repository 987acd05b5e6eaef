import assert from "node:assert/strict";
import { test } from "node:test";
import { type CompleteProcessSettings, completeProcessSettings, type SettingName } from "../config/settings.ts";
import { completeOptions, type ServerOptions } from "../options.ts";
import type { TlsSettings } from "../tls/settings.ts";
import { compareSettings, ReloadError } from "./plan.ts";
import { RELOAD_RULES, type SettingValues } from "./rules.ts";

const USER = {
  user: "joe",
  pass: "s3cret",
  nkey: null,
  account: "$G",
  connectionTypes: null,
  permissions: null,
  proxyRequired: false,
};
const TLS: TlsSettings = {
  certificates: [],
  ca: null,
  caFile: null,
  verify: false,
  map: false,
  insecure: false,
  checkKnownUrls: false,
  cipherSuites: null,
  curvePreferences: null,
  minVersion: "1.2",
  timeoutMs: 2_000,
  handshakeFirst: false,
  handshakeFirstFallbackMs: 0,
  connectionRateLimit: 0,
  pinnedCerts: null,
  ocspPeer: null,
};
const BEFORE: SettingValues = { ...completeOptions(), ...completeProcessSettings({}) };

/** A change of each setting, and what comes of it: the line of the log, or with a `-` the refusal. */
const CASES: { readonly [Name in SettingName]: readonly [next: SettingValues[Name], told: string] } = {
  host: ["127.0.0.1", "-Host: old=0.0.0.0, new=127.0.0.1"],
  port: [4333, "-Port: old=4222, new=4333"],
  listen: [false, "-DontListen: old=false, new=true"],
  serverName: ["hub", "-ServerName: old=, new=hub"],
  clientAdvertise: ["a:1", "Reload: client_advertise = a:1"],
  user: ["joe", "Reloaded: authorization username"],
  pass: ["s3cret", "Reloaded: authorization password"],
  proxyRequired: [true, "-ProxyRequired: old=false, new=true"],
  trustedProxies: [["UA", "UB"], 'Reloaded: proxies trusted keys ["UA" "UB"] were added'],
  proxyProtocol: [true, "-ProxyProtocol: old=false, new=true"],
  token: ["s3cret", "Reloaded: authorization token"],
  users: [[USER], "Reloaded: authorization users"],
  noAuthUser: ["joe", "-NoAuthUser: old=, new=joe"],
  openGlobalAccount: [true, ""],
  accounts: [["A"], "Reloaded: accounts"],
  systemAccount: ["A", "-SystemAccount: old=, new=A"],
  authTimeoutMs: [1500, "Reloaded: authorization timeout = 1.5"],
  maxConnections: [7, "Reloaded: max_connections = 7"],
  maxSubscriptions: [4, "-MaxSubs: old=0, new=4"],
  maxSubscriptionTokens: [4, "-MaxSubTokens: old=0, new=4"],
  maxControlLineBytes: [100, "Reloaded: max_control_line = 100"],
  maxPayloadBytes: [100, "Reloaded: max_payload = 100"],
  maxPendingBytes: [2_000_000, "-MaxPending: old=67108864, new=2000000"],
  writeDeadlineMs: [500, "Reloaded: write_deadline = 500ms"],
  noFastProducerStall: [true, "Reloaded: fast producers will not be stalled"],
  pingIntervalMs: [3_600_000, "Reloaded: ping_interval = 1h0m0s"],
  pingMax: [5, "Reloaded: ping_max = 5"],
  lameDuckDurationMs: [60_000, "-LameDuckDuration: old=2m0s, new=1m0s"],
  lameDuckGraceMs: [1_000, "-LameDuckGracePeriod: old=10s, new=1s"],
  noHeaderSupport: [true, "-NoHeaderSupport: old=false, new=true"],
  debug: [true, "Reloaded: debug = true"],
  trace: [true, "Reloaded: trace = true"],
  tls: [TLS, "Reloaded: tls = enabled"],
  webSocket: [
    { ...BEFORE.webSocket, token: "s3cret", compression: true },
    "-Websocket: old={compression:false token:[REDACTED]}, new={compression:true token:[REDACTED]}",
  ],
  ocsp: [{ mode: "always", urls: [] }, "Reloaded: OCSP"],
  ocspCache: [{ ...BEFORE.ocspCache, type: "none" }, "Reloaded OCSP peer cache"],
  storeDir: ["/data", ""],
  allowNonTls: [true, "-AllowNonTLS: old=false, new=true"],
  logFile: ["/a.log", "Reloaded: log_file = /a.log"],
  logSizeLimitBytes: [10_000, "-LogSizeLimit: old=0, new=10000"],
  logTime: [false, "Reloaded: logtime = false"],
  logTimeUtc: [true, "Reloaded: logtime_utc = true"],
  pidFile: ["/a.pid", "Reloaded: pid_file = /a.pid"],
  portsFileDir: ["/ports", "Reloaded: ports_file_dir = /ports"],
};

test("every setting has a rule, and every rule a setting", () => {
  assert.deepEqual(Object.keys(RELOAD_RULES).toSorted(), Object.keys(BEFORE).toSorted());
});

for (const [name, [next, told]] of Object.entries(CASES)) {
  test(`a change of ${name} is ${told.startsWith("-") ? "refused" : "taken over"}`, () => {
    const { changed, lines, refusals } = compareSettings({ ...BEFORE, [name]: next }, BEFORE);
    assert.deepEqual(changed, [name]);
    assert.deepEqual(
      [...lines, ...refusals.map(({ setting, text }) => `${setting} ${text}`)],
      told === "" ? [] : [told.startsWith("-") ? `${name} config reload not supported for ${told.slice(1)}` : told],
    );
  });
}

test("no secret stands in what is said of any change", () => {
  const secrets = { user: "u5er", pass: "s3cret", token: "s3cret", users: [USER] };
  for (const [next, current] of [
    [{ ...BEFORE, ...secrets }, BEFORE],
    [BEFORE, { ...BEFORE, ...secrets }],
  ] as const) {
    const { lines, refusals } = compareSettings(next, current);
    assert.doesNotMatch(JSON.stringify([lines, refusals]), /s3cret|u5er|joe/);
  }
});

test("certificates of WebSocket may change, but not whether there is TLS or who a certificate is", () => {
  const withTls = (tls: TlsSettings | null): SettingValues => ({ ...BEFORE, webSocket: { ...BEFORE.webSocket, tls } });
  const refusals = (next: TlsSettings | null, current: TlsSettings | null): number =>
    compareSettings(withTls(next), withTls(current)).refusals.length;
  assert.equal(refusals({ ...TLS, minVersion: "1.3" }, TLS), 0);
  assert.equal(refusals({ ...TLS, map: true }, TLS), 1);
  assert.equal(refusals({ ...TLS, pinnedCerts: ["a"] }, TLS), 1);
  assert.equal(refusals(TLS, null), 1);
  assert.equal(refusals(null, TLS), 1);
});

test("settings that are equal, though made anew, have not changed", () => {
  const options = (): ServerOptions => completeOptions({ users: [{ ...USER }], accounts: ["A"] });
  assert.deepEqual(compareSettings(options(), options()), { changed: [], lines: [], refusals: [] });
});

for (const [title, next, isRefused] of [
  ["goes together with its user", { noAuthUser: null, users: [] }, false],
  ["stays when its user does", { noAuthUser: null, users: [USER] }, true],
  ["does not become another", { noAuthUser: "ann", users: [{ ...USER, user: "ann" }] }, true],
] as const) {
  test(`no_auth_user ${title}`, () => {
    const current = completeOptions({ users: [USER], noAuthUser: "joe" });
    const { refusals } = compareSettings(completeOptions(next), current);
    assert.equal(refusals.length, isRefused ? 1 : 0);
  });
}

test("a pid file that is taken away leaves no word, a log file does", () => {
  const current: CompleteProcessSettings = completeProcessSettings({ pidFile: "/a", logFile: "/b" });
  assert.deepEqual(compareSettings(completeProcessSettings({}), current).lines, ["Reloaded: log_file = "]);
});

test("ReloadError lists every refusal, a line each, in the order of the reference's options", () => {
  const next = { ...BEFORE, lameDuckGraceMs: 1, host: "::1", maxPendingBytes: 2_000_000, debug: true };
  const error = new ReloadError(compareSettings(next, BEFORE).refusals);
  assert.equal(error.code, "RELOAD_NOT_SUPPORTED");
  assert.deepEqual(error.message.split("\n"), [
    "config reload not supported for Host: old=0.0.0.0, new=::1",
    "config reload not supported for MaxPending: old=67108864, new=2000000",
    "config reload not supported for LameDuckGracePeriod: old=10s, new=1ms",
  ]);
});

for (const [next, current, told] of [
  [null, TLS, ["Reloaded: tls = disabled"]],
  [{ certificates: [{ cert: "new", key: "new", certFile: "a", keyFile: "b" }] }, TLS, ["Reloaded: tls = enabled"]],
  [{ verify: true, ca: "x" }, TLS, ["Reloaded: tls = enabled"]],
  [{ timeoutMs: 3_000 }, TLS, ["Reloaded: tls timeout = 3"]],
  [{ pinnedCerts: ["a", "b"] }, TLS, ["Reloaded: 2 pinned_certs"]],
  [{}, { ...TLS, pinnedCerts: ["a"] }, ["Reloaded: 0 pinned_certs"]],
  [
    { handshakeFirst: true, handshakeFirstFallbackMs: 100 },
    TLS,
    ["Reloaded: Client TLS handshake first: true", "Reloaded: Client TLS handshake first fallback delay: 100ms"],
  ],
  [{ map: true }, TLS, ["config reload not supported for TLSMap: old=false, new=true"]],
  [
    { map: true, connectionRateLimit: 5, timeoutMs: 3_000 },
    TLS,
    [
      "config reload not supported for TLSMap: old=false, new=true",
      "config reload not supported for TLSRateLimit: old=0, new=5",
    ],
  ],
] as const) {
  test(`a change of TLS is told: ${told.join(", ")}`, () => {
    const tls = next === null ? null : { ...TLS, ...next };
    const { lines, refusals } = compareSettings({ tls }, { tls: current });
    assert.deepEqual([...lines, ...refusals.map(({ text }) => text)], told);
  });
}

test("no key stands in what is said of TLS", () => {
  const certificates = [{ cert: "c", key: "k3y", certFile: null, keyFile: null }];
  const { lines, refusals } = compareSettings({ tls: { ...TLS, certificates, map: true } }, { tls: TLS });
  assert.doesNotMatch(JSON.stringify([lines, refusals]), /k3y/);
});
