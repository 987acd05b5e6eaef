// What scripts/runtimes.mjs starts in each runtime: `main.js <server's URL>` prints the report of a session as JSON. The
// process has to end by itself afterwards, as the connection is closed.

import * as client from "@myelin/client";
import { runSession } from "./session.ts";

console.log(JSON.stringify(await runSession(client, process.argv[2] ?? "")));
