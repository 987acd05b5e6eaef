// Which pages may open a WebSocket here. A browser says in `Origin` where the page is from, and a page cannot change that, so
// this keeps foreign pages from using a visitor's cookies or his place in the network. Programs send no Origin and are let in
// (RFC 6455, section 1.6). The rules are the reference's (websocket.go checkOrigin).

import { splitHostPort } from "../../address.ts";

/** An origin as options give it and browsers send it. */
export interface Origin {
  readonly scheme: string;
  /** In lower case. */
  readonly host: string;
  /** The scheme's own port where none is given. */
  readonly port: string;
}

/** What a request says about where it is from, and where it was sent. */
export interface OriginRequest {
  /** The `Origin`, or `Sec-WebSocket-Origin`; undefined without one. */
  readonly origin: string | undefined;
  /** The `Host`. */
  readonly host: string;
  /** Whether it came by TLS. */
  readonly isSecure: boolean;
}

/**
 * Reads an origin.
 *
 * @throws Error with the reference's words when it is none.
 */
export function parseOrigin(text: string): Origin {
  if (text === "") throw new Error('parse "": empty url');
  if (Array.from(text).some((character) => character < " " || character === "\u007f")) {
    throw new Error(`parse ${JSON.stringify(text)}: net/url: invalid control character in URL`);
  }
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?/.exec(text);
  if (match === null && !text.startsWith("/"))
    throw new Error(`parse ${JSON.stringify(text)}: invalid URI for request`);
  const scheme = (match?.[1] ?? "").toLowerCase();
  const authority = match?.[2] ?? "";
  const place = authority.slice(authority.lastIndexOf("@") + 1);
  const problem = problemOfPlace(place);
  if (problem !== null) throw new Error(`parse ${JSON.stringify(text)}: ${problem}`);
  const { host, port } = hostAndPort(place, scheme === "https");
  return { scheme, host, port };
}

/** What is wrong with the host and the port of a URL, in the words of Go's package; null when nothing is. */
function problemOfPlace(place: string): string | null {
  if (place.startsWith("[") && !place.includes("]")) return "missing ']' in host";
  const end = place.startsWith("[") ? place.lastIndexOf("]") + 1 : place.lastIndexOf(":");
  const port = end < 0 ? "" : place.slice(end);
  if (!/^(?::[0-9]*)?$/.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
  const escape = /%(?![89A-Fa-f][0-9A-Fa-f])..?/.exec(place)?.[0];
  if (escape !== undefined) return `invalid URL escape ${JSON.stringify(escape)}`;
  const character = /[\s\\^`{|}]/.exec(place)?.[0];
  return character === undefined ? null : `invalid character ${JSON.stringify(character)} in host name`;
}

/**
 * Reads one of the origins that options allow.
 *
 * @throws Error with the reference's words when it cannot be one.
 */
export function parseAllowedOrigin(text: string): Origin {
  let origin: Origin;
  try {
    origin = parseOrigin(text);
  } catch (error) {
    throw new Error(`unable to parse allowed origin: ${(error as Error).message}`, { cause: error });
  }
  const shown = JSON.stringify(text);
  if (origin.scheme !== "http" && origin.scheme !== "https") {
    const rule = "allowed origins must be absolute URLs with http or https scheme";
    throw new Error(`unable to parse allowed origin ${shown}: ${rule}`);
  }
  if (origin.host === "") throw new Error(`unable to parse allowed origin ${shown}: host is required`);
  return origin;
}

/** The pages that a server takes WebSockets from. */
export class OriginRules {
  readonly #sameOrigin: boolean;
  readonly #allowed: readonly Origin[];

  /** @param allowed - None: every origin. Each has been read by {@link parseAllowedOrigin} before. */
  constructor(sameOrigin: boolean, allowed: readonly string[]) {
    this.#sameOrigin = sameOrigin;
    this.#allowed = allowed.map(parseAllowedOrigin);
  }

  /** @returns Why the request is refused; null when it is not. */
  refusalOf(request: OriginRequest): string | null {
    if ((!this.#sameOrigin && this.#allowed.length === 0) || !request.origin) return null;
    try {
      return this.#judge(parseOrigin(request.origin), request);
    } catch (error) {
      return (error as Error).message;
    }
  }

  #judge(origin: Origin, { host, isSecure }: OriginRequest): string | null {
    if (this.#sameOrigin) {
      const own = hostAndPort(host, isSecure);
      const isSame =
        origin.host === own.host && origin.port === own.port && origin.scheme === (isSecure ? "https" : "http");
      if (!isSame) return "not same origin";
    }
    if (this.#allowed.length === 0) return null;
    const isAllowed = this.#allowed.some(
      (each) => each.host === origin.host && each.scheme === origin.scheme && each.port === origin.port,
    );
    return isAllowed ? null : "not in the allowed list";
  }
}

function hostAndPort(address: string, isSecure: boolean): { host: string; port: string } {
  const parts = splitHostPort(address);
  if (parts !== null) return { host: parts.host.toLowerCase(), port: parts.port };
  if ((address.match(/:/g) ?? []).length > 1 && !/^\[[^[\]]*\]$/.test(address)) {
    throw new Error(`address ${address}: too many colons in address`);
  }
  return { host: address.toLowerCase(), port: isSecure ? "443" : "80" };
}
