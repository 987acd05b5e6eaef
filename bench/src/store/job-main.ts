// The process that measures one engine at one job: takes a StoreSpec as its only argument, prints a StoreResult as one line of
// JSON. The data is in a folder of its own below the system's folder for temporary files, which has to be on a real disk.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BenchError } from "../errors.ts";
import { percentile } from "../statistics.ts";
import { openDisk } from "./disk-engine.ts";
import { type Engine, makePayload, touch } from "./engine.ts";
import { openLmdb } from "./lmdb-engine.ts";
import { openMyelin } from "./myelin-engine.ts";
import {
  type AppendJob,
  RARE_SUBJECT,
  type ReadJob,
  type StoreResult,
  type StoreSpec,
  SUBJECT_PREFIX,
} from "./spec.ts";
import { openSqlite } from "./sqlite-engine.ts";

const MICROS_PER_MS = 1e3;
const MS_PER_SECOND = 1e3;
const FILL_BATCH = 4096;
const FILL_PAYLOAD_BYTES = 128;
const GETS = 50_000;
/** Coprime to any number of records that is a power of ten: walks over all of them. */
const GET_STRIDE = 7919;
const MATCHES = 2_000;
const WARMUP_SHARE = 0.5;

function open({ engine, job, lmdbFolder }: StoreSpec, folder: string): Promise<Engine> | Engine {
  const streams = job.kind === "append" ? job.streams : 1;
  const payloadBytes = job.kind === "append" ? job.payloadBytes : FILL_PAYLOAD_BYTES;
  if (engine === "myelin") return openMyelin(folder, streams, payloadBytes);
  if (engine === "lmdb") return openLmdb(folder, streams, payloadBytes, lmdbFolder!);
  if (engine === "disk") return openDisk(folder, payloadBytes);
  return openSqlite(folder, streams, payloadBytes);
}

function subjectNames(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => Buffer.from(`${SUBJECT_PREFIX}${i}`));
}

/** Appends batches for a time, so many of them under way at once. @returns How long each took. */
async function runBatches(engine: Engine, job: AppendJob, names: Buffer[], ms: number): Promise<Float64Array> {
  const latencies: number[] = [];
  const endMs = performance.now() + ms;
  let next = 0;
  const work = async (): Promise<void> => {
    for (let startMs = performance.now(); startMs < endMs; ) {
      for (let i = 0; i < job.batch; i++, next++) engine.append(next % job.streams, names[next % names.length]!);
      await engine.commit();
      const doneMs = performance.now();
      latencies.push(doneMs - startMs);
      startMs = doneMs;
    }
  };
  await Promise.all(Array.from({ length: job.inFlight }, work));
  return Float64Array.from(latencies);
}

async function measureAppends(engine: Engine, job: AppendJob): Promise<StoreResult> {
  const names = subjectNames(job.subjects);
  await runBatches(engine, job, names, job.measureMs * WARMUP_SHARE);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const latencies = await runBatches(engine, job, names, job.measureMs);
  const seconds = (performance.now() - startMs) / MS_PER_SECOND;
  const { user, system } = process.cpuUsage(cpu);
  const count = latencies.length * job.batch;
  return {
    perSecond: count / seconds,
    cpuMicros: (user + system) / count,
    ...percentiles(latencies),
    firstMatchMicros: null,
    nextMatchMicros: null,
  };
}

async function measureReads(engine: Engine, { records, subjects }: ReadJob): Promise<StoreResult> {
  const names = subjectNames(subjects);
  for (let i = 1; i < records; i++) {
    engine.append(0, names[i % subjects]!);
    if (i % FILL_BATCH === 0) await engine.commit();
  }
  engine.append(0, Buffer.from(RARE_SUBJECT));
  await engine.commit();
  const each = touch(makePayload(FILL_PAYLOAD_BYTES));
  check("scan", engine.scan(), each * records); // once before, for the compiler
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  check("scan", engine.scan(), each * records);
  const seconds = (performance.now() - startMs) / MS_PER_SECOND;
  const { user, system } = process.cpuUsage(cpu);
  const latencies = new Float64Array(GETS);
  for (let i = 0; i < GETS; i++) {
    const at = performance.now();
    check("get", engine.get(1 + ((i * GET_STRIDE) % records)), each);
    latencies[i] = performance.now() - at;
  }
  const firstMs = performance.now();
  check("first match", engine.firstRare(), records);
  const againMs = performance.now();
  for (let i = 0; i < MATCHES; i++) check("match", engine.firstRare(), records);
  return {
    perSecond: records / seconds,
    cpuMicros: (user + system) / records,
    ...percentiles(latencies),
    firstMatchMicros: (againMs - firstMs) * MICROS_PER_MS,
    nextMatchMicros: ((performance.now() - againMs) / MATCHES) * MICROS_PER_MS,
  };
}

function percentiles(latenciesMs: Float64Array): { p50Micros: number; p99Micros: number } {
  latenciesMs.sort();
  return {
    p50Micros: percentile(latenciesMs, 0.5) * MICROS_PER_MS,
    p99Micros: percentile(latenciesMs, 0.99) * MICROS_PER_MS,
  };
}

function check(what: string, found: number, expected: number): void {
  if (found !== expected) throw new BenchError("LOAD_FAILED", `${what} gave ${found}, expected ${expected}.`);
}

const spec = JSON.parse(process.argv[2] ?? "null") as StoreSpec;
const folder = mkdtempSync(join(tmpdir(), "myelin-bench-store-"));
try {
  const engine = await open(spec, folder);
  const { job } = spec;
  const result = job.kind === "append" ? await measureAppends(engine, job) : await measureReads(engine, job);
  await engine.close();
  process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
