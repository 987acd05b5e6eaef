// Runs the ingest benchmark and prints it. Called by main.ts for `npm run bench -- ingest`.

import { describeEnvironment, environmentLines } from "../environment.ts";
import { INGEST_LOAD } from "../load-process.ts";
import { touchMemory } from "../memory.ts";
import { type BenchOptions, chooseWorkloads } from "../options.ts";
import { runAll, type WorkloadSamples } from "../run.ts";
import { figuresOf } from "../summary.ts";
import { alignedText, markdown } from "../table.ts";
import { aimTable, type IngestRow, ingestTables, judgeAims } from "./report.ts";
import { ingestServers } from "./servers.ts";
import type { IngestSpec } from "./spec.ts";
import { INGEST_SERVERS, INGEST_WORKLOADS, type IngestWorkload } from "./workloads.ts";

/** Compilers need it; longer for longer measurements. */
const WARMUP_MS = 500;
const WARMUP_SHARE = 0.3;

/** @returns What went wrong, for people; empty when nothing did. */
export async function measureIngest(options: BenchOptions): Promise<string[]> {
  const servers = ingestServers(options.servers[0]!);
  const measureMs = options.seconds * 1000 * (options.quick ? 0.5 : 1);
  const all = await runAll({
    workloads: chooseWorkloads(INGEST_WORKLOADS, options.workloads),
    servers,
    setup: options.setup,
    rounds: options.rounds,
    loadEntry: INGEST_LOAD,
    prepare: touchMemory,
    specOf: ({ load }, target): IngestSpec => ({
      target,
      load,
      measureMs,
      warmupMs: Math.max(WARMUP_MS, measureMs * WARMUP_SHARE),
    }),
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  const environment = await describeEnvironment(options.servers.slice(0, 1));
  const rows = all.map(toRow);
  const aims = judgeAims(rows);
  if (options.output === "json") {
    process.stdout.write(`${JSON.stringify({ environment, rows, aims, samples: all }, null, 2)}\n`);
  } else {
    const show = options.output === "markdown" ? markdown : alignedText;
    const head = [
      ...environmentLines(environment),
      `set ${options.set}, medians of ${options.rounds} round(s) of ${measureMs / 1000} s`,
    ];
    const tables = [...ingestTables(rows), ...(aims.length > 0 ? [aimTable(aims)] : [])];
    process.stdout.write(`${[head.join("\n"), ...tables.map(show)].join("\n\n")}\n`);
  }
  return all.flatMap(({ failures }) => failures);
}

function toRow({ workload, samples }: WorkloadSamples<IngestWorkload>): IngestRow {
  const [reference, referenceAlways, myelin, myelinLazy] = INGEST_SERVERS.map((_, which) => figuresOf(samples[which]!));
  return {
    workload: workload.name,
    group: workload.group,
    figures: {
      reference: reference!,
      "reference always": referenceAlways!,
      myelin: myelin!,
      "myelin lazy": myelinLazy!,
    },
  };
}
