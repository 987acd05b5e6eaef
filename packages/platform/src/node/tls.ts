// TLS over accepted sockets. The only file that imports `node:tls` for them. The handshake works on the socket's handle, not on
// a stream of JavaScript: that is what makes it fast.

import type { Socket } from "node:net";
import { createServer, type Server, TLSSocket, type TLSSocketOptions, type TlsOptions } from "node:tls";
import type { TlsServer, TlsSession } from "../network.ts";

/** Certificates of a chain that are looked at; more are nothing that a client has. */
const CHAIN_MAX = 16;

/** What is asked during handshakes, besides what OpenSSL looks at. */
export interface NodeTlsServerHooks {
  /**
   * Gives what is stapled to a certificate for clients that ask for it: the DER of an OCSP response, or null for nothing.
   *
   * @param certificate - The one that the client is shown, DER.
   */
  readonly staple?: (certificate: Uint8Array) => Promise<Uint8Array | null>;
  /**
   * Says whether a peer may come in that TLS has let in. The handshake is done for the peer by then; nothing that it sends is
   * handed on before. A rejection ends it.
   */
  readonly admit?: (session: TlsSession) => Promise<void>;
}

/** The server's side of TLS, by Node's own means. */
export class NodeTlsServer implements TlsServer {
  readonly verifies: boolean;
  /** What each socket is made with: only what counts for one, because Node copies it every time. */
  readonly socketOptions: TLSSocketOptions;
  readonly admit: NodeTlsServerHooks["admit"];

  /**
   * @param options - As for `tls.createServer`: `secureContext`, `SNICallback`, `requestCert` and `rejectUnauthorized` count. The
   *   latter two belong together. With `staple` the certificate that handshakes begin with has to be in `cert` and `key`, too.
   */
  constructor(options: TlsOptions, { admit, staple }: NodeTlsServerHooks = {}) {
    this.verifies = options.requestCert === true && options.rejectUnauthorized !== false;
    const { rejectUnauthorized, requestCert, secureContext, SNICallback } = options;
    this.socketOptions = {
      isServer: true,
      ...(secureContext !== undefined && { secureContext }),
      ...(requestCert !== undefined && { requestCert }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(SNICallback !== undefined && { SNICallback }),
      ...(staple !== undefined && { server: staplerOf(options, staple) }),
    };
    this.admit = admit;
  }
}

/** A server that never listens: it is where Node asks for what is to be stapled. */
function staplerOf({ cert, key }: TlsOptions, staple: NonNullable<NodeTlsServerHooks["staple"]>): Server {
  const server = createServer({ ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) });
  server.on(
    "OCSPRequest",
    (certificate: Buffer, _issuer: Buffer, answer: (error: Error | null, der?: Buffer) => void) => {
      staple(certificate).then(
        (der) => (der === null ? answer(null) : answer(null, Buffer.from(der))),
        (error: unknown) => answer(error as Error),
      );
    },
  );
  return server;
}

/** What Node keeps to itself about a handshake. */
interface Verifier {
  /** Null when the peer's certificate is good. */
  readonly verifyError?: () => (Error & { code?: string }) | null;
}

/**
 * Begins the server's part of a handshake.
 *
 * @param secured - Called in the turn in which the handshake is done, before any byte that came through it is handed on.
 * @returns The socket of what is inside. Where the handshake fails it is destroyed with the error.
 */
export function shakeHands(socket: Socket, server: TlsServer, secured: (session: TlsSession) => void): TLSSocket {
  if (!(server instanceof NodeTlsServer)) throw new TypeError("the TLS server is none of this platform's");
  const secure = new TLSSocket(socket, server.socketOptions);
  // Errors behind the handshake come by this event only, as long as no tls.Server has let go of the socket.
  secure.on("_tlsError", (error: Error) => secure.destroy(error));
  secure.once("secure", () => {
    if (secure.destroyed) return;
    try {
      const peerCertificates = server.verifies ? chainOf(secure) : [];
      const problem = server.verifies ? verificationError(secure, peerCertificates) : null;
      if (problem !== null) throw problem;
      const session = sessionOf(secure, peerCertificates);
      if (server.admit === undefined) secured(session);
      else admitLater(secure, session, server.admit, secured);
    } catch (error) {
      // Whatever a peer's certificate makes of us, it costs that peer only.
      secure.destroy(error as Error);
    }
  });
  return secure;
}

/** Lets a peer in when somebody has said yes. Until then it is not read from. */
function admitLater(
  secure: TLSSocket,
  session: TlsSession,
  admit: (session: TlsSession) => Promise<void>,
  secured: (session: TlsSession) => void,
): void {
  secure.pause();
  admit(session)
    .then(() => {
      if (!secure.destroyed) secured(session);
    })
    .catch((error: unknown) => secure.destroy(error as Error));
}

/** Fails closed: without a verdict, or without a certificate, a peer that needs one is not let in. */
function verificationError(secure: TLSSocket, peerCertificates: readonly Uint8Array[]): Error | null {
  const verifier = (secure as unknown as { readonly ssl?: Verifier | null }).ssl;
  if (typeof verifier?.verifyError !== "function")
    return new Error("this Node.js does not tell whether a certificate is good");
  const error = verifier.verifyError();
  if (error !== null && error !== undefined) return error;
  return peerCertificates.length === 0 ? new Error("peer did not return a certificate") : null;
}

function sessionOf(secure: TLSSocket, peerCertificates: readonly Uint8Array[]): TlsSession {
  const cipher = secure.getCipher();
  const { servername } = secure as { readonly servername?: string | false | null };
  return {
    version: (secure.getProtocol() ?? "").replace(/^TLSv/, ""),
    cipherSuite: cipher.standardName,
    serverName: typeof servername === "string" && servername !== "" ? servername : null,
    peerCertificates,
  };
}

/** What the peer showed. To be called once: each time Node takes a certificate off OpenSSL's own list. */
function chainOf(secure: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate = secure.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < CHAIN_MAX) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
