// TLS over accepted sockets. The only file that imports `node:tls` for them. The handshake works on the socket's handle, not on
// a stream of JavaScript: that is what makes it fast.

import type { Socket } from "node:net";
import { TLSSocket, type TlsOptions } from "node:tls";
import type { TlsServer, TlsSession } from "../network.ts";

/** Certificates of a chain that are looked at; more are nothing that a client has. */
const CHAIN_MAX = 16;

/** The server's side of TLS, by Node's own means. */
export class NodeTlsServer implements TlsServer {
  readonly verifies: boolean;
  readonly options: TlsOptions;

  /**
   * @param options - As for `tls.createServer`: `secureContext`, `SNICallback`, `requestCert` and `rejectUnauthorized` count. The
   *   latter two belong together.
   */
  constructor(options: TlsOptions) {
    this.verifies = options.requestCert === true && options.rejectUnauthorized !== false;
    this.options = options;
  }
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
  const { handshakeTimeout: _unused, ...options } = server.options;
  const secure = new TLSSocket(socket, { ...options, isServer: true, handshakeTimeout: 0 } as ConstructorParameters<
    typeof TLSSocket
  >[1]);
  // Errors behind the handshake come by this event only, as long as no tls.Server has let go of the socket.
  secure.on("_tlsError", (error: Error) => secure.destroy(error));
  secure.once("secure", () => {
    if (secure.destroyed) return;
    try {
      const problem = server.verifies ? verificationError(secure) : null;
      if (problem !== null) throw problem;
      secured(sessionOf(secure, server));
    } catch (error) {
      // Whatever a peer's certificate makes of us, it costs that peer only.
      secure.destroy(error as Error);
    }
  });
  return secure;
}

/** Fails closed: without a verdict, or without a certificate, a peer that needs one is not let in. */
function verificationError(secure: TLSSocket): Error | null {
  const verifier = (secure as unknown as { readonly ssl?: Verifier | null }).ssl;
  if (typeof verifier?.verifyError !== "function")
    return new Error("this Node.js does not tell whether a certificate is good");
  const error = verifier.verifyError();
  if (error !== null && error !== undefined) return error;
  return secure.getPeerX509Certificate() === undefined ? new Error("peer did not return a certificate") : null;
}

function sessionOf(secure: TLSSocket, server: TlsServer): TlsSession {
  const cipher = secure.getCipher();
  const { servername } = secure as { readonly servername?: string | false | null };
  return {
    version: (secure.getProtocol() ?? "").replace(/^TLSv/, ""),
    cipherSuite: cipher.standardName,
    serverName: typeof servername === "string" && servername !== "" ? servername : null,
    peerCertificates: server.verifies ? chainOf(secure) : [],
  };
}

function chainOf(secure: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate = secure.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < CHAIN_MAX) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
