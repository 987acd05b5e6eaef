// Myelin as people run it: the program, in a process of its own, configured by flags.

import { fileURLToPath } from "node:url";
import { startProgram } from "./program-server.ts";
import type { RunningServer, Target, TargetOptions } from "./target.ts";

/** Seen from the compiled file. */
const PROGRAM = fileURLToPath(new URL("../../../packages/server/bin/myelin-server.js", import.meta.url));
const FLAGS = new Map([
  ["user", "--user"],
  ["pass", "--pass"],
  ["token", "--auth"],
]);

/** The program `myelin-server`. */
export class MyelinProgram implements Target {
  readonly name = "myelin-server";

  start(options: TargetOptions, port = -1): Promise<RunningServer> {
    const args = ["-a", "127.0.0.1", "-p", String(port)];
    for (const [name, value] of options) {
      const flag = FLAGS.get(name);
      if (flag === undefined) throw new Error(`the option ${name} has no flag`);
      args.push(flag, value);
    }
    return startProgram([process.execPath, PROGRAM], () => Promise.resolve(args));
  }
}
