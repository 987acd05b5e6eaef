// Reads keys, numbers, strings, dates and white space off a text. Knows nothing of blocks and lists: parser.ts puts those together.
//
//   port: 4222                 integer          host: localhost         bare string
//   max_payload: 8MB           with a suffix    name: 'a\b'             raw
//   x: 1.5                     float            name: "tab\t \x41"      with escapes
//   x: 2016-05-04T18:53:41Z    date             x: (                    block string, to a ) alone on its line
//   host: 127.0.0.1:4222       bare string      x: $NAME                variable
//
// What begins with a digit is a number only if it ends as one: `10s` and `127.0.0.1` are strings, `10m` is ten million. That is
// the reference's rule (conf/lex.go), and the reason why durations want quotes.

import { KeyReader } from "./key-reader.ts";
import type { Problems } from "./problem.ts";
import type { Span } from "./source.ts";
import type { BrokenValue, ConfigValue } from "./value.ts";

/** `$NAME`, to be looked up by the parser. */
export interface Variable {
  readonly kind: "variable";
  readonly name: string;
  readonly span: Span;
}

/** Ends the reading of a source: what comes after the place cannot be told apart any more. It has been reported. */
export class SyntaxStop extends Error {
  override readonly name = "SyntaxStop";
}

const INT64_MAX = 2n ** 63n - 1n;
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["no", false],
  ["off", false],
]);
const SUFFIX_POWERS = "kmgtpe";
const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", '"': '"', "\\": "\\" };

const DIGITS = /-?[0-9]+/y;
const SUFFIX = /[kmgtpe][bi]*/iy;
const FRACTION = /\.[0-9]+/y;
const DATE = /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z/y;
/** What may follow a second point: an address, with a port perhaps. */
const ADDRESS_REST = /[0-9.:-]*/y;
/** What ends a number. */
const NUMBER_END = /[\r\n};,\]\t ]/;
/** What ends a string without quotes. The single quote is swallowed, as the reference does it. */
const BARE_END = /[\r\n;,\]}\t ']/;

/** Reads scalar values, one after the other. */
export class Lexer extends KeyReader {
  /** Takes problems that do not stop the reading. */
  readonly #problems: Problems;

  constructor(source: ConstructorParameters<typeof KeyReader>[0], problems: Problems) {
    super(source);
    this.#problems = problems;
  }

  /** Reports an error and ends the reading of this source. */
  stop(message: string, start: number = this.pos, end: number = start + 1, hint: string | null = null): never {
    this.#problems.error("SYNTAX", message, this.span(start, end), hint);
    throw new SyntaxStop(message);
  }

  /** Reports an error; the reading goes on. @returns What stands for the value that could not be read. */
  broken(message: string, start: number, hint: string | null = null): BrokenValue {
    const span = this.span(start, this.pos);
    this.#problems.error("SYNTAX", message, span, hint);
    return { kind: "broken", span };
  }

  /** Reads a value that is neither a block nor a list. Stands at its first character. */
  scalar(): ConfigValue | Variable {
    const first = this.text[this.pos] ?? "";
    if (first === "'") return this.#rawString();
    if (first === '"') return this.#quotedString();
    if (first === "(") return this.#blockString();
    if (first === "-" || (first >= "0" && first <= "9")) return this.#number();
    if (first === ".") {
      const start = this.pos;
      this.#skipBare();
      return this.broken(`a number begins with a digit, not with "."`, start, "write 0 before the point");
    }
    return this.#bareString(this.pos);
  }

  #rawString(): ConfigValue {
    const start = this.pos;
    const end = this.text.indexOf("'", start + 1);
    if (end === -1) this.stop("this single quote is never closed", start);
    this.pos = end + 1;
    return { kind: "string", value: this.text.slice(start + 1, end), span: this.span(start, this.pos) };
  }

  #quotedString(): ConfigValue {
    const start = this.pos++;
    const pieces: Piece[] = [];
    for (;;) {
      const from = this.pos;
      while (this.pos < this.text.length && this.text[this.pos] !== '"' && this.text[this.pos] !== "\\") this.pos++;
      pieces.push(this.text.slice(from, this.pos));
      if (this.pos >= this.text.length) this.stop("this double quote is never closed", start);
      if (this.text[this.pos++] === '"') break;
      pieces.push(this.#escape());
    }
    return { kind: "string", value: joinPieces(pieces), span: this.span(start, this.pos) };
  }

  /** Stands after the backslash. */
  #escape(): Piece {
    const letter = this.text[this.pos] ?? "";
    const plain = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (plain !== undefined) {
      this.pos++;
      return plain;
    }
    const start = this.pos - 1;
    if (letter === "x") {
      const hex = this.text.slice(this.pos + 1, this.pos + 3);
      this.pos++;
      if (/^[0-9a-f]{2}$/i.test(hex)) {
        this.pos += 2;
        return Number.parseInt(hex, 16);
      }
      this.broken(`two hexadecimal digits must follow \\x, not ${JSON.stringify(hex)}`, start);
      return "";
    }
    if (letter !== "" && letter !== "\n") this.pos++;
    const shown = letter === "" ? "the end" : JSON.stringify(letter);
    this.broken(
      `there is no escape with ${shown} after a backslash`,
      start,
      `the escapes are \\t \\n \\r \\" \\\\ \\xHH`,
    );
    return "";
  }

  #blockString(): ConfigValue {
    const start = this.pos;
    const close = /\n\)(?=\r?\n|$)/g;
    close.lastIndex = start;
    const match = close.exec(this.text);
    if (match === null) this.stop("this block is never closed", start, start + 1, `it ends with a ")" alone on a line`);
    const end = match.index + 1;
    this.pos = end + 1;
    return { kind: "string", value: this.text.slice(start + 1, end), span: this.span(start, this.pos) };
  }

  #number(): ConfigValue | Variable {
    const start = this.pos;
    const digits = this.take(DIGITS);
    if (digits === null) {
      this.#skipBare();
      return this.broken(`a digit must follow "-"`, start, `a text that begins with "-" needs quotes`);
    }
    const negative = digits.startsWith("-");
    const next = this.text[this.pos] ?? "\n";
    if (next === ".") return this.#afterPoint(start);
    if (next === "-" && !negative) return this.#date(start);
    const suffix = this.take(SUFFIX);
    const ends = NUMBER_END.test(this.text[this.pos] ?? "\n");
    if (!ends && (!negative || suffix !== null)) return this.#bareString(start);
    return this.#integer(start, digits, (suffix ?? "").toLowerCase());
  }

  #integer(start: number, digits: string, suffix: string): ConfigValue {
    const span = this.span(start, this.pos);
    const power = SUFFIX_POWERS.indexOf(suffix[0] ?? " ") + 1;
    const rest = suffix.slice(1);
    if (!["", "b", "i", "ib"].includes(rest)) {
      const hint = "k, m, g, t, p, e are powers of 1000; with b, i or ib after them powers of 1024";
      return this.broken(
        `${JSON.stringify(this.text.slice(start, this.pos))} has no size suffix that is known`,
        start,
        hint,
      );
    }
    const value = BigInt(digits) * (rest === "" ? 1000n : 1024n) ** BigInt(power);
    if (value > INT64_MAX || value < -INT64_MAX - 1n) {
      const text = this.text.slice(start, this.pos);
      return this.broken(`integer '${text}' is out of the range`, start, `numbers go up to ${INT64_MAX}`);
    }
    return { kind: "integer", value, span };
  }

  #afterPoint(start: number): ConfigValue {
    if (this.take(FRACTION) === null) {
      this.#skipBare();
      return this.broken(`a digit must follow the point of ${JSON.stringify(this.text.slice(start, this.pos))}`, start);
    }
    if (this.text[this.pos] === ".") {
      this.take(ADDRESS_REST);
      return { kind: "string", value: this.text.slice(start, this.pos), span: this.span(start, this.pos) };
    }
    return { kind: "float", value: Number(this.text.slice(start, this.pos)), span: this.span(start, this.pos) };
  }

  #date(start: number): ConfigValue {
    this.pos = start;
    const text = this.take(DATE);
    const hint =
      "dates look like 2016-05-04T18:53:41Z; any other text that begins with a digit and has a dash needs quotes";
    if (text === null) {
      this.#skipBare();
      return this.broken(`${JSON.stringify(this.text.slice(start, this.pos))} is not a date`, start, hint);
    }
    // Date.parse would take the 31st of February for a day in March.
    const moment = new Date(text);
    if (Number.isNaN(moment.getTime()) || moment.toISOString().slice(0, 19) !== text.slice(0, 19)) {
      return this.broken(`there is no date '${text}'`, start, hint);
    }
    return { kind: "date", value: text, span: this.span(start, this.pos) };
  }

  #bareString(start: number): ConfigValue | Variable {
    const pieces: Piece[] = [];
    this.pos = start;
    let from = start;
    while (this.pos < this.text.length && !BARE_END.test(this.text[this.pos] as string)) {
      if (this.text[this.pos++] !== "\\") continue;
      pieces.push(this.text.slice(from, this.pos - 1), this.#escape());
      from = this.pos;
    }
    const span = this.span(start, this.pos);
    pieces.push(this.text.slice(from, this.pos));
    if (this.text[this.pos] === "'") {
      this.pos++;
      return { kind: "string", value: joinPieces(pieces), span };
    }
    const value = joinPieces(pieces);
    if (pieces.length > 1) return { kind: "string", value, span };
    const flag = BOOLEANS.get(value.toLowerCase());
    if (flag !== undefined) return { kind: "boolean", value: flag, span };
    // A bcrypt hash is no variable, so it needs no quotes.
    if (value.startsWith("$") && !value.startsWith("$2a$")) return { kind: "variable", name: value.slice(1), span };
    return { kind: "string", value, span };
  }

  #skipBare(): void {
    while (this.pos < this.text.length && !BARE_END.test(this.text[this.pos] as string)) this.pos++;
  }
}

/** A text, or one byte that `\x` gave. */
type Piece = string | number;

/** Joins texts and bytes; bytes that stand together are read as UTF-8. */
function joinPieces(pieces: readonly Piece[]): string {
  if (!pieces.some((piece) => typeof piece === "number")) return pieces.join("");
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === "number" ? Buffer.of(piece) : Buffer.from(piece))),
  ).toString();
}
