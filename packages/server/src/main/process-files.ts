// The files by which launchers find a server: the pid file, a bare number without a newline, and the ports file,
//
//   <ports_file_dir>/<program>_<pid>.ports      {"nats":["nats://127.0.0.1:4222"]}
//
// The pid file stays when the server stops, as the reference's does; the ports file goes.

import { renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPort } from "../net/listener.ts";

/** Addresses by what is served there; a service that is off is left out. */
export interface Ports {
  readonly nats: readonly string[];
  readonly monitoring?: readonly string[];
  readonly cluster?: readonly string[];
  readonly websocket?: readonly string[];
}

/**
 * Writes the pid file, over what is there.
 *
 * @throws The platform's error.
 */
export function writePidFile(path: string, pid: number): void {
  writeFileSync(path, String(pid), { mode: 0o600 });
}

/** Where the ports file of a process stands. */
export function portsFilePath(folder: string, programName: string, pid: number): string {
  return join(folder, `${programName}_${pid}.ports`);
}

/**
 * Writes a ports file so that who finds it finds all of it: launchers poll for the name and read at once.
 *
 * @throws The platform's error; nothing is left behind then.
 */
export function writePortsFile(path: string, ports: Ports): void {
  const half = `${path}.tmp`;
  try {
    writeFileSync(half, JSON.stringify(ports));
    renameSync(half, path);
  } catch (error) {
    rmSync(half, { force: true });
    throw error;
  }
}

/** @throws The platform's error, also when there is no such file. */
export function removePortsFile(path: string): void {
  unlinkSync(path);
}

/** The machine's addresses, as far as the files need them. */
export interface Addresses {
  /** Of every interface, loopback included. */
  all(): readonly string[];
  /** The address that a name leads to first. */
  lookup(name: string): Promise<string>;
}

/**
 * The URLs at which a listener can be reached: one per address of the machine where it listens on all of them.
 *
 * @param host - What was listened on: an address or a name.
 * @param port - The real one.
 */
export async function reachableUrls(
  scheme: string,
  host: string,
  port: number,
  addresses: Addresses,
): Promise<readonly string[]> {
  const everywhere = host === "0.0.0.0" || host === "::";
  const hosts = everywhere ? addresses.all() : [await addresses.lookup(host)];
  return hosts.map((address) => `${scheme}://${hostPort(address, port)}`);
}
