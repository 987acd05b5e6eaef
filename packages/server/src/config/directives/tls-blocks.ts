// The directives of TLS: certificates, ciphers, and OCSP.

import { type Block, block, defineBlock, list } from "./directive.ts";

/** `tls.ocsp_peer` */
export const OCSP_PEER: Block = defineBlock("tls.ocsp_peer", null, [
  ["verify", "boolean", "Switch the check on (false)"],
  ["allowed_clockskew", "number", "Difference of clocks that is put up with; seconds or a duration (30s)"],
  ["ca_timeout", "number", "Time for an OCSP answer; seconds or a duration (2s)"],
  [
    "cache_ttl_when_next_update_unset",
    "number",
    "How long an answer without a limit of its own counts; seconds or a duration (1h)",
  ],
  ["warn_only", "boolean", "Log what is wrong but let in (false)"],
  ["unknown_is_good", "boolean", "The answer unknown counts as good (false)"],
  ["allow_when_ca_unreachable", "boolean", "Let in when no responder answers, unless it was revoked before (false)"],
]);

/** One pair of `tls { certs: [...] }`. */
export const TLS_PAIR: Block = defineBlock("tls.certs[]", null, [
  ["cert_file", "string", "Path of a certificate, PEM"],
  ["key_file", "string", "Path of its private key, PEM"],
]);

/** What works of `tls`. */
const TLS_WORKING: Block = defineBlock("tls", null, [
  ["cert_file", "string", "Path of the certificate, PEM; those between it and its CA may follow it"],
  ["key_file", "string", "Path of its private key, PEM"],
  [
    "ca_file",
    "string",
    "Path of the CA certificates that client certificates are from, PEM (those that Node.js knows)",
  ],
  [
    "certs certificates",
    "list of blocks",
    "Several certificates; the name that a client asks for chooses",
    list(TLS_PAIR),
  ],
  ["verify", "boolean", "Clients need a certificate (false)"],
  ["verify_and_map", "boolean", "The same, and the certificate says who the user is (false)"],
  ["pinned_certs", "list", "SHA-256 of the public keys that alone may connect, hexadecimal"],
  ["min_version", "string", '`"1.2"` or `"1.3"` (`"1.2"`)'],
  ["cipher_suites", "list", "Cipher suites of TLS 1.2, by their names in Go (all secure ones)"],
  ["allow_insecure_cipher_suites", "boolean", "Permit weak cipher suites in that list (false)"],
  ["curve_preferences", "list", "Elliptic curves, best first, by their names in Go (all)"],
  ["timeout", "number", "Time for the handshake; seconds or a duration (2s)"],
  [
    "handshake_first first immediate",
    "boolean or string",
    "TLS before INFO: true, false, `auto` (waits 50 ms for it), or how long to wait for it (false)",
  ],
  ["connection_rate_limit", "integer", "Handshakes per second (no limit)"],
  ["insecure", "boolean", "Do not verify the other side of outgoing connections; nothing to a listener (false)"],
  [
    "verify_cert_and_check_known_urls",
    "boolean",
    "The certificate must name a configured URL; for clusters and gateways, not for clients (false)",
  ],
  [
    "ocsp_peer",
    "boolean or block",
    "Ask the CA about client certificates, by OCSP; with `verify` (false)",
    block(OCSP_PEER),
  ],
]);

const TLS_WINDOWS: Block = defineBlock("tls", "the certificate store of Windows", [
  ["cert_store", "string", "Store of certificates; Windows"],
  ["cert_match_by", "string", "Subject, issuer or thumbprint; Windows"],
  ["cert_match", "string", "What is looked for in the store; Windows"],
  ["ca_certs_match", "strings", "CA certificates in the store; Windows"],
  ["cert_match_skip_invalid", "boolean", "Skip certificates out of date; Windows"],
]);

/** `tls`, wherever it may stand */
export const TLS: Block = {
  name: "tls",
  directives: [TLS_WORKING, TLS_WINDOWS].flatMap(({ directives }) => directives),
};

/** `ocsp` */
export const OCSP: Block = defineBlock("ocsp", null, [
  ["mode", "string", "auto, always, must or never (auto)"],
  ["urls", "strings", "Responders to ask instead of the certificate's"],
  ["url", "string", "One responder"],
]);

/** `ocsp_cache` */
export const OCSP_CACHE: Block = defineBlock("ocsp_cache", null, [
  ["type", "string", "`none`: every client is asked about; `local`: answers are kept in memory and in a file (local)"],
  ["local_store", "string", "Folder of the file, below the working folder when it is relative (_rc_)"],
  [
    "preserve_revoked",
    "boolean",
    "Keep in the file that a certificate was revoked when the answer does not count any more (false)",
  ],
  [
    "save_interval",
    "number",
    "Time from a change to the next writing of the file; seconds or a duration, at least 1s (5m)",
  ],
]);
