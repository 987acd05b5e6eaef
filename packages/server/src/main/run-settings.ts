// What a server is run with, put together from the command line and a configuration file. The command line wins.

import type { Configuration } from "../config/load.ts";
import { NODE_CONFIG_OUTSIDE } from "../config/node-outside.ts";
import type { ConfigOutside } from "../config/parser.ts";
import { headOf } from "../config/problem.ts";
import { overrideOptions, type ProcessSettings, type SettingName } from "../config/settings.ts";
import { locationOf } from "../config/source.ts";
import type { PartialServerOptions } from "../options.ts";
import { overrideTls, type TlsOptions, type TlsSettings, TlsSettingsError } from "../tls/settings.ts";

type ReadFile = ConfigOutside["readFile"];

/** How the log is to be written. */
export interface LogSettings {
  /** Null: to stderr. */
  readonly file: string | null;
  /** Bytes after which a log file is set aside; 0 means never. */
  readonly sizeLimitBytes: number;
  /** Whether lines carry the time, and whether that is UTC instead of local time. */
  readonly time: boolean;
  readonly utc: boolean;
}

/** A server that is to be run, and what its process does around it. */
export interface RunSettings {
  readonly options: PartialServerOptions;
  readonly log: LogSettings;
  readonly pidFile: string | null;
  readonly portsFileDir: string | null;
  /** To be logged at the start: what has no effect, and what is set twice. */
  readonly warnings: readonly string[];
  /** The file that was used; null without one. */
  readonly config: { readonly file: string; readonly digest: string } | null;
}

/** What flags say about TLS. */
export interface TlsFlags {
  /** `--tls=false`: no TLS, whatever a file says. */
  readonly off: boolean;
  readonly over: TlsOptions;
}

/** What flags set. A flag that was not given sets nothing. */
export interface FlagSettings {
  readonly options: PartialServerOptions;
  readonly process: ProcessSettings;
  /** Null when no flag is about TLS. */
  readonly tls: TlsFlags | null;
  /** The flag that set each of them: `--port`. */
  readonly origins: ReadonlyMap<SettingName, string>;
  /** Flags that have no effect. */
  readonly warnings: readonly string[];
}

/** Settings of both, with the place that each is from: a flag, or `FILE:LINE:COLUMN`. */
export interface MergedSettings {
  readonly options: PartialServerOptions;
  readonly process: ProcessSettings;
  readonly origins: ReadonlyMap<SettingName, string>;
}

/** The command line contradicts itself, or a file; the text says what and why. */
export class SettingsConflict extends Error {
  override readonly name = "SettingsConflict";
  readonly code = "SETTINGS_CONFLICT";
}

type Options = { -readonly [Name in keyof PartialServerOptions]: PartialServerOptions[Name] };

/**
 * Puts flags over a file. A user given by a flag takes the place of a token in the file, and the other way round.
 *
 * @param file - Null without one.
 * @param readFile - Reads the certificates that flags name.
 * @throws SettingsConflict when the result lets in whom nobody meant, or when TLS cannot be had with these certificates.
 */
export function mergeSettings(
  file: Configuration | null,
  flags: FlagSettings,
  readFile: ReadFile = NODE_CONFIG_OUTSIDE.readFile,
): MergedSettings {
  const options: Options = { ...overrideOptions(file?.options ?? {}, flags.options) };
  if (flags.tls !== null) options.tls = flags.tls.off ? null : tlsOf(options.tls ?? null, flags.tls.over, readFile);
  if ((options.user ?? null) === null) {
    if (typeof flags.options.pass === "string") {
      // The reference takes it and lets everybody in; who set a password did not mean that.
      throw new SettingsConflict("--pass has no effect without --user, and the server would be open to everybody");
    }
  } else options.pass ??= "";
  const origins = new Map<SettingName, string>();
  for (const [name, span] of file?.origins ?? []) origins.set(name, locationOf(span));
  for (const [name, flag] of flags.origins) origins.set(name, flag);
  if (flags.tls !== null) origins.set("tls", "--tls");
  return { options, process: { ...file?.process, ...flags.process }, origins };
}

/** Flags replace what they are about. What else a file says of TLS, its ciphers and versions say, stays. */
function tlsOf(file: TlsSettings | null, over: TlsOptions, readFile: ReadFile): TlsSettings {
  if (file === null && over.certFile === undefined)
    throw new SettingsConflict("TLS Server certificate must be present and valid");
  if (over.keyFile === undefined && (file === null || over.certFile !== undefined))
    throw new SettingsConflict("TLS Server private key must be present and valid");
  try {
    return overrideTls(file, over, readFile);
  } catch (error) {
    if (!(error instanceof TlsSettingsError)) throw error;
    throw new SettingsConflict(error.message, { cause: error });
  }
}

/**
 * What to run a server with.
 *
 * @throws SettingsConflict as {@link mergeSettings}.
 */
export function runSettings(
  configFile: string | null,
  file: Configuration | null,
  flags: FlagSettings,
  readFile: ReadFile = NODE_CONFIG_OUTSIDE.readFile,
): RunSettings {
  const { options, process } = mergeSettings(file, flags, readFile);
  const { logFile = null, logSizeLimitBytes = 0, logTime = true, logTimeUtc = false } = process;
  const notices = (file?.problems ?? []).filter(({ severity }) => severity === "notice");
  const warnings: string[] = [];
  if (logSizeLimitBytes > 0 && logFile === null) {
    const [limit, log] =
      flags.process.logSizeLimitBytes === undefined ? ["logfile_size_limit", "logfile"] : ["--log_size_limit", "--log"];
    warnings.push(`${limit} has no effect without ${log}`);
  }
  warnings.push(...flags.warnings, ...notices.map(headOf));
  return {
    options,
    log: { file: logFile, sizeLimitBytes: logSizeLimitBytes, time: logTime, utc: logTimeUtc },
    pidFile: process.pidFile ?? null,
    portsFileDir: process.portsFileDir ?? null,
    warnings,
    config: file === null || configFile === null ? null : { file: configFile, digest: file.digest },
  };
}
