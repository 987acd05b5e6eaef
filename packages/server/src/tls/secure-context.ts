// What Node's TLS is given for a listener: OpenSSL's names for what the settings say, and which certificate is for which name.

import { constants, createHash, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";
import { openSslCiphers, openSslCurves } from "./cipher-suites.ts";
import type { TlsPair, TlsSettings } from "./settings.ts";

/** What is made of settings for one context. */
type ContextSettings = Pick<TlsSettings, "ca" | "cipherSuites" | "curvePreferences" | "minVersion" | "verify">;

/** Options of a `SecureContext` with one of the certificates. */
export function secureContextOptions(settings: ContextSettings, pair: TlsPair): SecureContextOptions {
  const { ca, cipherSuites, curvePreferences, minVersion, verify } = settings;
  return {
    cert: pair.cert,
    key: pair.key,
    ...(ca !== null && { ca }),
    ciphers: openSslCiphers(cipherSuites),
    ecdhCurve: openSslCurves(curvePreferences),
    minVersion: `TLSv${minVersion}`,
    // As in Go: the server's order counts, ChaCha20 goes first for who puts it first, and nobody renegotiates.
    honorCipherOrder: true,
    secureOptions:
      constants.SSL_OP_PRIORITIZE_CHACHA |
      constants.SSL_OP_NO_RENEGOTIATION |
      // A resumed session would carry an old verdict about the client's certificate.
      (verify ? constants.SSL_OP_NO_TICKET : 0),
    // OpenSSL refuses to resume sessions of a server that verifies clients without one; all contexts of a server have the same.
    sessionIdContext: createHash("sha256").update("myelin").digest("hex").slice(0, 32),
  };
}

/**
 * The contexts of a listener, one for each certificate. OpenSSL adds the certificate that was chosen to the one that the handshake
 * began with, and where the two have keys of different kinds it takes the elliptic one. So a handshake begins with an RSA
 * certificate, if there is one in a mixed list.
 */
export class SecureContexts {
  /** What handshakes begin with, and what clients get that name no server. */
  readonly standard: SecureContext;
  /** The certificate of that, and its key; PEM. */
  readonly standardPair: Pick<TlsPair, "cert" | "key">;
  readonly #certificates: ReadonlyArray<{
    readonly pair: TlsPair;
    readonly certificate: X509Certificate;
    readonly context: SecureContext;
  }>;

  /** @param settings - With a certificate at least. */
  constructor(settings: TlsSettings) {
    this.#certificates = settings.certificates.map((pair) => ({
      pair,
      certificate: new X509Certificate(pair.cert),
      context: createSecureContext(secureContextOptions(settings, pair)),
    }));
    const rsa = this.#certificates.find(({ certificate }) => certificate.publicKey.asymmetricKeyType === "rsa");
    const begun = rsa ?? this.#certificates[0];
    if (begun === undefined) throw new Error("TLS settings without a certificate are for links only");
    this.standard = begun.context;
    this.standardPair = { cert: begun.pair.cert, key: begun.pair.key };
  }

  /** The context for the name that a client asked for: the first certificate that is for it, or the first of all. */
  for(serverName: string): SecureContext {
    const found = this.#certificates.find(({ certificate }) => certificate.checkHost(serverName) !== undefined);
    return (found ?? this.#certificates[0])?.context ?? this.standard;
  }
}

/**
 * Everything that `tls.createServer`, `https.createServer` or a `TLSSocket` of the server's side takes for these settings. Pinned
 * certificates and the mapping to users are not in it: see peer-certificate.ts.
 */
export function nodeTlsOptions(settings: TlsSettings): TlsOptions & { readonly secureContext: SecureContext } {
  const contexts = new SecureContexts(settings);
  return {
    secureContext: contexts.standard,
    ...contexts.standardPair,
    requestCert: settings.verify,
    rejectUnauthorized: settings.verify,
    handshakeTimeout: settings.timeoutMs,
    // A handshake without the question is cheaper.
    ...(settings.certificates.length > 1 && {
      SNICallback: (serverName, done) => done(null, contexts.for(serverName)),
    }),
  };
}
