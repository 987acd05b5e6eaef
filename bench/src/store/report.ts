// Puts the figures of the store benchmark into tables, and says which aims are met. Pure.

import { NOTHING, significant, type Table } from "../table.ts";
import type { EngineName } from "./spec.ts";
import { STORE_AIMS, type StoreAim } from "./workloads.ts";

/** Medians of one engine; null where there is no such figure, or every measurement failed. */
export interface EngineFigures {
  readonly engine: EngineName;
  readonly perSecond: number | null;
  readonly cpuMicros: number | null;
  readonly p50Micros: number | null;
  readonly p99Micros: number | null;
  readonly firstMatchMicros: number | null;
  readonly nextMatchMicros: number | null;
}

export interface StoreRow {
  readonly workload: string;
  readonly group: string;
  readonly engines: readonly EngineFigures[];
  /** How fast the reference replays as many messages; null when that was not measured. */
  readonly replay: { readonly pushPerSecond: number; readonly directPerSecond: number } | null;
}

/** One aim and what became of it: a ratio of rates, or microseconds. */
export interface StoreAimResult {
  readonly aim: StoreAim;
  readonly value: number;
  readonly isMet: boolean;
}

/** The aims whose workloads and engines were measured. */
export function judgeStoreAims(rows: readonly StoreRow[]): StoreAimResult[] {
  const byName = new Map(rows.map((row) => [row.workload, row]));
  const results: StoreAimResult[] = [];
  for (const aim of STORE_AIMS) {
    const row = byName.get(aim.workload);
    const own = row?.engines.find(({ engine }) => engine === "myelin");
    if (row === undefined || own === undefined) continue;
    if (aim.what === "p50") {
      if (own.p50Micros !== null) results.push({ aim, value: own.p50Micros, isMet: own.p50Micros <= aim.bound });
      continue;
    }
    const other = otherRate(row, aim.against);
    if (own.perSecond === null || other === null) continue;
    results.push({ aim, value: own.perSecond / other, isMet: own.perSecond / other >= aim.bound });
  }
  return results;
}

/** The quicker of the reference's two ways, or another engine's rate. */
function otherRate(row: StoreRow, against: StoreAim["against"]): number | null {
  if (against !== "reference") return row.engines.find(({ engine }) => engine === against)?.perSecond ?? null;
  return row.replay === null ? null : Math.max(row.replay.pushPerSecond, row.replay.directPerSecond);
}

/** A table of appends, one of reads, and one of the aims, as far as there is anything for them. */
export function storeTables(rows: readonly StoreRow[], aims: readonly StoreAimResult[]): Table[] {
  const tables: Table[] = [];
  const appends = rows.filter(({ engines }) => engines.some((each) => each.nextMatchMicros === null));
  const reads = rows.filter((row) => !appends.includes(row));
  if (appends.length > 0) tables.push(appendTable(appends));
  if (reads.length > 0) tables.push(readTable(reads));
  if (aims.length > 0) tables.push(aimTable(aims));
  return tables;
}

function appendTable(rows: readonly StoreRow[]): Table {
  return {
    title: rows[0]!.group,
    header: ["workload", "engine", "k/s", "p50 ms", "p99 ms", "CPU us"],
    rows: rows.flatMap(({ workload, engines }) =>
      engines.map(({ engine, perSecond, p50Micros, p99Micros, cpuMicros }, index) => [
        index === 0 ? workload : "",
        engine,
        show(perSecond, 1000),
        show(p50Micros, 1000),
        show(p99Micros, 1000),
        show(cpuMicros, 1),
      ]),
    ),
  };
}

function readTable(rows: readonly StoreRow[]): Table {
  const lines: string[][] = [];
  for (const { engines, replay } of rows) {
    for (const each of engines) {
      lines.push([
        each.engine,
        show(each.perSecond, 1000),
        show(each.p50Micros, 1),
        show(each.p99Micros, 1),
        show(each.firstMatchMicros, 1),
        show(each.nextMatchMicros, 1),
      ]);
    }
    if (replay === null) continue;
    const rest = [NOTHING, NOTHING, NOTHING, NOTHING];
    lines.push(["reference, push consumer", show(replay.pushPerSecond, 1000), ...rest]);
    lines.push(["reference, direct gets", show(replay.directPerSecond, 1000), ...rest]);
  }
  return {
    title: rows[0]!.group,
    header: ["engine", "scan k/s", "get p50 us", "get p99 us", "rare match, first us", "again us"],
    rows: lines,
  };
}

function aimTable(aims: readonly StoreAimResult[]): Table {
  return {
    title: "Aims",
    header: ["workload", "what", "value", "aim", ""],
    rows: aims.map(({ aim, value, isMet }) => [
      aim.workload,
      aim.what === "p50" ? "get p50 us" : `rate, myelin / ${aim.against}`,
      value.toFixed(2),
      `${aim.what === "p50" ? "<=" : ">="} ${aim.bound}`,
      isMet ? "PASS" : "over",
    ]),
  };
}

function show(value: number | null, unit: number): string {
  return value === null ? NOTHING : significant(value / unit);
}
