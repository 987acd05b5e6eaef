// What is logged of a handshake that failed: in Go's words where Node's error has a counterpart there, because whoever reads the
// logs of many servers looks for these.

import { systemErrorText } from "../system-error.ts";

/** By the `code` of Node's error. */
const TEXTS: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: "tls: first record does not look like a TLS handshake",
  ERR_SSL_HTTPS_PROXY_REQUEST: "tls: first record does not look like a TLS handshake",
  ERR_SSL_WRONG_VERSION_NUMBER: "tls: first record does not look like a TLS handshake",
  ERR_SSL_UNKNOWN_PROTOCOL: "tls: first record does not look like a TLS handshake",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "tls: oversized record received",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "tls: client offered only unsupported versions",
  ERR_SSL_VERSION_TOO_LOW: "tls: client offered only unsupported versions",
  ERR_SSL_NO_SHARED_CIPHER: "tls: no cipher suite supported by both client and server",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "tls: client didn't provide a certificate",
  ERR_SSL_NO_SHARED_GROUPS: "tls: no supported elliptic curves offered",
  ERR_SSL_NO_SUITABLE_KEY_SHARE: "tls: no supported elliptic curves offered",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "remote error: tls: unknown certificate authority",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "remote error: tls: protocol version not supported",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "remote error: tls: bad certificate",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "remote error: tls: unknown certificate",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: "remote error: tls: expired certificate",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "remote error: tls: handshake failure",
  CERT_HAS_EXPIRED: "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
  CERT_NOT_YET_VALID: "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
  INVALID_PURPOSE: "tls: failed to verify certificate: x509: certificate specifies an incompatible key usage",
  DEPTH_ZERO_SELF_SIGNED_CERT: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
};

/** The reference logs these at the level of debugging only: load balancers and port scanners make many of them. */
const PROBE_TEXT = "tls: first record does not look like a TLS handshake";

/** What to log of a failed handshake. */
export interface HandshakeProblem {
  readonly text: string;
  /** Whether it was probably no client at all. */
  readonly isProbe: boolean;
}

/** @param error - Null when the peer left without a word. */
export function handshakeProblem(error: Error | null): HandshakeProblem {
  if (error === null) return { text: "EOF", isProbe: false };
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const text = TEXTS[code] ?? systemErrorText(error) ?? error.message.trim();
  return { text, isProbe: text === PROBE_TEXT };
}
