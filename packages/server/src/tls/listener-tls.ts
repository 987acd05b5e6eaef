// TLS of one listener, as it is for the connections that begin now. Other settings take the place of these as a whole, so that a
// handshake that is under way ends as it began.

import type { Clock, TlsServer } from "@myelin/platform";
import { NodeTlsServer } from "@myelin/platform/node";
import type { Logger } from "../logger.ts";
import { HandshakeRate } from "./handshake-rate.ts";
import type { Ocsp, OcspHooks, OcspServerOptions } from "./ocsp.ts";
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
  /** Null where there is nothing to ask. To be started before there are clients, and stopped at the end. */
  readonly ocsp: OcspHooks | null;
}

/** What TLS of a listener needs of its server. */
export interface TlsServerSide {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ocsp: Ocsp;
  /** As they are when TLS is made ready. */
  readonly options: OcspServerOptions;
}

/** Makes ready for handshakes. Costs some milliseconds for each certificate. */
export function listenerTls(
  settings: TlsSettings,
  allowNonTls: boolean,
  { clock, logger, ocsp, options }: TlsServerSide,
): ListenerTls {
  const { connectionRateLimit } = settings;
  const hooks = ocsp.hooks(settings, options);
  return {
    settings,
    server: new NodeTlsServer(nodeTlsOptions(settings), hooks?.tls),
    rate: connectionRateLimit > 0 ? new HandshakeRate(connectionRateLimit, clock, logger) : null,
    allowNonTls,
    ocsp: hooks,
  };
}
