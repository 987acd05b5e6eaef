// What is wrong with a configuration, and how it is told:
//
//   server.conf:3:1: unknown field "prot"
//     3 | prot: 4222
//       | ^^^^ did you mean "port"?
//
// The first line of each is the reference's form, which tools read. The quoted line shows no passwords.

import { locationOf, type Span } from "./source.ts";

/**
 * How bad it is. An `error` stops everything. A `warning` makes the check of a file fail, as with the reference, but does not
 * stop a start. A `notice` only wants to be read.
 */
export type Severity = "error" | "warning" | "notice";

/** Stable names of what can be wrong. */
export type ProblemCode =
  | "SYNTAX"
  | "BAD_VALUE"
  | "VARIABLE"
  | "INCLUDE"
  | "UNKNOWN_FIELD"
  | "NOT_SUPPORTED"
  | "CONFLICT"
  | "DUPLICATE"
  | "DISCOURAGED"
  | "EMPTY"
  | "FILE";

/** One thing that is wrong with a configuration. */
export interface Problem {
  readonly severity: Severity;
  readonly code: ProblemCode;
  /** Names what is wrong, quoting the value and the limit. */
  readonly message: string;
  /** Null where it concerns no place in particular. */
  readonly span: Span | null;
  /** What to do about it. */
  readonly hint: string | null;
}

/** A configuration that cannot be used. Holds everything that is wrong with it, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "INVALID_CONFIG";
  /** At least one of them is an error. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** Collects problems while a configuration is read. */
export class Problems {
  readonly #list: Problem[] = [];

  error(code: ProblemCode, message: string, span: Span | null, hint: string | null = null): void {
    this.#list.push({ severity: "error", code, message, span, hint });
  }

  warn(code: ProblemCode, message: string, span: Span | null, hint: string | null = null): void {
    this.#list.push({ severity: "warning", code, message, span, hint });
  }

  notice(code: ProblemCode, message: string, span: Span | null, hint: string | null = null): void {
    this.#list.push({ severity: "notice", code, message, span, hint });
  }

  has(severity: Severity): boolean {
    return this.count(severity) > 0;
  }

  count(severity: Severity): number {
    return this.#list.filter((problem) => problem.severity === severity).length;
  }

  /** All of them; those of one file in the order in which they stand there. */
  list(): readonly Problem[] {
    const files = [...new Set(this.#list.map(({ span }) => span?.source ?? null))];
    return this.#list.toSorted((a, b) => {
      const byFile = files.indexOf(a.span?.source ?? null) - files.indexOf(b.span?.source ?? null);
      return byFile !== 0 ? byFile : (a.span?.start ?? 0) - (b.span?.start ?? 0);
    });
  }
}

/** The line that tools read: `FILE:LINE:COLUMN: message`. */
export function headOf({ message, span }: Pick<Problem, "message" | "span">): string {
  return span === null ? message : `${locationOf(span)}: ${message}`;
}

/** Characters of a line that are quoted; a longer one is cut round the place in question. */
const QUOTE_LENGTH_MAX = 100;
/** Characters before the place that stay when a line is cut. */
const QUOTE_LEAD = 40;

/** A problem with its line quoted, a caret under the place, and what to do. */
export function formatProblem(problem: Problem): string {
  const { span, hint } = problem;
  if (span === null) return hint === null ? problem.message : `${problem.message}\n  ${hint}`;
  const { line, column } = span.source.place(span.start);
  const full = hideSecrets(span.source.line(line));
  const from = full.length > QUOTE_LENGTH_MAX ? Math.max(0, column - 1 - QUOTE_LEAD) : 0;
  const quoted = full.slice(from, from + QUOTE_LENGTH_MAX);
  const before = quoted.slice(0, column - 1 - from);
  const marked = Math.max(1, Math.min(span.end - span.start, quoted.length - before.length));
  const gutter = " ".repeat(String(line).length);
  const caret = `${before.replace(/[^\t]/g, " ")}${"^".repeat(marked)}`;
  const advice = hint === null ? "" : ` ${hint}`;
  return `${headOf(problem)}\n  ${line} | ${quoted}\n  ${gutter} | ${caret}${advice}`;
}

/**
 * Finds the value after a key that holds something secret, or looks like one that was mistyped. Without quotes it goes to the end of
 * the entry: a password with blanks that somebody forgot to quote.
 */
const SECRET =
  /(\b(?:\w*password|\w*secret|pas+\w*|pw\w*|tok\w*|seed|jwt|(?:encryption_)?key|(?:prev_)?ek)["']?\s*[:=\s]\s*)("[^"]*"?|'[^']*'?|[^\s,;}\]](?:[^,;}\]]*[^\s,;}\]])?)/gi;

/** Stars in the place of secrets, as many as there were characters: what stands behind them keeps its column. */
function hideSecrets(line: string): string {
  return line.replace(SECRET, (_all, key: string, value: string) => key + "*".repeat(value.length));
}
