import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadResult } from "./load/spec.ts";
import { reportTables } from "./report.ts";
import { compare } from "./summary.ts";

function result(serverCpuSeconds: number, changes: Partial<LoadResult> = {}): LoadResult {
  return {
    count: 1_000_000,
    deliveries: 1_000_000,
    seconds: 2,
    serverCpuSeconds,
    loadCpuSeconds: 0.1,
    peakKib: 2048,
    p50Micros: null,
    p99Micros: null,
    kibPerConnection: null,
    ...changes,
  };
}

const CPU_TARGET = { figure: "cpu", most: 0.3 } as const;

test("compare() takes ratios of medians and the range of the rounds", () => {
  const comparison = compare(
    "new",
    [result(0.3), result(0.2), result(0.9)],
    [result(1), result(1), result(1.5)],
    CPU_TARGET,
  );
  assert.equal(comparison.figures.cpuPerMillion, 0.3);
  assert.equal(comparison.figures.messagesPerSecond, 500_000);
  assert.equal(comparison.ratios.cpuPerMillion, 0.3);
  assert.equal(comparison.ratios.p50Micros, null);
  assert.deepEqual(comparison.cpuRatioRange, [0.2, 0.6]);
  assert.equal(comparison.isMet, true, "the target itself is still met");
});

test("compare() holds each kind of target against its own figure", () => {
  const reference = [result(1, { p50Micros: 100, kibPerConnection: 40 })];
  const samples = [result(2, { p50Micros: 116, kibPerConnection: 10 })];
  assert.equal(compare("new", samples, reference, CPU_TARGET).isMet, false);
  assert.equal(compare("new", samples, reference, { figure: "p50", most: 1.15 }).isMet, false);
  assert.equal(compare("new", samples, reference, { figure: "kibPerConnection", most: 10 }).isMet, true);
  assert.equal(compare("new", samples, reference, null).isMet, null);
});

test("compare() pairs rounds and marks a failure, also where some rounds succeeded", () => {
  const comparison = compare("new", [null, result(0.2)], [result(1), result(2)], CPU_TARGET);
  assert.equal(comparison.isFailed, true);
  assert.deepEqual(comparison.cpuRatioRange, [0.1, 0.1]);
});

test("reportTables() shows figures, ratios, target and mark, and no columns that nobody fills", () => {
  const row = (workload: string, cpu: number | null) => ({
    workload,
    group: "Group",
    comparisons: [compare("new", [cpu === null ? null : result(cpu)], [result(1)], CPU_TARGET)],
  });
  const [table, ...others] = reportTables([row("good", 0.25), row("slow", 0.5), row("broken", null)], "reference");
  assert.equal(others.length, 0);
  assert.ok(table !== undefined);
  assert.ok(!table.header.some((title) => title.includes("p50")));
  assert.deepEqual(table.rows[0], [
    ...["good", "500", "500", "1.00", "1.00", "0.250", "0.25", "2.00", "2.00", "1.00"],
    ...["0.25..0.25", "CPU <= 0.3", "PASS"],
  ]);
  assert.deepEqual(
    table.rows.map((cells) => cells.at(-1)),
    ["PASS", "over", "FAILED"],
  );
});

test("reportTables() names the server in each row when several are compared", () => {
  const comparisons = ["old", "new"].map((server) => compare(server, [result(1)], [result(1)], null));
  const [table] = reportTables([{ workload: "one", group: "Group", comparisons }], "reference");
  assert.deepEqual(
    table?.rows.map((cells) => cells[0]),
    ["one (old)", "one (new)"],
  );
});
