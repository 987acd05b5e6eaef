// Runs workloads on several servers in turns: within a round every server has its go at a workload before the next
// workload comes, and the one that begins changes from round to round.

import type { ServerCommand } from "./command.ts";
import { BenchError } from "./errors.ts";
import type { LoadResult, LoadTarget } from "./load/spec.ts";
import { runLoad } from "./load-process.ts";
import { startServer } from "./server-process.ts";
import type { Setup } from "./setups.ts";

/** A workload as the runner sees it: what to do is the generator's business. */
export interface RunnableWorkload {
  readonly name: string;
}

export interface RunPlan<W extends RunnableWorkload> {
  readonly workloads: readonly W[];
  /** The reference first. */
  readonly servers: readonly ServerCommand[];
  readonly setup: Setup;
  readonly rounds: number;
  /** Compiled entry of the load generator. */
  readonly loadEntry: string;
  /** What the load generator is told. */
  readonly specOf: (workload: W, target: LoadTarget) => unknown;
  /** Called before each measurement, before its server starts. */
  readonly prepare?: () => Promise<void>;
  /** Hears what is about to be measured. */
  readonly progress: (text: string) => void;
}

/** One measurement; null when the load failed, which {@link WorkloadSamples.failures} tells about. */
export type Sample = LoadResult | null;

/** All measurements of one workload: per server, in the order of {@link RunPlan.servers}, one sample per round. */
export interface WorkloadSamples<W extends RunnableWorkload> {
  readonly workload: W;
  readonly samples: readonly (readonly Sample[])[];
  /** What went wrong, for people. */
  readonly failures: readonly string[];
}

/**
 * Measures everything. A fresh server for each measurement, so that memory is that workload's own.
 * A load that fails does not stop the others; what it said is kept.
 * @throws BenchError `NO_SERVER` when a server does not start.
 */
export async function runAll<W extends RunnableWorkload>(plan: RunPlan<W>): Promise<WorkloadSamples<W>[]> {
  const all = plan.workloads.map((workload) => ({
    workload,
    samples: plan.servers.map((): Sample[] => []),
    failures: [] as string[],
  }));
  for (let round = 0; round < plan.rounds; round++) {
    for (const { workload, samples, failures } of all) {
      for (let turn = 0; turn < plan.servers.length; turn++) {
        const which = (turn + round) % plan.servers.length;
        const server = plan.servers[which]!;
        plan.progress(`round ${round + 1} of ${plan.rounds}: ${workload.name} on ${server.name}`);
        const fail = (text: string): void => void failures.push(`${workload.name} on ${server.name}: ${text}`);
        samples[which]!.push(await measure(plan, server, workload, fail));
      }
    }
  }
  return all;
}

async function measure<W extends RunnableWorkload>(
  plan: RunPlan<W>,
  command: ServerCommand,
  workload: W,
  fail: (text: string) => void,
): Promise<Sample> {
  await plan.prepare?.();
  const server = await startServer(command, plan.setup);
  try {
    const { connect, tls, webSocket } = plan.setup;
    const target = { host: server.host, port: server.port, serverPid: server.pid, connect, tls, webSocket };
    return await runLoad(plan.loadEntry, plan.specOf(workload, target));
  } catch (error) {
    if (!(error instanceof BenchError) || error.code !== "LOAD_FAILED") throw error;
    fail(error.message);
    return null;
  } finally {
    await server.stop();
  }
}
