// Puts a configuration together: blocks, lists, variables, includes. The grammar is nats-server's:
//
//   entry   = key [":" | "="] value end          end = new line, ";" or ",", or the end of the block
//   value   = scalar | "{" entries "}" | "[" values "]" | "$" name
//   entry   = "include" path
//   file    = entries | "{" entries "}"          so that JSON is a configuration too
//
// A variable is looked for in the blocks round it, innermost first, among the keys that stand before it, then in the
// environment. An included file sees no variables of the file that includes it.
//
// One mistake does not hide the next: after a value that ends badly the reading goes on with the next line. Only what leaves the
// nesting in doubt ends it.

import { dirname, isAbsolute, join } from "node:path";
import type { Key } from "./key-reader.ts";
import { Lexer, SyntaxStop, type Variable } from "./lexer.ts";
import { Problems } from "./problem.ts";
import { locationOf, Source, type Span } from "./source.ts";
import type { ConfigValue, Entry, MapValue } from "./value.ts";

/** What the reading of a configuration takes from outside. */
export interface ConfigOutside {
  /**
   * Reads a file of text.
   *
   * @throws The platform's error when it cannot be read.
   */
  readonly readFile: (path: string) => string;
  /** The value of an environment variable; undefined when it is not set. */
  readonly environment: (name: string) => string | undefined;
}

/** Blocks and lists inside each other. */
const DEPTH_MAX = 200;
/** Files that include each other. */
const INCLUDE_DEPTH_MAX = 32;
const INCLUDE_END = /[\s;}']/;

/** What a parser of an included file, or of an environment variable, has from the one that needs it. */
interface Origin {
  /** The files being read now, outermost first. */
  readonly files: readonly string[];
  /** The environment variables being read now. */
  readonly variables: readonly string[];
}

const OUTERMOST: Origin = { files: [], variables: [] };

/**
 * Reads a configuration.
 *
 * @param path - Where the text is from: includes are looked for beside it. Empty for a text without a file.
 * @param problems - Takes everything that is wrong. What could be read is returned all the same.
 */
export function parseConfig(source: Source, path: string, outside: ConfigOutside, problems: Problems): MapValue {
  return new Parser(source, path, outside, problems, OUTERMOST).file();
}

class Parser {
  readonly #lexer: Lexer;
  readonly #path: string;
  readonly #outside: ConfigOutside;
  readonly #problems: Problems;
  readonly #origin: Origin;
  /** The blocks that are open, outermost first. */
  readonly #scopes: Map<string, Entry>[] = [];
  #depth = 0;

  constructor(source: Source, path: string, outside: ConfigOutside, problems: Problems, origin: Origin) {
    this.#lexer = new Lexer(source, problems);
    this.#path = path;
    this.#outside = outside;
    this.#problems = problems;
    this.#origin = path === "" ? origin : { ...origin, files: [...origin.files, path] };
  }

  file(): MapValue {
    const lexer = this.#lexer;
    const entries = new Map<string, Entry>();
    this.#scopes.push(entries);
    // Editors on Windows put a byte order mark before the text.
    if (lexer.next === "\ufeff") lexer.pos++;
    try {
      this.#top(entries);
    } catch (error) {
      if (!(error instanceof SyntaxStop)) throw error;
    }
    return { kind: "map", entries, span: lexer.span(0, lexer.text.length) };
  }

  /** Reads the value of an environment variable. */
  lone(): ConfigValue {
    this.#lexer.skipBlanks();
    try {
      const value = this.#value();
      this.#endOfTopValue();
      return value;
    } catch (error) {
      if (!(error instanceof SyntaxStop)) throw error;
      return { kind: "broken", span: this.#lexer.span(0, 0) };
    }
  }

  #top(entries: Map<string, Entry>): void {
    const lexer = this.#lexer;
    for (;;) {
      lexer.skipSpaceAndComments();
      if (lexer.atEnd) return;
      if (lexer.next === "{") {
        lexer.pos++;
        this.#nest(lexer.pos - 1, () => this.#entries(entries, lexer.pos - 1));
        this.#endOfTopValue();
      } else if (lexer.next === "}" && /^\s*$/.test(lexer.text.slice(lexer.pos + 1))) return;
      else {
        this.#entry(entries, true);
        this.#endOfTopValue();
      }
    }
  }

  /** Nothing but a comment may follow a value on its line, unless a separator stands between. */
  #endOfTopValue(): void {
    const lexer = this.#lexer;
    lexer.skipBlanks();
    while (lexer.next === "/" && !lexer.text.startsWith("//", lexer.pos)) {
      lexer.pos++;
      lexer.skipBlanks();
    }
    if (lexer.atEnd || lexer.skipComment() || isLineEnd(lexer.next)) return;
    if (lexer.next === ";" || lexer.next === "," || lexer.next === "}") lexer.pos++;
    else this.#badEnd("a value ends with its line, or with a comma", (next) => isLineEnd(next));
  }

  /** The entries of a block, up to and with its closing brace. `open` is where it was opened. */
  #entries(entries: Map<string, Entry>, open: number): void {
    const lexer = this.#lexer;
    for (;;) {
      lexer.skipSpaceAndComments();
      if (lexer.atEnd) lexer.stop(`this "{" is never closed`, open);
      if (lexer.next === "}") {
        lexer.pos++;
        return;
      }
      if (lexer.next === "]")
        lexer.stop(
          `"]" closes no list here`,
          lexer.pos,
          lexer.pos + 1,
          `the block is open since ${locationOf(lexer.span(open, open + 1))}`,
        );
      this.#entry(entries, false);
      this.#endOfBlockValue(open);
    }
  }

  #endOfBlockValue(open: number): void {
    const lexer = this.#lexer;
    lexer.skipBlanks();
    if (lexer.skipComment() || isLineEnd(lexer.next) || lexer.next === "}") return;
    if (lexer.atEnd) lexer.stop(`this "{" is never closed`, open);
    if (lexer.next === ";" || lexer.next === "," || lexer.next === "/") lexer.pos++;
    else
      this.#badEnd(
        "a new line or a comma must stand between entries",
        (next) => isLineEnd(next) || next === "," || next === "}",
      );
  }

  /** The values of a list, up to and with its closing bracket. */
  #items(open: number): ConfigValue[] {
    const lexer = this.#lexer;
    const items: ConfigValue[] = [];
    for (;;) {
      lexer.skipSpaceAndComments();
      if (lexer.atEnd) lexer.stop(`this "[" is never closed`, open);
      if (lexer.next === "]") {
        lexer.pos++;
        return items;
      }
      if (lexer.next === ",") {
        this.#problems.error("SYNTAX", "a value is missing before this comma", lexer.span(lexer.pos, lexer.pos + 1));
        lexer.pos++;
        continue;
      }
      if (lexer.next === "/") lexer.stop(`"/" begins no value`, lexer.pos, lexer.pos + 1, "put the value into quotes");
      items.push(this.#value());
      this.#endOfItem(open);
    }
  }

  #endOfItem(open: number): void {
    const lexer = this.#lexer;
    lexer.skipBlanks();
    if (lexer.skipComment() || isLineEnd(lexer.next) || lexer.next === "]") return;
    if (lexer.atEnd) lexer.stop(`this "[" is never closed`, open);
    if (lexer.next === "," || lexer.next === "/") lexer.pos++;
    else
      this.#badEnd(
        "a comma or a new line must stand between values",
        (next) => isLineEnd(next) || next === "," || next === "]",
      );
  }

  /** Reports what stands where a value should be over, and skips to where the reading can go on. */
  #badEnd(rule: string, goOn: (next: string) => boolean): void {
    const lexer = this.#lexer;
    const start = lexer.pos;
    do lexer.pos++;
    while (!lexer.atEnd && !goOn(lexer.next));
    if (lexer.next === ",") lexer.pos++;
    const found = JSON.stringify(lexer.text[start]);
    this.#problems.error(
      "SYNTAX",
      `${rule}, but here is ${found}`,
      lexer.span(start, start + 1),
      "a text with spaces needs quotes",
    );
  }

  #entry(entries: Map<string, Entry>, atTop: boolean): void {
    const lexer = this.#lexer;
    const start = lexer.pos;
    const key = lexer.key() ?? this.#noKey();
    if (!key.quoted && key.text.toLowerCase() === "include" && /\s/.test(lexer.next)) {
      this.#include(entries, key);
      return;
    }
    lexer.skipSpace();
    const separated = lexer.next === ":" || lexer.next === "=";
    if (separated) lexer.pos++;
    else if (lexer.atEnd) lexer.stop(`${JSON.stringify(key.text)} has no value`, start, key.span.end);
    if (atTop) lexer.skipBlanks();
    else lexer.skipSpace();
    const next = lexer.next;
    if (isLineEnd(next) || (!atTop && (next === "," || next === "}"))) {
      this.#problems.error("SYNTAX", `${JSON.stringify(key.text)} has no value`, key.span, missingValueHint(key));
      return;
    }
    this.#set(entries, { key: key.text, keySpan: key.span, value: this.#value(), usedAsVariable: false });
  }

  #noKey(): never {
    const { next, pos } = this.#lexer;
    if (next !== ":" && next !== "=") this.#lexer.stop("the quote of this key is never closed", pos);
    this.#lexer.stop(`Unexpected key separator '${next}'`, pos, pos + 1, "a key must stand before it");
  }

  #set(entries: Map<string, Entry>, entry: Entry): void {
    const earlier = entries.get(entry.key);
    if (earlier !== undefined) {
      const where = locationOf(earlier.keySpan);
      this.#problems.notice(
        "DUPLICATE",
        `${JSON.stringify(entry.key)} was set before, at ${where}; the later one counts`,
        entry.keySpan,
      );
      entries.delete(entry.key);
    }
    entries.set(entry.key, entry);
  }

  #value(): ConfigValue {
    const lexer = this.#lexer;
    const start = lexer.pos;
    if (lexer.next === "{") {
      lexer.pos++;
      const entries = new Map<string, Entry>();
      this.#scopes.push(entries);
      this.#nest(start, () => this.#entries(entries, start));
      this.#scopes.pop();
      return { kind: "map", entries, span: lexer.span(start, lexer.pos) };
    }
    if (lexer.next === "[") {
      lexer.pos++;
      const items = this.#nest(start, () => this.#items(start));
      return { kind: "array", items, span: lexer.span(start, lexer.pos) };
    }
    const value = lexer.scalar();
    return value.kind === "variable" ? this.#lookUp(value) : value;
  }

  #nest<T>(start: number, read: () => T): T {
    if (++this.#depth > DEPTH_MAX) this.#lexer.stop(`more than ${DEPTH_MAX} blocks and lists inside each other`, start);
    const result = read();
    this.#depth--;
    return result;
  }

  #lookUp({ name, span }: Variable): ConfigValue {
    for (let at = this.#scopes.length - 1; at >= 0; at--) {
      const entry = this.#scopes[at]?.get(name);
      if (entry === undefined) continue;
      entry.usedAsVariable = true;
      return { ...entry.value, span, from: entry.value.from ?? entry.value.span };
    }
    if (this.#origin.variables.includes(name)) return this.#badVariable(span, `variable reference cycle for '${name}'`);
    const text = this.#outside.environment(name);
    if (text === undefined) {
      const hint =
        "it is neither a key that stands before this place nor set in the environment; quote a text that begins with $";
      return this.#badVariable(span, `variable reference for '${name}' can not be found`, hint);
    }
    const problems = new Problems();
    const origin: Origin = { ...this.#origin, variables: [...this.#origin.variables, name] };
    const source = new Source(`the environment variable ${name}`, text);
    const value = new Parser(source, "", this.#outside, problems, origin).lone();
    const [problem] = problems.list().filter(({ severity }) => severity === "error");
    if (problem === undefined) return { ...value, span, from: value.span };
    return this.#badVariable(
      span,
      `the value of the environment variable ${name} cannot be read: ${problem.message}`,
      problem.hint,
    );
  }

  #badVariable(span: Span, message: string, hint: string | null = null): ConfigValue {
    this.#problems.error("VARIABLE", message, span, hint);
    return { kind: "broken", span };
  }

  #include(entries: Map<string, Entry>, keyword: Key): void {
    const lexer = this.#lexer;
    lexer.skipBlanks();
    const start = lexer.pos;
    const name = this.#includedName();
    if (name === null) return;
    const span = lexer.span(start, lexer.pos);
    const source = this.#find(name, span);
    if (source === null) return;
    const included = new Parser(source, source.name, this.#outside, this.#problems, this.#origin).file();
    for (const entry of included.entries.values()) this.#set(entries, entry);
    if (included.entries.size === 0) this.#problems.notice("EMPTY", `${source.name} has no values`, keyword.span);
  }

  #includedName(): string | null {
    const lexer = this.#lexer;
    const start = lexer.pos;
    const quote = lexer.next;
    if (quote === "'" || quote === '"') {
      const end = lexer.text.indexOf(quote, start + 1);
      if (end === -1) lexer.stop("the quote of this path is never closed", start);
      lexer.pos = end + 1;
      return lexer.text.slice(start + 1, end);
    }
    if (quote === "" || isLineEnd(quote) || /[[{(\d\-\\]/.test(quote)) {
      const found = quote === "" || isLineEnd(quote) ? "the end of the line" : JSON.stringify(quote);
      lexer.skipLine();
      lexer.broken(`the path of a file must follow include, but here is ${found}`, start, "put the path into quotes");
      return null;
    }
    while (!lexer.atEnd && !INCLUDE_END.test(lexer.next)) lexer.pos++;
    const name = lexer.text.slice(start, lexer.pos);
    if (lexer.next === "'") lexer.pos++;
    return name;
  }

  /**
   * Reads an included file. Paths are relative to the folder of the including file, even those that begin with a slash, as
   * the reference has it; where nothing is there, an absolute path is taken for one.
   */
  #find(name: string, span: Span): Source | null {
    const beside = join(dirname(this.#path), name);
    const candidates = isAbsolute(name) ? [beside, name] : [beside];
    const { files } = this.#origin;
    let reason: string | null = null;
    for (const path of candidates) {
      if (files.includes(path)) {
        this.#problems.error(
          "INCLUDE",
          `${JSON.stringify(name)} includes itself`,
          span,
          [...files, path].join(" includes "),
        );
        return null;
      }
      if (files.length >= INCLUDE_DEPTH_MAX) {
        this.#problems.error("INCLUDE", `more than ${INCLUDE_DEPTH_MAX} files include each other`, span);
        return null;
      }
      try {
        return new Source(path, this.#outside.readFile(path));
      } catch (error) {
        reason ??= (error as Error).message;
      }
    }
    this.#problems.error(
      "INCLUDE",
      `error parsing include file '${name}', ${reason}`,
      span,
      "the path is relative to this file's folder",
    );
    return null;
  }
}

function missingValueHint({ text, quoted }: Key): string {
  if (!quoted && /[{[]$/.test(text)) return `put a space before "${text.at(-1)}"`;
  return "the value must begin on the line of its key";
}

function isLineEnd(text: string): boolean {
  return text === "\n" || text === "\r";
}
