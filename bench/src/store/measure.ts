// Runs the store benchmark and prints it. Called by main.ts for `npm run bench -- store`. Engines take turns at each workload, each
// in a process of its own.

import { fileURLToPath } from "node:url";
import { describeEnvironment, environmentLines } from "../environment.ts";
import { BenchError } from "../errors.ts";
import { runProcess } from "../load-process.ts";
import { touchMemory } from "../memory.ts";
import { type BenchOptions, chooseWorkloads } from "../options.ts";
import { startServer } from "../server-process.ts";
import { median } from "../statistics.ts";
import { alignedText, markdown } from "../table.ts";
import { installLmdb } from "./lmdb-package.ts";
import type { ReplayResult, ReplaySpec } from "./replay-main.ts";
import { judgeStoreAims, type StoreRow, storeTables } from "./report.ts";
import { ENGINE_NAMES, type EngineName, type StoreJob, type StoreResult, type StoreSpec } from "./spec.ts";
import { READ_WORKLOAD, STORE_WORKLOADS, type StoreWorkload } from "./workloads.ts";

const JOB_ENTRY = fileURLToPath(new URL("./job-main.js", import.meta.url));
const REPLAY_ENTRY = fileURLToPath(new URL("./replay-main.js", import.meta.url));
const REPLAY_PAYLOAD_BYTES = 128;
const SQLITE_NODE_MAJOR = 22;

/** Which engines there are here; the others are named with the reason. */
interface Engines {
  readonly names: readonly EngineName[];
  readonly lmdbFolder: string | null;
  readonly skipped: readonly string[];
}

/** @returns What went wrong, for people; empty when nothing did. */
export async function measureStore(options: BenchOptions): Promise<string[]> {
  const tell = (text: string): void => void process.stderr.write(`${text}\n`);
  const engines = findEngines();
  const skipped = [...engines.skipped];
  const rows: StoreRow[] = [];
  const failures: string[] = [];
  for (const workload of chooseWorkloads(STORE_WORKLOADS, options.workloads)) {
    const job = fullJob(workload, options);
    const names = job.kind === "append" ? engines.names : engines.names.filter((name) => name !== "disk");
    const samples = new Map<EngineName, StoreResult[]>(names.map((name) => [name, []]));
    const replays: ReplayResult[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const engine of turns(names, round)) {
        tell(`round ${round + 1} of ${options.rounds}: ${workload.name} on ${engine}`);
        const spec: StoreSpec = { engine, job, lmdbFolder: engines.lmdbFolder };
        await touchMemory();
        const result = await attempt<StoreResult>(JOB_ENTRY, spec, `${workload.name} on ${engine}`, failures);
        if (result !== null) samples.get(engine)!.push(result);
      }
      if (workload.name !== READ_WORKLOAD) continue;
      const [reference] = options.servers;
      if (reference === undefined) continue;
      tell(`round ${round + 1} of ${options.rounds}: replay by ${reference.name}`);
      const replay = await measureReplay(options, failures);
      if (replay !== null) replays.push(replay);
    }
    if (workload.name === READ_WORKLOAD && options.servers.length === 0)
      skipped.push("reference: no nats-server was found, so its replay is not measured");
    rows.push(toRow(workload, samples, replays));
  }
  await print(options, rows, skipped);
  return failures;
}

function findEngines(): Engines {
  const skipped: string[] = [];
  const names: EngineName[] = [...ENGINE_NAMES];
  const lmdb = installLmdb();
  if ("absent" in lmdb) {
    skipped.push(`lmdb: ${lmdb.absent}`);
    names.splice(names.indexOf("lmdb"), 1);
  }
  if (Number(process.versions.node.split(".")[0]) < SQLITE_NODE_MAJOR) {
    skipped.push(`sqlite: Node ${process.versions.node} has no node:sqlite, which came with ${SQLITE_NODE_MAJOR}`);
    names.splice(names.indexOf("sqlite"), 1);
  }
  return { names, lmdbFolder: "folder" in lmdb ? lmdb.folder : null, skipped };
}

function fullJob({ job }: StoreWorkload, { seconds, quick, records }: BenchOptions): StoreJob {
  const share = quick ? 0.5 : 1;
  if (job.kind === "append") return { ...job, measureMs: seconds * 1000 * share };
  return { ...job, records: Math.round(records * share) };
}

/** Another engine begins in each round. */
function turns(names: readonly EngineName[], round: number): EngineName[] {
  return names.map((_, turn) => names[(turn + round) % names.length]!);
}

async function measureReplay(options: BenchOptions, failures: string[]): Promise<ReplayResult | null> {
  const command = { ...options.servers[0]!, configuration: `jetstream { store_dir: "{folder}" }\n` };
  const server = await startServer(command, options.setup);
  try {
    const spec: ReplaySpec = {
      target: {
        host: server.host,
        port: server.port,
        serverPid: server.pid,
        connect: options.setup.connect,
        tls: options.setup.tls,
        webSocket: options.setup.webSocket,
      },
      records: Math.round(options.records * (options.quick ? 0.5 : 1)),
      payloadBytes: REPLAY_PAYLOAD_BYTES,
    };
    return await attempt<ReplayResult>(REPLAY_ENTRY, spec, `replay by ${command.name}`, failures);
  } finally {
    await server.stop();
  }
}

async function attempt<Result>(entry: string, spec: unknown, what: string, failures: string[]): Promise<Result | null> {
  try {
    return await runProcess<Result>(entry, spec);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    failures.push(`${what}: ${error.message}`);
    return null;
  }
}

function toRow(
  { name, group }: StoreWorkload,
  samples: ReadonlyMap<EngineName, readonly StoreResult[]>,
  replays: readonly ReplayResult[],
): StoreRow {
  const engines = [...samples].map(([engine, results]) => {
    const of = (value: (result: StoreResult) => number | null): number | null => {
      const values = results.map(value).filter((each) => each !== null);
      return values.length === 0 ? null : median(values);
    };
    return {
      engine,
      perSecond: of(({ perSecond }) => perSecond),
      cpuMicros: of(({ cpuMicros }) => cpuMicros),
      p50Micros: of(({ p50Micros }) => p50Micros),
      p99Micros: of(({ p99Micros }) => p99Micros),
      firstMatchMicros: of(({ firstMatchMicros }) => firstMatchMicros),
      nextMatchMicros: of(({ nextMatchMicros }) => nextMatchMicros),
    };
  });
  const replay =
    replays.length === 0
      ? null
      : {
          pushPerSecond: median(replays.map(({ pushPerSecond }) => pushPerSecond)),
          directPerSecond: median(replays.map(({ directPerSecond }) => directPerSecond)),
        };
  return { workload: name, group, engines, replay };
}

async function print(options: BenchOptions, rows: readonly StoreRow[], skipped: readonly string[]): Promise<void> {
  const environment = await describeEnvironment(options.servers.slice(0, 1));
  const aims = judgeStoreAims(rows);
  if (options.output === "json") {
    process.stdout.write(`${JSON.stringify({ environment, skipped, rows, aims }, null, 2)}\n`);
    return;
  }
  const head = [
    ...environmentLines(environment),
    `set ${options.set}, medians of ${options.rounds} round(s), appends ${options.seconds} s each, ${options.records} records to read${options.quick ? ", quick: half of both" : ""}`,
    ...skipped.map((text) => `skipped: ${text}`),
  ];
  const show = options.output === "markdown" ? markdown : alignedText;
  process.stdout.write(`${[head.join("\n"), ...storeTables(rows, aims).map(show)].join("\n\n")}\n`);
}
