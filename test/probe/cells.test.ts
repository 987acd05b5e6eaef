import assert from "node:assert/strict";
import { test } from "node:test";
import { CellBook, differences, formatCells, formatDifferences, parseCells } from "./cells.ts";

function bookOf(...rows: ReadonlyArray<readonly [string, string, string]>): CellBook {
  const book = new CellBook();
  for (const row of rows) book.add(...row);
  return book;
}

test("parseCells() reads what formatCells() writes", () => {
  const { cells } = bookOf(
    ["a publishes", "foo", "ok"],
    ["a publishes", "bar", "-ERR 'x: y' closed".replace(": ", ":")],
    ["a publishes", "foo.*", "ok"],
    ["b", "foo", "refused"],
  );
  const text = formatCells(cells);
  assert.equal(text, "a publishes\n  ok: foo, foo.*\n  -ERR 'x:y' closed: bar\nb\n  refused: foo\n");
  assert.deepEqual(differences(cells, parseCells(text)), []);
});

test("differences() tells of other, missing and superfluous cells", () => {
  const expected = bookOf(["s", "a", "ok"], ["s", "b", "ok"], ["s", "c", "ok"]).cells;
  const actual = bookOf(["s", "a", "ok"], ["s", "b", "refused"], ["t", "d", "ok"]).cells;
  const found = differences(expected, actual);
  assert.equal(
    formatDifferences(found, "wanted", "got"),
    "      wanted     got\ns  b  ok         refused\ns  c  ok         (nothing)\nt  d  (nothing)  ok",
  );
});

test("add() refuses what could not be read again", () => {
  assert.throws(() => bookOf(["s", "a", "ok"], ["s", "a", "ok"]), /two answers/);
  assert.throws(() => bookOf(["s", "a, b", "ok"]), /cannot write down/);
  assert.throws(() => bookOf(["s", "a", "b: c"]), /cannot write down/);
});
