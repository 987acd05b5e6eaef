import assert from "node:assert/strict";
import { test } from "node:test";
import { type EngineFigures, judgeStoreAims, type StoreRow, storeTables } from "./report.ts";
import type { EngineName } from "./spec.ts";

function figures(engine: EngineName, perSecond: number | null, match: number | null = null): EngineFigures {
  return {
    engine,
    perSecond,
    cpuMicros: 1,
    p50Micros: 12,
    p99Micros: 20,
    firstMatchMicros: match,
    nextMatchMicros: match,
  };
}

const ROWS: StoreRow[] = [
  { workload: "append-64", group: "A", engines: [figures("myelin", 300), figures("lmdb", 100)], replay: null },
  { workload: "append-1024", group: "A", engines: [figures("myelin", 300), figures("lmdb", null)], replay: null },
  {
    workload: "read",
    group: "R",
    engines: [figures("myelin", 1000, 5), figures("lmdb", 250, 6)],
    replay: { pushPerSecond: 500, directPerSecond: 2000 },
  },
];

test("judgeStoreAims() takes ratios to what was measured, and the quicker replay", () => {
  const found = judgeStoreAims(ROWS).map(({ aim, value, isMet }) => [aim.workload, aim.against, value, isMet]);
  assert.deepEqual(found, [
    ["append-64", "lmdb", 3, true],
    ["read", "lmdb", 4, false],
    ["read", "reference", 0.5, false],
    ["read", null, 12, false],
  ]);
});

test("storeTables() has appends, reads with the replay, and aims", () => {
  const tables = storeTables(ROWS, judgeStoreAims(ROWS));
  assert.deepEqual(
    tables.map(({ title, rows }) => [title, rows.length]),
    [
      ["A", 4],
      ["R", 4],
      ["Aims", 4],
    ],
  );
  assert.deepEqual(tables[0]!.rows[3], ["", "lmdb", "-", "0.0120", "0.0200", "1.00"]);
});
