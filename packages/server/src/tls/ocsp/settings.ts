// What can be said about OCSP: stapling, for the server's own certificates, and the check of client certificates.

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

/** Whether a text is a URL of HTTP. */
export function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
