// Does what a command line with a configuration file asks for: check it, show what it comes to, or make ready to run with it.

import { type Configuration, loadConfig } from "../config/load.ts";
import type { ConfigOutside } from "../config/parser.ts";
import { ConfigError, formatProblem, headOf, type Problem } from "../config/problem.ts";
import { completeOptions, OptionsError } from "../options.ts";
import { type Command, EXIT_FAILURE } from "./command-line.ts";
import { printConfig } from "./print-config.ts";
import { mergeSettings, type RunSettings, runSettings, SettingsConflict } from "./run-settings.ts";

/** What came of it. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Null: go on and run with `settings`. */
  readonly exitCode: number | null;
  readonly settings: RunSettings | null;
}

/** The commands that need settings. */
export type SettingsCommand = Extract<Command, { readonly kind: "run" | "check" | "show" }>;

/** Reads the file and the flags, and says how it went. */
export function prepare(command: SettingsCommand, programName: string, outside: ConfigOutside): Outcome {
  const { kind, configFile, flags } = command;
  let file: Configuration | null = null;
  try {
    if (configFile !== null) file = loadConfig({ file: configFile }, outside);
    if (kind === "check") return check(command, file as Configuration, programName, outside);
    const stderr = texts(file, "warning");
    if (kind === "run")
      return { stdout: "", stderr, exitCode: null, settings: runSettings(configFile, file, flags, outside.readFile) };
    const stdout = printConfig(mergeSettings(file, flags, outside.readFile));
    return { stdout, stderr: stderr + texts(file, "notice"), exitCode: 0, settings: null };
  } catch (error) {
    const isExpected =
      error instanceof ConfigError || error instanceof SettingsConflict || error instanceof OptionsError;
    if (!isExpected) throw error;
    return failure(programName, error.message);
  }
}

/**
 * Reads the file of a server that runs with it again, with the same flags over it.
 *
 * @throws ConfigError or SettingsConflict when no server could run with it.
 */
export function readAgain({ configFile, flags }: SettingsCommand, outside: ConfigOutside): RunSettings {
  const file = configFile === null ? null : loadConfig({ file: configFile }, outside);
  const settings = runSettings(configFile, file, flags, outside.readFile);
  const warnings = (file?.problems ?? []).filter(({ severity }) => severity === "warning");
  return { ...settings, warnings: [...warnings.map(headOf), ...settings.warnings] };
}

/** The reference's line for a good file. As there, a warning makes a check fail, though a server would start. */
function check(
  { configFile, flags }: SettingsCommand,
  file: Configuration,
  programName: string,
  { readFile }: ConfigOutside,
): Outcome {
  completeOptions(mergeSettings(file, flags, readFile).options);
  const warnings = file.problems.filter(({ severity }) => severity === "warning");
  if (warnings.length > 0) return failure(programName, warnings.map(formatProblem).join("\n"));
  const line = `${programName}: configuration file ${configFile} is valid (${file.digest})\n`;
  return { stdout: "", stderr: texts(file, "notice") + line, exitCode: 0, settings: null };
}

function texts(file: Configuration | null, severity: Problem["severity"]): string {
  const problems = (file?.problems ?? []).filter((problem) => problem.severity === severity);
  return problems.map((problem) => `${formatProblem(problem)}\n`).join("");
}

function failure(programName: string, text: string): Outcome {
  return { stdout: "", stderr: `${programName}: ${text}\n`, exitCode: EXIT_FAILURE, settings: null };
}
