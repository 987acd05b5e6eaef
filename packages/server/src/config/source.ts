// The text of one configuration file, and where in it something stands. Values keep offsets; lines and columns are worked out
// when somebody has to be told.

/** A line and a column, both counted from 1; columns are characters. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One file, one text given by an embedding program, or the value of an environment variable. */
export class Source {
  /** How messages call it: the path as it was given, or where else it is from. */
  readonly name: string;
  readonly #text: string;
  /** Offsets at which lines begin; made when first asked for. */
  #lineStarts: readonly number[] | null = null;

  constructor(name: string, text: string) {
    this.name = name;
    this.#text = text;
  }

  /** All of it, with the secrets that are in it: errors hold it, and do not show it when they are printed. */
  get text(): string {
    return this.#text;
  }

  /** Costs O(log lines), and O(text) the first time. */
  place(offset: number): Place {
    const starts = this.#starts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 };
  }

  /** A line without its end; empty when there is no such line. */
  line(number: number): string {
    const starts = this.#starts();
    const start = starts[number - 1];
    if (start === undefined) return "";
    const next = starts[number] ?? this.#text.length + 1;
    return this.#text.slice(start, next - 1).replace(/\r$/, "");
  }

  #starts(): readonly number[] {
    if (this.#lineStarts !== null) return this.#lineStarts;
    const starts = [0];
    for (let at = this.#text.indexOf("\n"); at !== -1; at = this.#text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
    return starts;
  }
}

/** A piece of a source. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  /** One past the last character. */
  readonly end: number;
}

/** `FILE:LINE:COLUMN`, as tools read it. */
export function locationOf(span: Span): string {
  const { line, column } = span.source.place(span.start);
  return `${span.source.name}:${line}:${column}`;
}
