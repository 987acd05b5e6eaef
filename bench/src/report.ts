// Puts comparisons into tables, one per group of workloads. Pure.

import type { Comparison, Figures } from "./summary.ts";
import { NOTHING, significant, type Table } from "./table.ts";
import type { Target } from "./workloads.ts";

export interface ReportRow {
  readonly workload: string;
  readonly group: string;
  readonly comparisons: readonly Comparison[];
}

interface Column {
  readonly title: string;
  readonly figure: keyof Figures;
  readonly show: (value: number) => string;
}

const KIB = 1024;
const COLUMNS: readonly Column[] = [
  { title: "k/s", figure: "messagesPerSecond", show: (value) => significant(value / 1000) },
  { title: "CPU s/M", figure: "cpuPerMillion", show: significant },
  { title: "p50 us", figure: "p50Micros", show: significant },
  { title: "p99 us", figure: "p99Micros", show: significant },
  { title: "KiB/conn", figure: "kibPerConnection", show: significant },
  { title: "peak MiB", figure: "peakKib", show: (value) => significant(value / KIB) },
];

/** Tables in the order in which groups first appear. Columns that no workload of a group fills are left out. */
export function reportTables(rows: readonly ReportRow[], referenceName: string): Table[] {
  const groups = [...new Set(rows.map((row) => row.group))];
  return groups.map((group) =>
    groupTable(
      group,
      rows.filter((row) => row.group === group),
      referenceName,
    ),
  );
}

function groupTable(group: string, rows: readonly ReportRow[], referenceName: string): Table {
  const comparisons = rows.flatMap((row) => row.comparisons);
  const columns = COLUMNS.filter(({ figure }) => comparisons.some(({ figures }) => figures[figure] !== null));
  const servers = new Set(comparisons.map(({ server }) => server));
  const label = (workload: string, server: string): string =>
    servers.size === 1 ? workload : `${workload} (${server})`;
  const header = ["workload"];
  const subject = servers.size === 1 ? [...servers][0]! : "server";
  for (const { title } of columns) header.push(`${title} ${referenceName}`, subject, "ratio");
  header.push("CPU ratio range", "target", "");
  return {
    title: group,
    header,
    rows: rows.flatMap(({ workload, comparisons: each }) =>
      each.map((comparison) => [label(workload, comparison.server), ...cells(columns, comparison)]),
    ),
  };
}

function cells(columns: readonly Column[], comparison: Comparison): string[] {
  const out: string[] = [];
  for (const { figure, show } of columns) {
    const base = comparison.reference[figure];
    const value = comparison.figures[figure];
    const ratio = comparison.ratios[figure];
    out.push(base === null ? NOTHING : show(base), value === null ? NOTHING : show(value));
    out.push(ratio === null ? NOTHING : ratio.toFixed(2));
  }
  const range = comparison.cpuRatioRange;
  out.push(range === null ? NOTHING : `${range[0].toFixed(2)}..${range[1].toFixed(2)}`);
  out.push(targetText(comparison.target), mark(comparison));
  return out;
}

function targetText(target: Target | null): string {
  if (target === null) return NOTHING;
  if (target.figure === "kibPerConnection") return `<= ${target.most} KiB`;
  return `${target.figure === "cpu" ? "CPU" : "p50"} <= ${target.most}`;
}

function mark({ isFailed, isMet }: Comparison): string {
  if (isFailed) return "FAILED";
  if (isMet === null) return "";
  return isMet ? "PASS" : "over";
}
