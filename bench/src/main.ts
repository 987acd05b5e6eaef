// Entry of the benchmarks: reads the command line, measures, prints. Results go to standard output, progress to standard error.

import { CLIENT_JS_WORKLOADS } from "./client-js/workloads.ts";
import { describeEnvironment, type Environment, environmentLines } from "./environment.ts";
import { BenchError } from "./errors.ts";
import { CLIENT_JS_LOAD, CORE_LOAD } from "./load-process.ts";
import { type BenchOptions, chooseWorkloads, readOptions, USAGE, type WorkloadSet } from "./options.ts";
import { requireProc } from "./proc.ts";
import { type ReportRow, reportTables } from "./report.ts";
import { type RunnableWorkload, runAll, type WorkloadSamples } from "./run.ts";
import { compare, figuresOf } from "./summary.ts";
import { alignedText, markdown } from "./table.ts";
import { CORE_WORKLOADS, type Target } from "./workloads.ts";

const QUICK_SHARE = 0.4;

interface AnyWorkload extends RunnableWorkload {
  readonly group: string;
  readonly target: Target | null;
}

async function main(): Promise<void> {
  const request = readOptions(process.argv.slice(2), process.env);
  if (request.kind === "help") process.stdout.write(USAGE);
  else if (request.kind === "list") list(request.set);
  else await measure(request.options);
}

function workloadsOf(set: WorkloadSet): readonly AnyWorkload[] {
  return set === "core" ? CORE_WORKLOADS : CLIENT_JS_WORKLOADS;
}

function list(set: WorkloadSet): void {
  for (const { name, group, count } of workloadsOf(set))
    process.stdout.write(`${name.padEnd(20)} ${String(count).padStart(9)}  ${group}\n`);
}

async function measure(options: BenchOptions): Promise<void> {
  requireProc();
  const workloads = chooseWorkloads(workloadsOf(options.set), options.workloads);
  const environment = await describeEnvironment(options.servers);
  const all = await runAll({
    workloads,
    servers: options.servers,
    setup: options.setup,
    rounds: options.rounds,
    share: options.quick ? QUICK_SHARE : 1,
    loadEntry: options.set === "core" ? CORE_LOAD : CLIENT_JS_LOAD,
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  process.stdout.write(`${print(options, environment, all)}\n`);
  for (const text of all.flatMap(({ failures }) => failures)) {
    process.stderr.write(`FAILED ${text}\n`);
    process.exitCode = 1;
  }
}

function print(options: BenchOptions, environment: Environment, all: WorkloadSamples<AnyWorkload>[]): string {
  const rows = all.map((each) => reportRow(options, each));
  if (options.output === "json") return JSON.stringify(jsonReport(options, environment, all, rows), null, 2);
  const tables = reportTables(rows, options.servers[0].name);
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
