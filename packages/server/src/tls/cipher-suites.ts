// Cipher suites and curves under the names that configurations use (Go's, which are IANA's), and under OpenSSL's.
//
// As in the reference, the suites of TLS 1.3 cannot be chosen: a list is about TLS 1.2 only, and the three of 1.3 are always
// there. The order of a list does not count either: the server prefers the suites in the order of this table.

import { createSecureContext } from "node:tls";

/** A cipher suite. */
interface CipherSuite {
  /** Go's and IANA's. */
  readonly name: string;
  readonly openSsl: string;
  /** Whether it may only be used with `allow_insecure_cipher_suites`. */
  readonly insecure: boolean;
}

function suite(name: string, openSsl: string, insecure: boolean = false): CipherSuite {
  return { name, openSsl, insecure };
}

/** TLS 1.3: OpenSSL has no names of its own. AES with 128 bits comes first, as in Go: it is the fastest. */
const TLS_1_3_SUITES: readonly CipherSuite[] = [
  suite("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
  suite("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
  suite("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
];

/** TLS 1.2, best first. */
const TLS_1_2_SUITES: readonly CipherSuite[] = [
  suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
  suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
  suite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
  suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
  suite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
  suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
  suite("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"),
  suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"),
  suite("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"),
  suite("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"),
  suite("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", true),
  suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", true),
  suite("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", true),
  suite("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", true),
  suite("TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256", true),
  suite("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", true),
  suite("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", true),
  suite("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "ECDHE-RSA-DES-CBC3-SHA", true),
  suite("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", true),
  suite("TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "ECDHE-ECDSA-RC4-SHA", true),
  suite("TLS_ECDHE_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-RC4-SHA", true),
  suite("TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA", true),
];

const SUITES: readonly CipherSuite[] = [...TLS_1_3_SUITES, ...TLS_1_2_SUITES];

/** Every curve that the reference knows, preferred first, and its name in OpenSSL. */
const CURVES: ReadonlyArray<readonly [name: string, openSsl: string]> = [
  ["X25519MLKEM768", "X25519MLKEM768"],
  ["SecP384r1MLKEM1024", "SecP384r1MLKEM1024"],
  ["SecP256r1MLKEM768", "SecP256r1MLKEM768"],
  ["X25519", "X25519"],
  ["CurveP256", "P-256"],
  ["CurveP384", "P-384"],
  ["CurveP521", "P-521"],
];

/** Names of cipher suites that exist, for a message. */
export const CIPHER_SUITE_NAMES: readonly string[] = SUITES.map(({ name }) => name);
/** Names of curves that exist, for a message. */
export const CURVE_NAMES: readonly string[] = CURVES.map(([name]) => name);

/** What is wrong with a cipher suite's name; null for a good one. The first text is the reference's. */
export function cipherSuiteProblem(name: string): string | null {
  const found = SUITES.find((each) => each.name === name);
  if (found === undefined) return `unrecognized cipher ${name}`;
  if (!isKnownToOpenSsl({ ciphers: found.openSsl })) {
    return `cipher ${name} is not in the OpenSSL of this Node.js`;
  }
  return null;
}

/** Whether a suite needs `allow_insecure_cipher_suites`. */
export function isInsecureSuite(name: string): boolean {
  return SUITES.some((each) => each.name === name && each.insecure);
}

/** What is wrong with a curve's name; null for a good one. The first text is the reference's. */
export function curveProblem(name: string): string | null {
  const found = CURVES.find(([known]) => known === name);
  if (found === undefined) return `unrecognized curve preference ${name}`;
  if (!isKnownToOpenSsl({ ecdhCurve: found[1] })) {
    return `curve preference ${name} is not in the OpenSSL of this Node.js`;
  }
  return null;
}

/**
 * OpenSSL's list of cipher suites.
 *
 * @param names - Those of TLS 1.2 that may be used; null for all that are secure. Names that are unknown are left out.
 */
export function openSslCiphers(names: readonly string[] | null): string {
  const chosen = TLS_1_2_SUITES.filter(({ insecure, name }) => (names === null ? !insecure : names.includes(name)));
  return [...TLS_1_3_SUITES, ...chosen].map(({ openSsl }) => openSsl).join(":");
}

/**
 * OpenSSL's list of curves.
 *
 * @param names - Best first; null for all that this Node.js knows.
 */
export function openSslCurves(names: readonly string[] | null): string {
  const wanted = names ?? CURVE_NAMES.filter((name) => curveProblem(name) === null);
  return wanted.map((name) => CURVES.find(([known]) => known === name)?.[1] ?? name).join(":");
}

function isKnownToOpenSsl(options: { readonly ciphers?: string; readonly ecdhCurve?: string }): boolean {
  try {
    createSecureContext(options);
    return true;
  } catch {
    return false; // that it throws is the answer
  }
}
