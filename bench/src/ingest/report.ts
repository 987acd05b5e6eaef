// Puts the figures of the ingest benchmark into tables, and says which aims are met. Pure.

import type { Figures } from "../summary.ts";
import { significant, type Table } from "../table.ts";
import { type Aim, INGEST_AIMS, INGEST_SERVERS, type IngestServer } from "./workloads.ts";

/** The medians of one workload, by server. */
export interface IngestRow {
  readonly workload: string;
  readonly group: string;
  readonly figures: Readonly<Record<IngestServer, Figures>>;
}

/** One aim and what became of it. */
export interface AimResult {
  readonly aim: Aim;
  readonly ratio: number;
  readonly isMet: boolean;
}

/** One table per group: rates, times and CPU of the four servers. */
export function ingestTables(rows: readonly IngestRow[]): Table[] {
  const groups = [...new Set(rows.map(({ group }) => group))];
  return groups.map((group) => ({
    title: group,
    header: ["workload", "server", "k/s", "p50 ms", "p99 ms", "CPU s/M", "peak MiB"],
    rows: rows
      .filter((row) => row.group === group)
      .flatMap(({ workload, figures }) =>
        INGEST_SERVERS.map((server, index) => cells(index === 0 ? workload : "", server, figures[server])),
      ),
  }));
}

function cells(workload: string, server: string, figures: Figures): string[] {
  const ms = (micros: number | null): string => (micros === null ? "-" : significant(micros / 1000));
  return [
    workload,
    server,
    significant(figures.messagesPerSecond / 1000),
    ms(figures.p50Micros),
    ms(figures.p99Micros),
    significant(figures.cpuPerMillion),
    significant(figures.peakKib / 1024),
  ];
}

/** The aims whose workloads were measured. */
export function judgeAims(rows: readonly IngestRow[]): AimResult[] {
  const byName = new Map(rows.map((row) => [row.workload, row]));
  const results: AimResult[] = [];
  for (const aim of INGEST_AIMS) {
    const own = byName.get(aim.workload)?.figures[aim.server];
    const other = byName.get(aim.againstWorkload ?? aim.workload)?.figures[aim.against];
    if (own === undefined || other === undefined) continue;
    const ratio =
      aim.figure === "rate" ? own.messagesPerSecond / other.messagesPerSecond : own.cpuPerMillion / other.cpuPerMillion;
    results.push({ aim, ratio, isMet: aim.figure === "rate" ? ratio >= aim.bound : ratio <= aim.bound });
  }
  return results;
}

/** The aims as a table. */
export function aimTable(results: readonly AimResult[]): Table {
  return {
    title: "Aims",
    header: ["workload", "what", "ratio", "aim", ""],
    rows: results.map(({ aim, ratio, isMet }) => [
      aim.workload,
      `${aim.server} / ${aim.againstWorkload === undefined ? aim.against : aim.againstWorkload}, ${aim.figure}`,
      ratio.toFixed(2),
      `${aim.figure === "rate" ? ">=" : "<="} ${aim.bound}`,
      isMet ? "PASS" : "over",
    ]),
  };
}
