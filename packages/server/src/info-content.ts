// What INFO tells of a server, by each of its listeners. Who it is told to is written into it by info-lines.ts.

import { API_LEVEL, SERVER_VERSION, type ServerInfo } from "@myelin/protocol";
import { parseAdvertised } from "./address.ts";
import type { Authenticator, InfoFace } from "./connection/context.ts";
import type { ServerOptions } from "./options.ts";
import type { ListenerTls } from "./tls/listener-tls.ts";

/** A server as INFO sees it, at one moment. */
export interface InfoSource {
  readonly id: string;
  readonly name: string;
  readonly xkey: string;
  /** The port that clients connect to; 0 without a listener. */
  readonly port: number;
  readonly options: ServerOptions;
  readonly isLameDuck: boolean;
  readonly authenticator: Authenticator;
  readonly tls: ListenerTls | null;
}

/** For who comes by TCP, or without a listener. */
export function infoByTcp(source: InfoSource, face: InfoFace): ServerInfo {
  const { clientAdvertise, host, maxPayloadBytes, noHeaderSupport } = source.options;
  const advertised = clientAdvertise === null ? null : parseAdvertised(clientAdvertise, source.port);
  return {
    server_id: source.id,
    server_name: source.name,
    version: SERVER_VERSION,
    proto: 1,
    go: `node${process.versions.node}`,
    host: advertised?.host ?? host,
    port: advertised?.port ?? source.port,
    headers: !noHeaderSupport,
    auth_required: isLater(face) ? source.authenticator.asks : source.authenticator.required,
    ...tlsInfo(source.tls, face),
    max_payload: maxPayloadBytes,
    ldm: source.isLameDuck,
    api_lvl: API_LEVEL,
    xkey: source.xkey,
  };
}

/**
 * For who comes by WebSocket.
 *
 * @param port - That of the listener for WebSockets.
 * @param authenticator - Decides there.
 */
export function infoByWebSocket(
  source: InfoSource,
  port: number,
  authenticator: Authenticator,
  face: InfoFace,
): ServerInfo {
  const { host, tls } = source.options.webSocket;
  // Said even where somebody is assumed, as in the reference (websocket.go createWSClient); later what holds for TCP is said.
  const auth_required = (isLater(face) ? source.authenticator : authenticator).asks;
  // Of certificates INFO tells what holds for TCP, as in the reference (client.go generateClientInfoJSON); no client reads it here.
  const ofTls = {
    ...(source.tls?.settings.verify === true && { tls_verify: true }),
    ...(tls !== null && { tls_required: true, tls_available: true }),
  };
  return { ...infoByTcp(source, face), host, port, auth_required, ...ofTls };
}

function isLater(face: InfoFace): boolean {
  return face === "later" || face === "later-no-tls";
}

function tlsInfo(
  tls: ListenerTls | null,
  face: InfoFace,
): Pick<ServerInfo, "tls_required" | "tls_verify" | "tls_available"> {
  if (tls === null || face === "no-tls" || face === "later-no-tls") return {};
  const { allowNonTls, settings } = tls;
  return {
    ...((face === "tls-first" || !allowNonTls) && { tls_required: true }),
    ...(settings.verify && { tls_verify: true }),
    ...(allowNonTls && { tls_available: true }),
  };
}
