// What a configuration sets, under names that do not depend on the spelling in the file. A setting that the file leaves out is
// absent: the command line and the defaults come after.

import type { PartialServerOptions, ServerOptions } from "../options.ts";
import type { Span } from "./source.ts";

/** What belongs to the process round the server. An embedded server has no use for it. */
export interface ProcessSettings {
  readonly logFile?: string;
  /** Bytes; 0 means never. */
  readonly logSizeLimitBytes?: number;
  /** Whether lines carry the time, and whether in UTC. */
  readonly logTime?: boolean;
  readonly logTimeUtc?: boolean;
  readonly pidFile?: string;
  readonly portsFileDir?: string;
}

/** The name of a setting. */
export type SettingName = keyof ServerOptions | keyof ProcessSettings;

/** What a configuration comes to. */
export interface Settings {
  readonly options: PartialServerOptions;
  readonly process: ProcessSettings;
  /** Where each of them was set. */
  readonly origins: ReadonlyMap<SettingName, Span>;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Settings while a file is read. */
export class SettingsDraft implements Settings {
  readonly options: Mutable<PartialServerOptions> = {};
  readonly process: Mutable<ProcessSettings> = {};
  readonly origins: Map<SettingName, Span> = new Map();

  /** Sets an option of the server. */
  option<Name extends keyof ServerOptions>(name: Name, value: ServerOptions[Name], span: Span): void {
    this.options[name] = value;
    this.origins.set(name, span);
  }

  /** Sets what belongs to the process. */
  ofProcess<Name extends keyof ProcessSettings>(name: Name, value: Required<ProcessSettings>[Name], span: Span): void {
    this.process[name] = value;
    this.origins.set(name, span);
  }
}

/**
 * Puts options of the command line or of a program over those of a file. A user takes the place of a token in the file, and the
 * other way round: both together would leave the new one without effect.
 */
export function overrideOptions(file: PartialServerOptions, over: PartialServerOptions): PartialServerOptions {
  const options: Mutable<PartialServerOptions> = { ...file };
  const { user, token } = over;
  if (typeof user === "string") options.token = null;
  if (typeof token === "string" || user === null) options.user = options.pass = null;
  return Object.assign(options, over);
}
