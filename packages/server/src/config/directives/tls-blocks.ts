// The directives of TLS: certificates, ciphers, and OCSP.

import { type Block, block, defineBlock, list } from "./directive.ts";

/** `tls.ocsp_peer` */
export const OCSP_PEER: Block = defineBlock("tls.ocsp_peer", "TLS", [
  ["verify", "boolean", "Switch the check on (false)"],
  ["allowed_clockskew", "duration", "Difference of clocks that is put up with (30s)"],
  ["ca_timeout", "duration", "Time for an OCSP answer (2s)"],
  ["cache_ttl_when_next_update_unset", "duration", "How long an answer without its own limit counts (1h)"],
  ["warn_only", "boolean", "Log what is wrong but let in (false)"],
  ["unknown_is_good", "boolean", "The answer unknown counts as good (false)"],
  ["allow_when_ca_unreachable", "boolean", "Accept when the responder fails"],
]);

/** One pair of `tls { certs: [...] }`. */
export const TLS_PAIR: Block = defineBlock("tls.certs[]", "TLS", [
  ["cert_file", "string", "Path of a certificate, PEM"],
  ["key_file", "string", "Path of its private key, PEM"],
]);

/** `tls`, wherever it may stand */
export const TLS: Block = defineBlock("tls", "TLS", [
  ["cert_file", "string", "Path of the certificate, PEM"],
  ["key_file", "string", "Path of its private key, PEM"],
  ["ca_file", "string", "Path of the CA certificates, PEM"],
  ["insecure", "boolean", "Do not verify the other side of outgoing connections (false)"],
  ["verify", "boolean", "Clients need a certificate (false)"],
  ["verify_and_map", "boolean", "The certificate says who the user is (false)"],
  [
    "verify_cert_and_check_known_urls",
    "boolean",
    "The certificate must name a configured URL; clusters and gateways (false)",
  ],
  ["allow_insecure_cipher_suites", "boolean", "Permit weak cipher suites (false)"],
  ["cipher_suites", "strings", "Cipher suites, by their names in Go"],
  ["curve_preferences", "strings", "Elliptic curves, best first"],
  ["timeout", "number", "Time for the handshake (2s)"],
  ["connection_rate_limit", "integer", "Handshakes per second (no limit)"],
  ["pinned_certs", "strings", "SHA-256 of public keys that alone may connect, hexadecimal"],
  ["cert_store", "string", "Store of certificates; Windows"],
  ["cert_match_by", "string", "Subject, issuer or thumbprint; Windows"],
  ["cert_match", "string", "What is looked for in the store; Windows"],
  ["ca_certs_match", "strings", "CA certificates in the store; Windows"],
  [
    "handshake_first first immediate",
    "string",
    "TLS before INFO: true, false, auto, or how long to wait for it (false)",
  ],
  ["cert_match_skip_invalid", "boolean", "Skip certificates out of date; Windows"],
  ["ocsp_peer", "boolean or block", "Check client certificates by OCSP", block(OCSP_PEER)],
  ["certs certificates", "list of blocks", "Several certificates", list(TLS_PAIR)],
  ["min_version", "block", "1.2 or 1.3 (1.2)"],
]);

/** `ocsp` */
export const OCSP: Block = defineBlock("ocsp", "TLS", [
  ["mode", "string", "auto, always, must or never (auto)"],
  ["urls", "strings", "Responders to ask instead of the certificate's"],
  ["url", "string", "One responder"],
]);

/** `ocsp_cache` */
export const OCSP_CACHE: Block = defineBlock("ocsp_cache", "TLS", [
  ["type", "string", "none or local"],
  ["local_store", "string", "Folder of the cache (_rc_)"],
  ["preserve_revoked", "boolean", "Keep revoked answers after expiry"],
  ["save_interval", "duration", "Time between saves (5m)"],
]);
