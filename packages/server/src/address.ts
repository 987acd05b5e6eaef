// Addresses as people write them: `host:port`, `[::1]:port`.

/** Both halves as they were written; an empty one was left out. */
export interface AddressParts {
  /** Without brackets. */
  readonly host: string;
  readonly port: string;
}

/** Splits at the colon before the port; null for a text without one, or with too many. */
export function splitHostPort(address: string): AddressParts | null {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(address);
  return match === null ? null : { host: match[1] ?? match[2] ?? "", port: match[3] as string };
}

/**
 * Reads an address that is told to others, `host` or `host:port`.
 *
 * @param defaultPort - For an address without a port, or with port 0 or -1.
 * @returns Null when it has no host or no port that can be.
 */
export function parseAdvertised(address: string, defaultPort: number): { host: string; port: number } | null {
  const parts = /^[^:[\]]+$/.test(address) ? { host: address, port: "0" } : splitHostPort(address);
  if (parts === null || parts.host === "" || !/^(?:-1|\d{1,5})$/.test(parts.port)) return null;
  const port = Number(parts.port);
  return port > 65_535 ? null : { host: parts.host, port: port > 0 ? port : defaultPort };
}
