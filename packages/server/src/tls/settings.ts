// What a `tls` block says: certificates, who has to show one, ciphers, and when the handshake comes. A configuration file, the
// command line and createServer({ tls }) all end here; completeTls() checks what they give, with the reference's texts
// (opts.go, parseTLS and GenTLSConfig), and reads the files. Nothing after that touches the disk.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { CIPHER_SUITE_NAMES, CURVE_NAMES, cipherSuiteProblem, curveProblem, isInsecureSuite } from "./cipher-suites.ts";
import { DEFAULT_OCSP_PEER, type OcspPeerOptions, type OcspPeerSettings } from "./ocsp/settings.ts";
import { secureContextOptions } from "./secure-context.ts";

/** A certificate and its key, each as PEM or as the path of a PEM file. */
export interface TlsPairOptions {
  /** The certificate, the server's own first, then those between it and its CA. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** TLS as a program or a file asks for it. Only a certificate with its key is needed. */
export interface TlsOptions extends TlsPairOptions {
  /** Several certificates, of which the name that the client asks for (SNI) chooses; instead of `cert` and `key`. */
  readonly certs?: readonly TlsPairOptions[];
  /** CA certificates that client certificates must be from, PEM; those that Node.js knows when absent. */
  readonly ca?: string | Uint8Array;
  readonly caFile?: string;
  /** True: clients need a certificate that is from one of the CAs. */
  readonly verify?: boolean;
  /** True: the same, and the certificate says which of the users the client is. */
  readonly verifyAndMap?: boolean;
  /** For links to other servers: the other side's certificate is not checked. */
  readonly insecure?: boolean;
  /** For links to other servers: the other side's certificate must name one of the URLs that are configured. */
  readonly checkKnownUrls?: boolean;
  /** Cipher suites of TLS 1.2 by their names in Go, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`; all secure ones when absent. */
  readonly cipherSuites?: readonly string[];
  /** True: `cipherSuites` may have suites that are known to be weak. */
  readonly allowInsecureCipherSuites?: boolean;
  /** Curves by their names in Go, best first: `X25519`, `CurveP256`, `CurveP384`, `CurveP521`, ... */
  readonly curvePreferences?: readonly string[];
  /** Lowest version: `1.2`, which is the default, or `1.3`. */
  readonly minVersion?: string;
  /** Time for the handshake; 2 s when absent. */
  readonly timeoutMs?: number;
  /**
   * When the handshake comes: after INFO in plain text (false, the default), before INFO (true), or whichever the client begins
   * with: `"auto"` waits 50 ms for the client's handshake before it sends INFO, a number as many milliseconds.
   */
  readonly handshakeFirst?: boolean | "auto" | number;
  /** Handshakes that may begin in one second; 0, the default, is no limit. */
  readonly connectionRateLimit?: number;
  /** SHA-256 over the public keys (DER of SubjectPublicKeyInfo, hexadecimal) of the client certificates that alone may be used. */
  readonly pinnedCerts?: readonly string[];
  /** True or options: client certificates are asked about at their CA (OCSP). Only with `verify` or `verifyAndMap`. */
  readonly ocspPeer?: boolean | OcspPeerOptions;
}

/** A certificate and its key, read. */
export interface TlsPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** Where they are from; null for PEM that was given as such. */
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** TLS of one listener, checked and complete. Two are the same when they are deeply equal, the contents of files included. */
export interface TlsSettings {
  /** Empty only for links to other servers. */
  readonly certificates: readonly TlsPair[];
  /** PEM; null for the CAs that Node.js knows. */
  readonly ca: string | null;
  readonly caFile: string | null;
  readonly verify: boolean;
  /** Client certificates say who the user is (`verify_and_map`). */
  readonly map: boolean;
  readonly insecure: boolean;
  readonly checkKnownUrls: boolean;
  /** Names in Go; null for all secure ones. */
  readonly cipherSuites: readonly string[] | null;
  /** Names in Go, best first; null for all. */
  readonly curvePreferences: readonly string[] | null;
  readonly minVersion: "1.2" | "1.3";
  readonly timeoutMs: number;
  readonly handshakeFirst: boolean;
  /** With `handshakeFirst`: how long to wait for the client's handshake before INFO is sent after all; 0 for ever. */
  readonly handshakeFirstFallbackMs: number;
  /** Handshakes in one second; 0 for no limit. */
  readonly connectionRateLimit: number;
  /** In lower case; null when nothing is pinned. */
  readonly pinnedCerts: readonly string[] | null;
  /** Null when client certificates are not asked about. */
  readonly ocspPeer: OcspPeerSettings | null;
}

/** The time a handshake may take, where nothing else is said (const.go TLS_TIMEOUT). */
export const TLS_TIMEOUT_MS = 2_000;
/** How long `auto` waits (const.go DEFAULT_TLS_HANDSHAKE_FIRST_FALLBACK_DELAY). */
const AUTO_FALLBACK_MS = 50;
const PIN = /^[a-f0-9]{64}$/;

/** TLS cannot be had that way. The text is the reference's where it has one. */
export class TlsSettingsError extends Error {
  override readonly name = "TlsSettingsError";
  readonly code = "INVALID_TLS";
  /** The name in {@link TlsOptions} of what is wrong. */
  readonly option: keyof TlsOptions;
  /** What to do about it; null when that is plain. */
  readonly hint: string | null;

  constructor(option: keyof TlsOptions, problem: string, hint: string | null = null, options?: ErrorOptions) {
    super(problem, options);
    this.option = option;
    this.hint = hint;
  }
}

/** Where the settings are for: what makes no sense there is refused. */
export type TlsRole = "listener" | "link";

/**
 * Completes and checks what was given for TLS.
 *
 * @param readFile - Reads the files that are named; throws the platform's error with Go's words for it.
 * @param role - A listener needs a certificate; a link to another server can do without.
 * @throws TlsSettingsError for the first thing that cannot be used.
 */
export function completeTls(
  options: TlsOptions,
  readFile: (path: string) => string,
  role: TlsRole = "listener",
): TlsSettings {
  checkLists(options);
  checkRole(options, role);
  const { handshakeFirst = false, minVersion = "1.2", timeoutMs = TLS_TIMEOUT_MS, verifyAndMap = false } = options;
  if (minVersion !== "1.2" && minVersion !== "1.3") throw badVersion(minVersion);
  const settings: TlsSettings = {
    certificates: readPairs(options, readFile),
    ca: readCa(options, readFile),
    caFile: options.caFile ?? null,
    verify: verifyAndMap || options.checkKnownUrls === true || options.verify === true,
    map: verifyAndMap,
    insecure: options.insecure ?? false,
    checkKnownUrls: options.checkKnownUrls ?? false,
    cipherSuites: options.cipherSuites ?? null,
    curvePreferences: options.curvePreferences ?? null,
    minVersion,
    timeoutMs: wholeFrom("timeoutMs", timeoutMs, 1),
    handshakeFirst: handshakeFirst !== false,
    handshakeFirstFallbackMs: fallbackMs(handshakeFirst),
    connectionRateLimit: wholeFrom("connectionRateLimit", options.connectionRateLimit ?? 0, 0),
    pinnedCerts: readPins(options.pinnedCerts ?? []),
    ocspPeer: completeOcspPeer(options.ocspPeer ?? false),
  };
  if (settings.ocspPeer !== null && !settings.verify) {
    const problem = "OCSP peer verification for client connections requires TLS verify (mTLS) to be enabled";
    throw new TlsSettingsError("ocspPeer", problem, "add verify: true");
  }
  if (role === "listener" && settings.certificates.length === 0) {
    throw new TlsSettingsError(
      "certFile",
      "TLS without a certificate: no client could connect",
      "add cert_file and key_file",
    );
  }
  checkWithOpenSsl(settings);
  return settings;
}

/**
 * Settings with some of them replaced, as the command line does with those of a file: what is not replaced stays as it is.
 *
 * @param base - Null where there are none yet.
 * @throws TlsSettingsError as {@link completeTls}.
 */
export function overrideTls(
  base: TlsSettings | null,
  over: TlsOptions,
  readFile: (path: string) => string,
): TlsSettings {
  const kept: { -readonly [Name in keyof TlsOptions]: TlsOptions[Name] } = base === null ? {} : optionsOf(base);
  if (over.cert !== undefined || over.certFile !== undefined) delete kept.certs;
  if (over.caFile !== undefined) delete kept.ca;
  return completeTls({ ...kept, ...over }, readFile);
}

function optionsOf(settings: TlsSettings): TlsOptions {
  const { ca, caFile, certificates, cipherSuites, curvePreferences, map, pinnedCerts } = settings;
  const { handshakeFirst, handshakeFirstFallbackMs, insecure, minVersion, timeoutMs, verify } = settings;
  return {
    certs: certificates.map(({ cert, certFile, key, keyFile }) => ({
      cert,
      key,
      ...(certFile !== null && { certFile }),
      ...(keyFile !== null && { keyFile }),
    })),
    ...(ca !== null && { ca }),
    ...(caFile !== null && { caFile }),
    verify,
    verifyAndMap: map,
    insecure,
    checkKnownUrls: settings.checkKnownUrls,
    // Whatever is in the list has been allowed.
    ...(cipherSuites !== null && { cipherSuites, allowInsecureCipherSuites: true }),
    ...(curvePreferences !== null && { curvePreferences }),
    minVersion,
    timeoutMs,
    handshakeFirst: handshakeFirst && handshakeFirstFallbackMs > 0 ? handshakeFirstFallbackMs : handshakeFirst,
    connectionRateLimit: settings.connectionRateLimit,
    ...(pinnedCerts !== null && { pinnedCerts }),
    ...(settings.ocspPeer !== null && { ocspPeer: settings.ocspPeer }),
  };
}

function checkRole({ checkKnownUrls }: TlsOptions, role: TlsRole): void {
  if (checkKnownUrls === true && role === "listener") {
    throw new TlsSettingsError(
      "checkKnownUrls",
      "verify_cert_and_check_known_urls not supported in this context",
      "it is for links between servers",
    );
  }
}

function checkLists({ allowInsecureCipherSuites, cipherSuites, curvePreferences }: TlsOptions): void {
  if (cipherSuites?.length === 0) {
    throw new TlsSettingsError("cipherSuites", "error parsing tls config, 'cipher_suites' cannot be empty");
  }
  if (curvePreferences?.length === 0) {
    throw new TlsSettingsError("curvePreferences", "error parsing tls config, 'curve_preferences' cannot be empty");
  }
  for (const name of cipherSuites ?? []) {
    const problem = cipherSuiteProblem(name);
    if (problem !== null)
      throw new TlsSettingsError("cipherSuites", problem, `there are ${CIPHER_SUITE_NAMES.join(", ")}`);
  }
  for (const name of curvePreferences ?? []) {
    const problem = curveProblem(name);
    if (problem !== null)
      throw new TlsSettingsError("curvePreferences", problem, `there are ${CURVE_NAMES.join(", ")}`);
  }
  const insecure = (cipherSuites ?? []).filter(isInsecureSuite);
  if (insecure.length > 0 && allowInsecureCipherSuites !== true) {
    throw new TlsSettingsError(
      "cipherSuites",
      `insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: ${insecure.join(", ")}`,
    );
  }
}

function badVersion(version: string): TlsSettingsError {
  const isOld = version === "1.0" || version === "1.1";
  const problem = isOld ? `unsupported TLS version: TLS ${version}` : `unknown version: ${version}`;
  return new TlsSettingsError("minVersion", `error parsing tls config: ${problem}`, 'give "1.2" or "1.3"');
}

function wholeFrom(option: "timeoutMs" | "connectionRateLimit", value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new TlsSettingsError(option, `${option} ${value} is not a whole number from ${min}`);
}

function fallbackMs(handshakeFirst: boolean | "auto" | number): number {
  if (handshakeFirst === "auto") return AUTO_FALLBACK_MS;
  if (typeof handshakeFirst === "boolean") return 0;
  if (Number.isFinite(handshakeFirst) && handshakeFirst >= 0) return Math.ceil(handshakeFirst);
  throw new TlsSettingsError("handshakeFirst", `handshakeFirst ${handshakeFirst} is not a number of milliseconds`);
}

function completeOcspPeer(given: boolean | OcspPeerOptions): OcspPeerSettings | null {
  if (given === false) return null;
  const settings = { ...DEFAULT_OCSP_PEER, ...(given === true ? {} : given) };
  for (const [name, min] of [
    ["allowedClockSkewMs", 0],
    ["caTimeoutMs", 1],
    ["cacheTtlWithoutNextUpdateMs", 0],
  ] as const) {
    if (Number.isSafeInteger(settings[name]) && settings[name] >= min) continue;
    throw new TlsSettingsError("ocspPeer", `${name} ${settings[name]} is not a whole number from ${min}`);
  }
  return settings;
}

function readPins(pins: readonly string[]): readonly string[] | null {
  const lower = pins.map((pin) => pin.toLowerCase());
  for (const pin of lower) {
    if (PIN.test(pin)) continue;
    const problem = `error parsing tls config, 'pinned_certs' key ${pin} does not look like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo`;
    throw new TlsSettingsError("pinnedCerts", problem, "64 hexadecimal digits");
  }
  return lower.length === 0 ? null : lower;
}

function readPairs(options: TlsOptions, readFile: (path: string) => string): readonly TlsPair[] {
  const { certs, cert, certFile, key, keyFile } = options;
  const hasOwn = cert !== undefined || certFile !== undefined || key !== undefined || keyFile !== undefined;
  if (certs !== undefined && certs.length > 0) {
    if (hasOwn) {
      const problem = "error parsing tls config, cannot combine 'cert_file' option with 'certs' option";
      throw new TlsSettingsError("certs", problem);
    }
    return certs.map((each, index) => readPair(each, readFile, "certs", ` ${index + 1}/${certs.length}`));
  }
  return hasOwn ? [readPair(options, readFile, "certFile", "")] : [];
}

function readPair(
  pair: TlsPairOptions,
  readFile: (path: string) => string,
  option: "certs" | "certFile",
  place: string,
): TlsPair {
  if (pair.cert === undefined && pair.certFile === undefined) {
    throw new TlsSettingsError(option, "missing 'cert_file' in TLS configuration");
  }
  if (pair.key === undefined && pair.keyFile === undefined) {
    throw new TlsSettingsError(option, "missing 'key_file' in TLS configuration");
  }
  const fail = (problem: string, cause?: unknown): TlsSettingsError =>
    new TlsSettingsError(option, `error parsing X509 certificate/key pair${place}: ${problem}`, null, { cause });
  const read = (pem: string | Uint8Array | undefined, file: string | undefined): string => {
    try {
      return pem === undefined ? readFile(file as string) : textOf(pem);
    } catch (cause) {
      throw fail((cause as Error).message, cause);
    }
  };
  const cert = read(pair.cert, pair.certFile);
  const key = read(pair.key, pair.keyFile);
  const problem = pairProblem(cert, key);
  if (problem !== null) throw fail(problem);
  return { cert, key, certFile: pair.certFile ?? null, keyFile: pair.keyFile ?? null };
}

/** Why a certificate and a key cannot be used together; null when they can. */
function pairProblem(cert: string, key: string): string | null {
  const certBlock = /-----BEGIN CERTIFICATE-----/.test(cert);
  if (!certBlock) return "tls: failed to find any PEM data in certificate input";
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) return "tls: failed to find any PEM data in key input";
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
  } catch (error) {
    return `x509: malformed certificate: ${(error as Error).message}`;
  }
  try {
    if (!parsed.checkPrivateKey(createPrivateKey(key))) return "tls: private key does not match public key";
  } catch (error) {
    return `tls: failed to parse private key: ${(error as Error).message}`;
  }
  return null;
}

function readCa({ ca, caFile }: TlsOptions, readFile: (path: string) => string): string | null {
  if (ca === undefined && caFile === undefined) return null;
  let text: string;
  try {
    text = ca === undefined ? readFile(caFile as string) : textOf(ca);
  } catch (cause) {
    throw new TlsSettingsError("caFile", (cause as Error).message, null, { cause });
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  // As in Go, what cannot be read is left out, unless that is all of it.
  const good = blocks.filter((block) => isCertificate(block));
  if (good.length === 0) throw new TlsSettingsError("caFile", "failed to parse root ca certificate");
  return good.join("\n");
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false; // that it throws is the answer
  }
}

function textOf(pem: string | Uint8Array): string {
  return typeof pem === "string" ? pem : Buffer.from(pem).toString("latin1");
}

/** The last word is OpenSSL's: a key may be too short for it, or a suite need a certificate of another kind. */
function checkWithOpenSsl(settings: TlsSettings): void {
  for (const pair of settings.certificates) {
    try {
      createSecureContext(secureContextOptions(settings, pair));
    } catch (cause) {
      throw new TlsSettingsError("certFile", `OpenSSL refuses these settings: ${(cause as Error).message}`, null, {
        cause,
      });
    }
  }
}
