// Lays out rows of cells, as aligned text or as Markdown. Pure.

/** Columns of a table; the first is aligned left, the others right. */
export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What stands where there is no figure. */
export const NOTHING = "-";

/** The table as lines of equal columns, for a terminal. */
export function alignedText(table: Table): string {
  const lines = [table.header, ...table.rows];
  const widths = table.header.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, column) => pad(cells[column] ?? "", width, column))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [table.title, line(table.header), rule, ...table.rows.map(line)].join("\n");
}

/** The table as Markdown. */
export function markdown(table: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${table.header.map((_, column) => (cells[column] ?? "").replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = `|${table.header.map((_, column) => (column === 0 ? " --- |" : " ---: |")).join("")}`;
  return [`### ${table.title}`, "", line(table.header), rule, ...table.rows.map(line)].join("\n");
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(4, Math.max(0, 2 - magnitude)));
}
