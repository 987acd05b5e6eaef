// Where and when a measurement was made, so that its figures can be read later.

import { execFile } from "node:child_process";
import { arch, cpus, release, type as systemType, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import type { ServerCommand } from "./command.ts";

export interface Environment {
  readonly date: string;
  readonly machine: string;
  readonly system: string;
  readonly node: string;
  /** Revision of this repository, with `+changes` when files differ from it. */
  readonly commit: string;
  /** What each server says about its version. */
  readonly servers: readonly { readonly name: string; readonly version: string }[];
}

const UNKNOWN = "unknown";
const ANSWER_MS_MAX = 5_000;
const GIB = 1024 ** 3;

export async function describeEnvironment(servers: readonly ServerCommand[]): Promise<Environment> {
  const processors = cpus();
  const memory = `${(totalmem() / GIB).toFixed(0)} GiB`;
  return {
    date: new Date().toISOString(),
    machine: `${processors.length} x ${processors[0]?.model.trim() ?? UNKNOWN}, ${memory}`,
    system: `${systemType()} ${release()} ${arch()}`,
    node: process.version,
    commit: await currentCommit(),
    servers: await Promise.all(
      servers.map(async (server) => ({ name: server.name, version: await versionOf(server) })),
    ),
  };
}

/** The environment as lines for people. */
export function environmentLines({ date, machine, system, node, commit, servers }: Environment): string[] {
  const versions = servers.map(({ name, version }) => `${name}: ${version}`).join("; ");
  return [`${date}, commit ${commit}, Node ${node}`, `${machine}, ${system}`, versions];
}

async function currentCommit(): Promise<string> {
  const folder = fileURLToPath(new URL(".", import.meta.url));
  const revision = await firstLine("git", ["-C", folder, "rev-parse", "--short", "HEAD"]);
  if (revision === null) return UNKNOWN;
  const changes = await firstLine("git", ["-C", folder, "status", "--porcelain"]);
  return changes === null || changes === "" ? revision : `${revision}+changes`;
}

async function versionOf({ program, args, takesPort }: ServerCommand): Promise<string> {
  // Only a server with the reference's flags is known to have this one.
  const version = takesPort ? null : await firstLine(program, [...args, "--version"]);
  return version ?? UNKNOWN;
}

/** First line of a program's output; null when it cannot be run or fails. */
function firstLine(program: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: ANSWER_MS_MAX }, (error, stdout) => {
      resolve(error === null ? stdout.split("\n", 1)[0]!.trim() : null);
    });
  });
}
