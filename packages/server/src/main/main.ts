// The program myelin-server: what bin/myelin-server.js runs.

import { programNameOf } from "./program-name.ts";
import { runServerProgram } from "./run.ts";

const programName = programNameOf({
  named: process.env["MYELIN_PROGRAM_NAME"],
  argv0: process.argv0,
  script: process.argv[1],
  execPath: process.execPath,
});

await runServerProgram(process.argv.slice(2), programName);
