// The address of one server, read from what people write: `nats://user:pass@host:port`, `host`, `[::1]:4222`, `wss://host/path`.

import { InvalidArgumentError } from "../errors.ts";

/** How a server is spoken to. `nats` may become TLS when the server or the options ask for it; `tls` must. */
export type Scheme = "nats" | "tls" | "ws" | "wss";

const DEFAULT_PORTS: Readonly<Record<Scheme, number>> = { nats: 4222, tls: 4222, ws: 80, wss: 443 };

/** The port for a scheme when none is written: 4222, or the web's. */
export function defaultPort(scheme: Scheme): number {
  return DEFAULT_PORTS[scheme];
}

/** Credentials that stand in a URL. */
export interface UrlCredentials {
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/** One server of the pool. Never holds credentials in a field that is shown. */
export interface ServerAddress {
  readonly scheme: Scheme;
  /** A name, or an IP address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** `host:port`, with brackets round IPv6: what is shown and compared. */
  readonly listen: string;
  /** Path and query of a WebSocket URL; empty otherwise. */
  readonly path: string;
  readonly credentials: UrlCredentials | null;
  /** The name that the certificate must be for: for a gossiped IP address, the name of the server that told it. */
  readonly tlsName: string;
  /** Told by a server, not by the user. */
  readonly gossiped: boolean;
}

/**
 * Reads one server address.
 *
 * @param fallback - The scheme when none is written.
 * @throws InvalidArgumentError when it is none, without repeating its credentials.
 */
export function parseServerAddress(text: string, fallback: Scheme = "nats"): ServerAddress {
  const trimmed = text.trim();
  const split = trimmed.indexOf("://");
  const written = split < 0 ? "" : trimmed.slice(0, split).toLowerCase();
  // What is no name may be part of a password: then no scheme is written.
  const hasScheme = /^[a-z][a-z0-9+.-]*$/.test(written);
  const schemeText = hasScheme ? written : fallback;
  if (!Object.hasOwn(DEFAULT_PORTS, schemeText)) {
    throw new InvalidArgumentError(`'servers' has the unknown scheme '${schemeText}'; nats, tls, ws and wss are known`);
  }
  const scheme = schemeText as Scheme;
  const rest = hasScheme ? trimmed.slice(split + 3) : trimmed;
  const url = parseUrl(scheme, rest);
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  if (hostname === "")
    throw new InvalidArgumentError(`'servers' has an address without a host: '${redacted(trimmed)}'`);
  const isWeb = scheme === "ws" || scheme === "wss";
  if (url.hash !== "" || (!isWeb && (url.search !== "" || (url.pathname !== "" && url.pathname !== "/")))) {
    throw new InvalidArgumentError(
      `'servers' has an address with something behind its host and port: '${redacted(trimmed)}'; in a password write %23 for #, %2F for /, %3F for ?`,
    );
  }
  const port = url.port === "" ? defaultPort(scheme) : Number(url.port);
  if (port < 1 || port > 65_535)
    throw new InvalidArgumentError(`'servers' has the port ${port}; 1 to 65535 is possible`);
  return {
    scheme,
    hostname,
    port,
    listen: hostPort(hostname, port),
    path: isWeb ? `${url.pathname === "/" ? "" : url.pathname}${url.search}` : "",
    credentials: credentialsOf(url),
    tlsName: hostname,
    gossiped: false,
  };
}

/** Address of a server that another one told of: same scheme, same credentials, and that one's name for an IP address. */
export function gossipedAddress(listen: string, from: ServerAddress): ServerAddress {
  const address = parseServerAddress(listen, from.scheme);
  const tlsName = isIpAddress(address.hostname) ? from.tlsName : address.hostname;
  // The scheme is ours, whatever stands in the text: gossip cannot take TLS away.
  return { ...address, scheme: from.scheme, path: from.path, credentials: from.credentials, tlsName, gossiped: true };
}

/** `host:port`, with brackets round IPv6. */
export function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Whether the text is an IPv4 or IPv6 address and not a name. */
export function isIpAddress(hostname: string): boolean {
  return hostname.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * A URL as it may be shown, also one that cannot be read: without its credentials, and without what might be a part of them.
 */
export function redacted(url: string): string {
  const split = url.indexOf("://");
  const hasScheme = split >= 0 && /^[a-z][a-z0-9+.-]*$/i.test(url.slice(0, split));
  const scheme = hasScheme ? url.slice(0, split + 3) : "";
  const rest = url.slice(scheme.length);
  const at = rest.lastIndexOf("@");
  const host = rest.slice(at + 1);
  // A comma in a password cuts it off from its host; what stands where a port should and is no number may be one.
  const port = host.startsWith("[") ? -1 : host.indexOf(":");
  const shown = port >= 0 && !/^\d*$/.test(host.slice(port + 1)) ? `${host.slice(0, port)}:***` : host;
  return `${scheme}${at >= 0 ? "***@" : ""}${shown}`;
}

function parseUrl(scheme: Scheme, rest: string): URL {
  try {
    return new URL(`${scheme}://${rest}`);
  } catch {
    // The platform's error repeats the text, which may hold a password.
    throw new InvalidArgumentError(`'servers' has an address that cannot be read: '${redacted(rest)}'`);
  }
}

function credentialsOf(url: URL): UrlCredentials | null {
  if (url.username === "" && url.password === "") return null;
  const first = decode(url.username);
  // A name without a password is a token, as in every NATS client.
  return url.password === "" ? { token: first } : { user: first, pass: decode(url.password) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray '%': meant as it stands
  }
}
