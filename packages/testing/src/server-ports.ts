// The ports that a server listens on, by what is served there: what nats-server writes into its ports file.

/** Ports by service. A service that is off, or that the server does not write down, has none. */
export interface ServerPorts {
  /** Clients. */
  readonly nats: readonly number[];
  /** HTTP monitoring. */
  readonly monitoring: readonly number[];
  /** Routes of other servers. */
  readonly cluster: readonly number[];
  /** Go's profiler. */
  readonly profile: readonly number[];
  readonly websocket: readonly number[];
}

/** A server that does not listen. */
export const NO_PORTS: ServerPorts = Object.freeze({
  nats: Object.freeze([]),
  monitoring: Object.freeze([]),
  cluster: Object.freeze([]),
  profile: Object.freeze([]),
  websocket: Object.freeze([]),
});

/**
 * Reads a ports file. A server that listens on every address writes a URL for each: their port stands here once.
 *
 * @throws SyntaxError when it is no JSON, TypeError when an entry is no URL with a port.
 */
export function parsePortsFile(text: string): ServerPorts {
  const services = JSON.parse(text) as Partial<Record<keyof ServerPorts, readonly string[]>>;
  return {
    nats: portsOf(services.nats),
    monitoring: portsOf(services.monitoring),
    cluster: portsOf(services.cluster),
    profile: portsOf(services.profile),
    websocket: portsOf(services.websocket),
  };
}

function portsOf(urls: readonly string[] = []): readonly number[] {
  return [...new Set(urls.map(portOf))];
}

function portOf(url: string): number {
  // Not URL's own port: it hides one that is the scheme's default, such as 80 for http.
  const port = /:(\d+)$/.exec(url)?.[1];
  if (port === undefined) throw new TypeError(`A ports file names ${JSON.stringify(url)}, which is no URL with a port`);
  return Number(port);
}
