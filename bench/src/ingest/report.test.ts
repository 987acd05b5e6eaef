import assert from "node:assert/strict";
import { test } from "node:test";
import type { Figures } from "../summary.ts";
import { aimTable, type IngestRow, ingestTables, judgeAims } from "./report.ts";

function figures(rate: number, cpu: number): Figures {
  return {
    messagesPerSecond: rate,
    cpuPerMillion: cpu,
    peakKib: 1024,
    p50Micros: 100,
    p99Micros: 200,
    kibPerConnection: null,
  };
}

function row(workload: string, rates: readonly [number, number, number, number]): IngestRow {
  const [reference, always, myelin, lazy] = rates.map((rate) => figures(rate, 1e6 / rate));
  return {
    workload,
    group: "G",
    figures: { reference: reference!, "reference always": always!, myelin: myelin!, "myelin lazy": lazy! },
  };
}

const ROWS = [row("window-256", [100, 10, 95, 250]), row("streams-100-256", [1, 1, 50, 1])];

test("judgeAims() compares servers, and workloads of one server, where both were measured", () => {
  const found = judgeAims(ROWS).map(({ aim, ratio, isMet }) => `${aim.workload} ${aim.figure} ${ratio} ${isMet}`);
  assert.deepEqual(found, [
    "window-256 rate 0.95 true",
    "window-256 rate 9.5 false",
    "window-256 rate 2.5 true",
    "window-256 cpu 0.4 true",
    `streams-100-256 rate ${50 / 95} false`,
  ]);
});

test("tables have a line for each server and each aim", () => {
  assert.equal(ingestTables(ROWS)[0]!.rows.length, 8);
  assert.deepEqual(aimTable(judgeAims(ROWS)).rows.at(-1), [
    "streams-100-256",
    "myelin / window-256, rate",
    "0.53",
    ">= 0.7",
    "over",
  ]);
});
