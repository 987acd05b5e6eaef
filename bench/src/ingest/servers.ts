// The commands of the four servers: the reference without and with syncs, and this checkout's core server with the streams of
// ingest.ts, synced and lazy. Each has its data in a folder of its own below the system's folder for temporary files,
// which has to be on a real disk.

import { fileURLToPath } from "node:url";
import type { ServerCommand } from "../command.ts";

const SERVER_ENTRY = fileURLToPath(new URL("./server-main.js", import.meta.url));
/** The reference's default interval, for the lazy mode of ours. */
const LAZY_MS = "120000";

function reference(base: ServerCommand, name: string, syncLine: string): ServerCommand {
  return { ...base, name, configuration: `jetstream { store_dir: "{folder}"${syncLine} }\n` };
}

function myelin(name: string, sync: string): ServerCommand {
  const args = [SERVER_ENTRY, "--port", "{port}", "--store", "{folder}", "--sync", sync];
  return { name, program: process.execPath, args, environment: {}, takesPort: true };
}

/** The four, in the order of `INGEST_SERVERS`. */
export function ingestServers(base: ServerCommand): readonly ServerCommand[] {
  return [
    reference(base, "reference", ""),
    reference(base, "reference always", ", sync_interval: always"),
    myelin("myelin", "always"),
    myelin("myelin lazy", LAZY_MS),
  ];
}
