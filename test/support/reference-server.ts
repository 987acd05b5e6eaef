// Go's nats-server as a child process. Found by REFERENCE_SERVER or on the PATH; tests skip aloud without it.

import { startChild } from "./child-target.ts";
import { configurationOf } from "./configuration.ts";
import { findProgram } from "./find-program.ts";
import type { ReloadableServer, Target, TargetOptions } from "./target.ts";

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

  start(options: TargetOptions, port = -1): Promise<ReloadableServer> {
    return startChild({ program: this.#program, configText: configurationOf(options), port });
  }
}
