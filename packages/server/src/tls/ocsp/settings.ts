// What can be said about OCSP: stapling, for the server's own certificates, the check of client certificates, and what is kept of
// that.

/**
 * Which of the server's certificates are shown with an OCSP answer (`ocsp { mode }`):
 *
 * - `auto`: those that ask for it (must-staple, RFC 7633);
 * - `must`: the same, and the server shuts down when one of them is revoked;
 * - `always`: all of them, and the server shuts down when one of them is revoked;
 * - `never`: none.
 */
export type OcspMode = "auto" | "must" | "always" | "never";

/** Every {@link OcspMode}. */
export const OCSP_MODES: readonly OcspMode[] = ["auto", "must", "always", "never"];

/** OCSP stapling. */
export interface OcspOptions {
  readonly mode: OcspMode;
  /** Responders to ask instead of those that the certificates name; empty for these. */
  readonly urls: readonly string[];
}

/** The check of client certificates (`tls { ocsp_peer }`). */
export interface OcspPeerOptions {
  /** Difference of clocks that is put up with; 30 s when absent. */
  readonly allowedClockSkewMs?: number;
  /** Time for one answer; 2 s when absent. */
  readonly caTimeoutMs?: number;
  /** How long an answer counts that does not say so; an hour when absent. */
  readonly cacheTtlWithoutNextUpdateMs?: number;
  /** True: what is wrong is logged, and the client let in. */
  readonly warnOnly?: boolean;
  /** True: a responder that does not know a certificate says nothing against it. */
  readonly unknownIsGood?: boolean;
  /** True: a client is let in when no responder answers, unless the last answer was that it is revoked. */
  readonly allowWhenCaUnreachable?: boolean;
}

/** The same, complete. */
export type OcspPeerSettings = Required<OcspPeerOptions>;

/** As in the reference (certidp.go NewOCSPPeerConfig). */
export const DEFAULT_OCSP_PEER: OcspPeerSettings = Object.freeze({
  allowedClockSkewMs: 30_000,
  caTimeoutMs: 2_000,
  cacheTtlWithoutNextUpdateMs: 3_600_000,
  warnOnly: false,
  unknownIsGood: false,
  allowWhenCaUnreachable: false,
});

/**
 * Where it is kept what responders have said about clients, for as long as it counts:
 *
 * - `none`: nowhere, so that they are asked about at each connection;
 * - `memory`: in memory;
 * - `local`: in memory, and in a file from which the next server goes on.
 */
export type OcspCacheType = "none" | "memory" | "local";

/** Every {@link OcspCacheType}. */
export const OCSP_CACHE_TYPES: readonly OcspCacheType[] = ["none", "memory", "local"];

/** What is kept of the check of client certificates (`ocsp_cache`). All but the type is for the type `local`. */
export interface OcspCacheOptions {
  readonly type: OcspCacheType;
  /** Folder of the file, `cache.json`; made when there is something to save. A relative one is below the working folder. */
  readonly localStore: string;
  /** True: that a certificate was revoked stays in the file when the answer that said so does not count any more. */
  readonly preserveRevoked: boolean;
  /** Time from a change to the file's next writing; a second at least. The server's end writes it too. */
  readonly saveIntervalMs: number;
}

/** The same, as far as it is given. */
export type OcspCacheGiven = Pick<OcspCacheOptions, "type"> & Partial<OcspCacheOptions>;

/** The least time between two writings of the file, as in the reference. */
export const SAVE_INTERVAL_MS_MIN = 1_000;

/** As in the reference (ocsp_responsecache.go), apart from the type: it keeps a file without being asked to. */
export const DEFAULT_OCSP_CACHE: OcspCacheOptions = Object.freeze({
  type: "memory",
  localStore: "_rc_",
  preserveRevoked: false,
  saveIntervalMs: 300_000,
});

/** Whether a text is a URL of HTTP. */
export function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
