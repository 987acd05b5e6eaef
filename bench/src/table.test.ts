import assert from "node:assert/strict";
import { test } from "node:test";
import { alignedText, markdown, type Table } from "./table.ts";

const TABLE: Table = {
  title: "Fan-out",
  header: ["workload", "k/s", ""],
  rows: [
    ["to 10", "1234", "PASS"],
    ["to 100 | all", "5", ""],
  ],
};

test("alignedText() aligns names left and figures right", () => {
  assert.equal(
    alignedText(TABLE),
    [
      "Fan-out",
      "workload       k/s",
      "------------  ----  ----",
      "to 10         1234  PASS",
      "to 100 | all     5",
    ].join("\n"),
  );
});

test("markdown() escapes what would end a cell", () => {
  assert.equal(
    markdown(TABLE),
    [
      "### Fan-out",
      "",
      "| workload | k/s |  |",
      "| --- | ---: | ---: |",
      "| to 10 | 1234 | PASS |",
      "| to 100 \\| all | 5 |  |",
    ].join("\n"),
  );
});
