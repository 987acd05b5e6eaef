// Runs worlds of scenarios against a server until enough cases have been looked at.

import { SimRandom } from "@myelin/platform/sim";
import { startServer } from "@myelin/testing";
import type { RunningServer } from "../support/target.ts";
import { inProcess } from "../support/wire.ts";
import type { Reading } from "./oracle.ts";
import { playScenario } from "./play.ts";
import { configurationOf, type Scenario, WorldMaker } from "./world.ts";

const SCENARIOS_PER_WORLD = 40;

/** Starts a server with a configuration. */
export type StartServer = (configText: string) => Promise<RunningServer>;

/** Myelin in this process, without sockets. */
export async function startInProcess(configText: string): Promise<RunningServer> {
  const server = await startServer({ run: "in-process", configText, listen: false, keepLog: false });
  const wires = inProcess(() => server.connectInProcess());
  return { host: server.host, port: 0, webSocketPort: null, wires, stop: () => server.close() };
}

/**
 * Looks at `cases` cases or a few more.
 *
 * @returns How many there were. Rejects with the scenario and what was wrong in it.
 */
export async function runCases(seed: number, cases: number, start: StartServer, reading: Reading): Promise<number> {
  let done = 0;
  for (let world = seed; done < cases; world++) {
    const scenarios = new WorldMaker(new SimRandom(world)).scenarios(SCENARIOS_PER_WORLD);
    const server = await start(configurationOf(scenarios));
    try {
      for (const scenario of scenarios) {
        const outcome = await playScenario(scenario, server, reading);
        if (outcome.faults.length > 0) throw new Error(faultText(world, scenario, outcome.faults));
        done += outcome.cases;
        if (done >= cases) break;
      }
    } finally {
      await server.stop();
    }
  }
  return done;
}

function faultText(world: number, scenario: Scenario, faults: readonly string[]): string {
  return `world ${world}, account ${scenario.account}:\n  ${faults.join("\n  ")}\n${configurationOf([scenario])}`;
}
