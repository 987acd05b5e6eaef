// Myelin as people run it: the program, in a process of its own, configured by flags, and by a file where there is no flag.

import { startChild } from "./child-target.ts";
import { configurationOf } from "./configuration.ts";
import type { ReloadableServer, Target, TargetOptions } from "./target.ts";

/** Options that have a flag. */
const WITH_FLAG: ReadonlySet<string> = new Set(["user", "pass", "token"]);

/** The program `myelin-server`. */
export class MyelinProgram implements Target {
  readonly name = "myelin-server";

  async start(options: TargetOptions, port = -1): Promise<ReloadableServer> {
    const entries = [...options];
    const flags = Object.fromEntries(entries.filter(([name]) => WITH_FLAG.has(name)));
    const others = new Map(entries.filter(([name]) => !WITH_FLAG.has(name)));
    return startChild({ ...flags, ...(others.size > 0 && { configText: configurationOf(others) }), port });
  }
}
