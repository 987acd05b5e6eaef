// What a command line of myelin-server does, for the programs that take one: bin/myelin-server.js and `myelin server`.
// Puts the real world and the real server together. The package's entry point "./program".

import { NodeClock, NodeNetwork, NodeRandom, sharedArena } from "@myelin/platform/node";
import { runProgram } from "./program.ts";
import { keepYoungHeapSmall } from "./young-heap.ts";

/**
 * Runs a server, or whatever else the command line asks for, as this process: takes its signals, sets its exit code and
 * ends it when the server has closed. Returns when the server is ready.
 *
 * @param args - The flags of nats-server, without the program itself.
 * @param programName - What the texts call it.
 */
export async function runServerProgram(args: readonly string[], programName: string): Promise<void> {
  keepYoungHeapSmall();
  const clock = new NodeClock();
  await runProgram(args, {
    programName,
    clock,
    openServer: async (options, logger, shutDown) => {
      const { Server } = await import("../server.ts");
      const random = new NodeRandom();
      return new Server(options, { clock, random, network: new NodeNetwork(), arena: sharedArena(), logger, shutDown });
    },
  });
}
