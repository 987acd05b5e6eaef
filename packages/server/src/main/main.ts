// The program myelin-server: what bin/myelin-server.js runs. Puts the real world and the real server together.

import { NodeClock, NodeNetwork, NodeRandom, sharedArena } from "@myelin/platform/node";
import { runProgram } from "./program.ts";
import { programNameOf } from "./program-name.ts";
import { keepYoungHeapSmall } from "./young-heap.ts";

keepYoungHeapSmall();
const clock = new NodeClock();

await runProgram(process.argv.slice(2), {
  programName: programNameOf({
    named: process.env["MYELIN_PROGRAM_NAME"],
    argv0: process.argv0,
    script: process.argv[1],
    execPath: process.execPath,
  }),
  clock,
  openServer: async (options, logger) => {
    const { Server } = await import("../server.ts");
    const outside = { clock, random: new NodeRandom(), network: new NodeNetwork(), arena: sharedArena(), logger };
    return new Server(options, outside);
  },
});
