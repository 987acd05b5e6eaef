// What users give as servers: one URL or several, comma lists among them.

import { InvalidArgumentError } from "../errors.ts";
import { parseServerAddress, type Scheme, type ServerAddress } from "./address.ts";

/**
 * Reads all servers.
 *
 * @throws InvalidArgumentError for an address that cannot be read, an empty list, or web and other schemes together.
 */
export function readServers(servers: string | readonly string[], fallback: Scheme = "nats"): ServerAddress[] {
  const texts = (typeof servers === "string" ? [servers] : servers).flatMap((text) => text.split(","));
  const addresses = texts.filter((text) => text.trim() !== "").map((text) => parseServerAddress(text, fallback));
  if (addresses.length === 0) throw new InvalidArgumentError("'servers' is empty");
  const web = addresses.filter((address) => isWeb(address.scheme));
  if (web.length > 0 && web.length < addresses.length) {
    throw new InvalidArgumentError("'servers' mixes WebSocket addresses and others; a pool has one kind");
  }
  return addresses;
}

/** Whether the scheme goes over WebSocket. */
export function isWeb(scheme: Scheme): boolean {
  return scheme === "ws" || scheme === "wss";
}
