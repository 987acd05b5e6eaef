// npm run golden: builds, then rewrites the expected parts of the transcripts from what the server does now. Review the
// difference like code.

import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { runProgram } from "./lib/run.mjs";

await build().catch(fail);
runProgram("test/dist/golden-main.js", process.argv.slice(2));
