// Go's nats-server as a child process. Found by REFERENCE_SERVER or on the PATH; tests skip aloud without it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram, startProgram } from "./program-server.ts";
import type { RunningServer, Target, TargetOptions } from "./target.ts";

/** Directives that stand in the `authorization` block: option name to directive. */
const AUTHORIZATION = new Map([
  ["user", "user"],
  ["pass", "password"],
  ["token", "token"],
  ["auth_timeout", "timeout"],
]);

/**
 * The path of the reference server: `REFERENCE_SERVER`, or `nats-server` on the PATH.
 *
 * @returns Null when there is none.
 */
export function findReferenceServer(): string | null {
  return findProgram("REFERENCE_SERVER", "nats-server");
}

/** Go's nats-server, the one whose behaviour the transcripts record. */
export class ReferenceServer implements Target {
  readonly name = "nats-server";
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  start(options: TargetOptions, port = -1): Promise<RunningServer> {
    return startProgram([this.#program], async (folder) => {
      const config = join(folder, "server.conf");
      await writeFile(config, configurationOf(options, port));
      return ["-c", config];
    });
  }
}

function configurationOf(options: TargetOptions, port: number): string {
  const lines = [`listen: "127.0.0.1:${port}"`];
  const authorization: string[] = [];
  for (const [name, value] of options) {
    const directive = AUTHORIZATION.get(name);
    if (directive === undefined) lines.push(`${name}: ${value}`);
    else authorization.push(`  ${directive}: ${directive === "timeout" ? value : JSON.stringify(value)}`);
  }
  if (authorization.length > 0) lines.push("authorization {", ...authorization, "}");
  return `${lines.join("\n")}\n`;
}
