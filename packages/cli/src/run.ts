// A command line in, an exit code out; what went wrong as one line on stderr.

import { CliError, errorText } from "./cli-error.ts";
import type { Outside } from "./outside.ts";

/** The exit code for everything that goes wrong. */
export const EXIT_FAILURE = 1;

/**
 * Runs a command line.
 *
 * @param args - Without the program itself; `server` is not among the commands here, see `main`.
 * @returns The exit code: 0, or 1 or what a command says after `myelin: error: ...`.
 */
export async function run(args: readonly string[], outside: Outside): Promise<number> {
  const { output } = outside;
  try {
    const { runCommandLine } = await import("./program.ts");
    await runCommandLine(args, outside);
  } catch (error) {
    const problem = problemOf(error);
    if (problem === null) return 0;
    output.error(`myelin: error: ${problem}\n`);
    return error instanceof CliError ? error.exitCode : EXIT_FAILURE;
  } finally {
    output.flush();
  }
  return 0;
}

/** One line; null when nothing went wrong. */
function problemOf(error: unknown): string | null {
  if (error instanceof CliError || !isCommanderError(error)) return oneLine(errorText(error));
  if (error.exitCode === 0) return null;
  if (error.code === "commander.help") return "no command is given; see `myelin --help`";
  const text = oneLine(error.message.replace(/^error: /, ""));
  if (error.code === "commander.invalidArgument") return text;
  return `${text}; see \`myelin ${error.code === "commander.unknownCommand" ? "" : "<command> "}--help\``;
}

/** Known by its form: commander is loaded only when it is needed. */
function isCommanderError(error: unknown): error is Error & { code: string; exitCode: number } {
  const candidate = error as { code?: unknown; exitCode?: unknown };
  return error instanceof Error && typeof candidate.exitCode === "number" && typeof candidate.code === "string";
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ");
}
