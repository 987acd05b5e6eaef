// Myelin as people run it: the program, in a process of its own, configured by flags.

import { startChild } from "./child-target.ts";
import type { ReloadableServer, Target, TargetOptions } from "./target.ts";

/** Options that have a flag. */
const WITH_FLAG: ReadonlySet<string> = new Set(["user", "pass", "token"]);

/** The program `myelin-server`. */
export class MyelinProgram implements Target {
  readonly name = "myelin-server";

  async start(options: TargetOptions, port = -1): Promise<ReloadableServer> {
    for (const name of options.keys()) {
      if (!WITH_FLAG.has(name)) throw new Error(`the option ${name} has no flag`);
    }
    return startChild({ ...Object.fromEntries(options), port });
  }
}
