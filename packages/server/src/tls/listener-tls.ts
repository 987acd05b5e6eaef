// TLS of one listener, as it is for the connections that begin now. Other settings take the place of these as a whole, so that a
// handshake that is under way ends as it began.

import { X509Certificate } from "node:crypto";
import type { Clock, TlsServer } from "@myelin/platform";
import { NodeTlsServer } from "@myelin/platform/node";
import type { Logger } from "../logger.ts";
import { HandshakeRate } from "./handshake-rate.ts";
import { mustStaple } from "./peer-certificate.ts";
import { nodeTlsOptions } from "./secure-context.ts";
import type { TlsSettings } from "./settings.ts";

/** What a handshake needs. */
export interface ListenerTls {
  readonly settings: TlsSettings;
  readonly server: TlsServer;
  /** Null for no limit. */
  readonly rate: HandshakeRate | null;
  /** Whether clients without TLS are served too. */
  readonly allowNonTls: boolean;
}

/** Makes ready for handshakes. Costs some milliseconds for each certificate. */
export function listenerTls(settings: TlsSettings, allowNonTls: boolean, clock: Clock, logger: Logger): ListenerTls {
  const { certificates, connectionRateLimit } = settings;
  for (const { cert, certFile } of certificates) {
    if (!mustStaple(new X509Certificate(cert).raw)) continue;
    logger.warn(`Certificate at '${certFile ?? "the options"}' has MustStaple but OCSP is disabled`);
  }
  return {
    settings,
    server: new NodeTlsServer(nodeTlsOptions(settings)),
    rate: connectionRateLimit > 0 ? new HandshakeRate(connectionRateLimit, clock, logger) : null,
    allowNonTls,
  };
}
