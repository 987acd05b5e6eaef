// Entry of the benchmarks: reads the command line, measures, prints. Results go to standard output, progress to standard error.

import { CLIENT_JS_WORKLOADS } from "./client-js/workloads.ts";
import { describeEnvironment, type Environment, environmentLines } from "./environment.ts";
import { BenchError } from "./errors.ts";
import { measureIngest } from "./ingest/measure.ts";
import { INGEST_WORKLOADS } from "./ingest/workloads.ts";
import type { LoadTarget } from "./load/spec.ts";
import { CLIENT_JS_LOAD, CORE_LOAD } from "./load-process.ts";
import { type BenchOptions, chooseWorkloads, readOptions, USAGE, type WorkloadSet } from "./options.ts";
import { requireProc } from "./proc.ts";
import { type ReportRow, reportTables } from "./report.ts";
import { type RunnableWorkload, runAll, type WorkloadSamples } from "./run.ts";
import { measureStore } from "./store/measure.ts";
import { STORE_WORKLOADS } from "./store/workloads.ts";
import { compare, figuresOf } from "./summary.ts";
import { alignedText, markdown } from "./table.ts";
import { CORE_WORKLOADS, type Target } from "./workloads.ts";

const QUICK_SHARE = 0.4;
const WARMUP_SHARE = 0.2;

interface AnyWorkload extends RunnableWorkload {
  readonly group: string;
  readonly load: unknown;
  readonly count: number;
  /** The count is part of what is measured: a quick run takes all of it. */
  readonly isWhole?: boolean;
  readonly target: Target | null;
}

async function main(): Promise<void> {
  const request = readOptions(process.argv.slice(2), process.env);
  if (request.kind === "help") process.stdout.write(USAGE);
  else if (request.kind === "list") list(request.set);
  else await measure(request.options);
}

/** How each set is measured and printed; what goes wrong comes back as lines for people. */
const MEASURE: Readonly<Record<WorkloadSet, (options: BenchOptions) => Promise<string[]>>> = {
  core: measureServers,
  "client-js": measureServers,
  ingest: measureIngest,
  store: measureStore,
};

async function measure(options: BenchOptions): Promise<void> {
  requireProc();
  const failures = await MEASURE[options.set](options);
  for (const text of failures) {
    process.stderr.write(`FAILED ${text}\n`);
    process.exitCode = 1;
  }
}

function workloadsOf(set: WorkloadSet): readonly AnyWorkload[] {
  return set === "core" ? CORE_WORKLOADS : CLIENT_JS_WORKLOADS;
}

function list(set: WorkloadSet): void {
  const all = set === "ingest" ? INGEST_WORKLOADS : set === "store" ? STORE_WORKLOADS : workloadsOf(set);
  for (const { name, group } of all) process.stdout.write(`${name.padEnd(24)} ${group}\n`);
}

async function measureServers(options: BenchOptions): Promise<string[]> {
  const workloads = chooseWorkloads(workloadsOf(options.set), options.workloads);
  const environment = await describeEnvironment(options.servers);
  const all = await runAll({
    workloads,
    servers: options.servers,
    setup: options.setup,
    rounds: options.rounds,
    loadEntry: options.set === "core" ? CORE_LOAD : CLIENT_JS_LOAD,
    specOf: (workload, target) => loadSpec(workload, target, options.quick),
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  process.stdout.write(`${print(options, environment, all)}\n`);
  return all.flatMap(({ failures }) => failures);
}

function loadSpec({ load, count, isWhole }: AnyWorkload, target: LoadTarget, quick: boolean): unknown {
  const share = quick && isWhole !== true ? QUICK_SHARE : 1;
  return {
    target,
    load,
    count: Math.max(1, Math.round(count * share)),
    // Whole in quick runs, too: compilers need it.
    warmupCount: Math.max(1, Math.round(count * WARMUP_SHARE)),
  };
}

function print(options: BenchOptions, environment: Environment, all: WorkloadSamples<AnyWorkload>[]): string {
  const rows = all.map((each) => reportRow(options, each));
  if (options.output === "json") return JSON.stringify(jsonReport(options, environment, all, rows), null, 2);
  const tables = reportTables(rows, options.servers[0]!.name);
  const show = options.output === "markdown" ? markdown : alignedText;
  const rounds = `set ${options.set}, setup ${options.setup.name}, medians of ${options.rounds} round(s)`;
  const head = [
    ...environmentLines(environment),
    `${rounds}${options.quick ? ", quick: two fifths of the messages" : ""}`,
  ];
  const lines = options.output === "markdown" ? head.map((line) => `- ${line}`) : head;
  return [lines.join("\n"), ...tables.map(show)].join("\n\n");
}

function reportRow({ servers }: BenchOptions, { workload, samples }: WorkloadSamples<AnyWorkload>): ReportRow {
  return {
    workload: workload.name,
    group: workload.group,
    comparisons: servers
      .slice(1)
      .map((server, index) => compare(server.name, samples[index + 1]!, samples[0]!, workload.target)),
  };
}

function jsonReport(
  options: BenchOptions,
  environment: Environment,
  all: readonly WorkloadSamples<AnyWorkload>[],
  rows: readonly ReportRow[],
): unknown {
  return {
    environment,
    set: options.set,
    setup: options.setup.name,
    rounds: options.rounds,
    quick: options.quick,
    workloads: all.map(({ workload, samples, failures }, index) => ({
      name: workload.name,
      group: workload.group,
      load: workload.load,
      target: workload.target,
      failures,
      medians: options.servers.map(({ name }, which) => ({ server: name, ...figuresOf(samples[which]!) })),
      comparisons: rows[index]!.comparisons.map(({ server, ratios, cpuRatioRange, isMet }) => ({
        server,
        ratios,
        cpuRatioRange,
        isMet,
      })),
      samples: options.servers.map(({ name }, which) => ({ server: name, results: samples[which] })),
    })),
  };
}

// A run that is interrupted still ends its servers: they are stopped when this process exits.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

try {
  await main();
} catch (error) {
  if (!(error instanceof BenchError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.code === "USAGE" ? 2 : 1;
}
