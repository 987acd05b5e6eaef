// npm run bench -- <arguments>: builds, then runs the end-to-end workloads of `bench/` with the arguments.

import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { runProgram } from "./lib/run.mjs";

await build().catch(fail);
runProgram("bench/dist/main.js", process.argv.slice(2));
