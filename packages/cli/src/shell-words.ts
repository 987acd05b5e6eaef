// Splits a command line into words as a shell would: quotes and backslashes, nothing else. No shell ever runs.

import { CliError } from "./cli-error.ts";

/**
 * Splits. `{{...}}` is one piece, whatever is in it, so that a template can be filled in after the splitting: then what a
 * message holds stays inside the word it was meant for.
 *
 * @throws CliError when a quote is not closed, or nothing is left.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  let at = 0;
  while (at < line.length) {
    const char = line.charAt(at);
    const actionEnd = line.startsWith("{{", at) && quote !== "'" ? line.indexOf("}}", at) : -1;
    if (actionEnd > 0) {
      word = (word ?? "") + line.slice(at, actionEnd + 2);
      at = actionEnd + 2;
      continue;
    }
    if (quote === "" && /\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (quote === "" && (char === "'" || char === '"')) {
      quote = char;
      word ??= "";
    } else if (char === quote) quote = "";
    else if (char === "\\" && quote !== "'" && isEscape(line.charAt(at + 1), quote)) {
      word = (word ?? "") + line.charAt(++at);
    } else word = (word ?? "") + char;
    at++;
  }
  if (quote !== "") throw new CliError(`cannot read the command ${JSON.stringify(line)}: a ${quote} is not closed`);
  if (word !== null) words.push(word);
  if (words.length === 0) throw new CliError("the command is empty: write the program and its arguments");
  return words;
}

/** Inside double quotes a backslash is itself, except before these. */
function isEscape(next: string, quote: string): boolean {
  return next !== "" && (quote === "" || next === '"' || next === "\\" || next === "$" || next === "`");
}
