// npm run golden [-- part-of-a-name ...]: builds, then records the transcripts and the probe anew from the reference server.
// Review the difference like code.

import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { findReferenceServer } from "./lib/reference-server.mjs";
import { runProgram } from "./lib/run.mjs";

await build().catch(fail);
const server = await findReferenceServer().catch(fail);
if (server === null)
  fail(new Error("There is no reference server here: node scripts/reference-server.mjs fetches one"));
process.env["REFERENCE_SERVER"] = server;
runProgram("test/dist/transcripts/golden.js", process.argv.slice(2));
runProgram("test/dist/probe/golden.js", process.argv.slice(2));
