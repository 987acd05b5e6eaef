// What a server was found to do: answers under two headings, as a map for comparing and as text for people.
//
//   a publishes                     the section
//     ok: foo.a, foo.b              an answer, and the items that got it
//     refused: bar

/** Answers by section and item. */
export type Cells = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Where two servers, or a server and its recorded answers, are not of one mind. */
export interface Difference {
  readonly section: string;
  readonly item: string;
  readonly expected: string;
  readonly actual: string;
}

const NONE = "(nothing)";
const BETWEEN_ITEMS = ", ";

/** Collects cells. */
export class CellBook {
  readonly cells: Map<string, Map<string, string>> = new Map();

  /** Writes an answer down; two for one item are a mistake of the caller. */
  add(section: string, item: string, answer: string): void {
    const items = this.cells.get(section) ?? new Map<string, string>();
    if (items.has(item)) throw new Error(`"${section}" has two answers for "${item}"`);
    if (item.includes(BETWEEN_ITEMS) || answer.includes(": "))
      throw new Error(`cannot write down "${item}" "${answer}"`);
    items.set(item, answer);
    this.cells.set(section, items);
  }
}

/** Writes cells as text. */
export function formatCells(cells: Cells): string {
  const lines: string[] = [];
  for (const [section, items] of cells) {
    lines.push(section);
    const byAnswer = new Map<string, string[]>();
    for (const [item, answer] of items) byAnswer.set(answer, [...(byAnswer.get(answer) ?? []), item]);
    for (const [answer, named] of byAnswer) lines.push(`  ${answer}: ${named.join(BETWEEN_ITEMS)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Reads what {@link formatCells} writes. */
export function parseCells(text: string): Cells {
  const book = new CellBook();
  let section = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (!line.startsWith("  ")) {
      section = line;
      continue;
    }
    const at = line.indexOf(": ");
    for (const item of line.slice(at + 2).split(BETWEEN_ITEMS)) book.add(section, item, line.slice(2, at));
  }
  return book.cells;
}

/** Every cell in which the two differ, in the order of `expected`. */
export function differences(expected: Cells, actual: Cells): Difference[] {
  const found: Difference[] = [];
  for (const section of new Set([...expected.keys(), ...actual.keys()])) {
    const wanted = expected.get(section);
    const got = actual.get(section);
    for (const item of new Set([...(wanted?.keys() ?? []), ...(got?.keys() ?? [])])) {
      const cell = { section, item, expected: wanted?.get(item) ?? NONE, actual: got?.get(item) ?? NONE };
      if (cell.expected !== cell.actual) found.push(cell);
    }
  }
  return found;
}

/** The cells of `actual` in which it differs, missing ones included. */
export function cellsOf(found: readonly Difference[]): Cells {
  const book = new CellBook();
  for (const { actual, item, section } of found) book.add(section, item, actual);
  return book.cells;
}

/** Whether a server refuses where another one does not: nothing is let through that was refused. */
export function isStricter({ actual, expected }: Difference): boolean {
  const isOpen = /^(?:ok|from .*|to .*|once)$/;
  const isShut = /^(?:refused|ok and 503|to nobody)$/;
  if (expected.startsWith("from ") && actual.startsWith("from ")) {
    const names = expected.slice(5).split(" and ");
    return actual
      .slice(5)
      .split(" and ")
      .every((name) => names.includes(name));
  }
  return isOpen.test(expected) && (isShut.test(actual) || actual === NONE);
}

/** A table of differences. */
export function formatDifferences(found: readonly Difference[], expectedName: string, actualName: string): string {
  const rows = [
    ["", "", expectedName, actualName],
    ...found.map(({ section, item, expected, actual }) => [section, item, expected, actual]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
