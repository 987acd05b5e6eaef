// A reload, as the process of a server does it on SIGHUP: reads the flags' file again, compares, and takes over. All or nothing:
// whatever can fail is done before the first setting changes.

import { ConfigError, headOf } from "../config/problem.ts";
import type { CompleteProcessSettings, ProcessSettings } from "../config/settings.ts";
import { OptionsError, type PartialServerOptions } from "../options.ts";
import { compareSettings, ReloadError, type ReloadPlan } from "../reload/plan.ts";
import { fileErrorText } from "../system-error.ts";
import type { LogTarget } from "./log-writer.ts";
import { type LogSettings, type RunSettings, SettingsConflict } from "./run-settings.ts";

/** What a reload of the process needs from outside. */
export interface ReloadOutside {
  /**
   * Reads the configuration file again, with the command line over it.
   *
   * @throws ConfigError or SettingsConflict.
   */
  readSettings(): RunSettings;
  /** @throws The platform's error when the log file cannot be opened. */
  openLog(settings: LogSettings): LogTarget;
}

/** A reload that nothing stands in the way of any more. */
export interface ProcessReload {
  readonly settings: RunSettings;
  readonly plan: ReloadPlan;
  /** The log to go on with; null for the one that is there. */
  readonly log: LogTarget | null;
  /** Whether the file has to be written, and the old ports file to go. */
  readonly writesPidFile: boolean;
  readonly movesPortsFile: boolean;
  /** What the log is to say of the process's own settings. */
  readonly lines: readonly string[];
}

/** The new log file cannot be opened. */
export class LogFileError extends Error {
  override readonly name = "LogFileError";
  readonly code = "LOG_FILE";
}

/**
 * Makes a reload ready. Nothing changes, but for a new log file, which is there then.
 *
 * @param planServer - See `Server.planReload`.
 * @throws ConfigError, SettingsConflict, OptionsError, ReloadError or LogFileError: no reload.
 */
export function prepareReload(
  current: RunSettings,
  planServer: (options: PartialServerOptions) => ReloadPlan,
  outside: ReloadOutside,
): ProcessReload {
  const settings = outside.readSettings();
  const plan = planServer(settings.options);
  const { changed, lines, refusals } = compareSettings(processSettings(settings), processSettings(current));
  if (plan.refusals.length + refusals.length > 0) throw new ReloadError([...plan.refusals, ...refusals]);
  const has = (name: keyof ProcessSettings): boolean => changed.includes(name);
  return {
    settings,
    plan,
    log: has("logFile") || has("logTime") || has("logTimeUtc") ? openLog(settings.log, outside) : null,
    writesPidFile: has("pidFile") && settings.pidFile !== null,
    movesPortsFile: has("portsFileDir"),
    lines,
  };
}

/** Why a reload failed, a line for each reason. */
export function reasonsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) {
    const errors = error.problems.filter(({ severity }) => severity === "error");
    return errors.map((problem) => (problem.hint === null ? headOf(problem) : `${headOf(problem)} (${problem.hint})`));
  }
  if (error instanceof ReloadError) return error.refusals.map(({ text }) => text);
  const isExpected =
    error instanceof OptionsError || error instanceof SettingsConflict || error instanceof LogFileError;
  if (isExpected || !(error instanceof Error)) return [error instanceof Error ? error.message : String(error)];
  return [error.stack ?? error.message];
}

function openLog(settings: LogSettings, outside: ReloadOutside): LogTarget {
  try {
    return outside.openLog(settings);
  } catch (cause) {
    const text = fileErrorText("open", settings.file ?? "stderr", cause as Error);
    throw new LogFileError(`error opening file: ${text}`, { cause });
  }
}

function processSettings({ log, pidFile, portsFileDir }: RunSettings): CompleteProcessSettings {
  return {
    logFile: log.file,
    logSizeLimitBytes: log.sizeLimitBytes,
    logTime: log.time,
    logTimeUtc: log.utc,
    pidFile,
    portsFileDir,
  };
}
