// npm start -- <flags>: installs and builds when that is needed, then is the server: same process, so signals, output and the
// exit code are the server's own. Flags are those of myelin-server.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { ROOT } from "./lib/repo.mjs";
import { startFlags } from "./lib/start-flags.mjs";

const PROGRAM = join(ROOT, "packages/server/bin/myelin-server.js");

await build().catch(fail);
if (!existsSync(PROGRAM)) fail(new Error(`There is no server at ${PROGRAM}`));
process.argv = [process.execPath, PROGRAM, ...startFlags(process.argv.slice(2))];
await import(pathToFileURL(PROGRAM).href);
