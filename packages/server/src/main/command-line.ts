// From the words of the command line to what the program is to do. Nothing is done here, and nothing is read from outside.
//
// The order of the questions is the reference's (opts.go, ConfigureOptions): is the line readable, is a text asked for, is a
// signal to be sent, is the configuration to be checked; and only then what a server is to be like.

import { SERVER_VERSION } from "@myelin/protocol";
import type { PartialServerOptions } from "../options.ts";
import { MYELIN_VERSION } from "../version.ts";
import { FLAGS, FlagError, type FlagValue, type ReadFlags, readFlags } from "./flags.ts";
import { usageText } from "./usage.ts";

/** The exit code for a line that cannot be read. Odd, but the reference ends that way: its usage text counts as an answer. */
export const EXIT_BAD_FLAG = 0;
/** The exit code for everything else that goes wrong. */
export const EXIT_FAILURE = 1;

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
  /** To be logged at the start: flags that have no effect with these others. */
  readonly warnings: readonly string[];
}

/** What the command line asks for. */
export type Command =
  | { readonly kind: "run"; readonly settings: RunSettings }
  /** Print this to stdout, and that is all. */
  | { readonly kind: "print"; readonly text: string }
  /** `<signal>[=<pid>]`, as it was given. */
  | { readonly kind: "signal"; readonly request: string }
  /** Say why not on stderr, `usage` on stdout, and exit with `exitCode`. */
  | { readonly kind: "fail"; readonly problem: string; readonly usage: string; readonly exitCode: number };

/**
 * Understands a command line.
 *
 * @param args - Without the program itself.
 * @param programName - For the texts.
 */
export function understand(args: readonly string[], programName: string): Command {
  let read: ReadFlags;
  try {
    read = readFlags(args);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    return { kind: "fail", problem: error.message, usage: usageText(programName), exitCode: EXIT_BAD_FLAG };
  }
  const { values, words } = read;
  const word = words[0]?.toLowerCase();
  if (values.get("version") === true) return { kind: "print", text: versionText(programName) };
  if (values.get("help") === true) return { kind: "print", text: usageText(programName) };
  if (word === "version") return { kind: "print", text: versionText(programName) };
  if (word === "help") return { kind: "print", text: usageText(programName) };
  if (words[0] !== undefined) return failure(programName, `unrecognized command: ${JSON.stringify(words[0])}`);
  const signal = textOf(values, "signal");
  if (signal !== null) return { kind: "signal", request: signal };
  if (values.get("t") === true && textOf(values, "config") === null) {
    return failure(programName, "must specify [-c, --config] option to check configuration file syntax");
  }
  const refused = refusedFlags(values);
  if (refused.length > 0) return failure(programName, `not supported yet: ${refused.join(", ")}`);
  const problem = contradiction(values);
  if (problem !== null) return failure(programName, problem);
  return { kind: "run", settings: runSettings(values) };
}

/** As `nats-server` it is that program's line to the byte: launchers take versions from it in their own ways. */
function versionText(programName: string): string {
  const own = programName === "nats-server" ? "" : ` (Myelin ${MYELIN_VERSION})`;
  return `${programName}: v${SERVER_VERSION}${own}\n`;
}

function failure(programName: string, problem: string): Command {
  return { kind: "fail", problem: `${programName}: ${problem}`, usage: "", exitCode: EXIT_FAILURE };
}

/** A flag that says `false`, 0 or nothing asks for nothing: `--tls=false` is a server without TLS, as every one here is. */
function refusedFlags(values: ReadonlyMap<string, FlagValue>): string[] {
  const refused: string[] = [];
  for (const { name, supported } of FLAGS) {
    const value = values.get(name);
    const asks = value !== undefined && value !== false && value !== 0 && value !== "";
    if (asks && !supported) refused.push(`--${name}`);
  }
  return refused;
}

function contradiction(values: ReadonlyMap<string, FlagValue>): string | null {
  if (textOf(values, "server_name")?.includes(" ")) return "server name cannot contain spaces";
  if (textOf(values, "user") === null && textOf(values, "pass") !== null) {
    // The reference takes it and lets everybody in; who set a password did not mean that.
    return "--pass has no effect without --user, and the server would be open to everybody";
  }
  return null;
}

function runSettings(values: ReadonlyMap<string, FlagValue>): RunSettings {
  const port = values.get("port") as number | undefined;
  const user = textOf(values, "user");
  const file = textOf(values, "log");
  const sizeLimitBytes = Math.max(0, (values.get("log_size_limit") as number | undefined) ?? 0);
  const warnings: string[] = [];
  if (sizeLimitBytes > 0 && file === null) warnings.push("--log_size_limit has no effect without --log");
  if (textOf(values, "store_dir") !== null) {
    warnings.push("--store_dir has no effect without JetStream, which is not supported yet");
  }
  return {
    options: {
      host: textOf(values, "addr") ?? undefined,
      // 0 is "not given" to the reference, so it means the default port here too; -1 picks a free one.
      port: port === 0 ? undefined : port,
      serverName: textOf(values, "server_name"),
      user,
      pass: user === null ? null : (textOf(values, "pass") ?? ""),
      token: textOf(values, "auth"),
      ...verbosity(values),
    },
    log: {
      file,
      sizeLimitBytes,
      time: values.get("logtime") !== false,
      utc: values.get("logtime_utc") === true,
    },
    pidFile: textOf(values, "pid"),
    portsFileDir: textOf(values, "ports_file_dir"),
    warnings,
  };
}

/** -D and -V first, then the combined ones in the reference's order: each sets what it is about, `=false` included. */
function verbosity(values: ReadonlyMap<string, FlagValue>): { debug: boolean; trace: boolean } {
  let debug = values.get("debug") === true;
  let trace = values.get("trace") === true;
  for (const name of ["DV", "DVV"]) {
    const value = values.get(name);
    if (value !== undefined) debug = trace = value === true;
  }
  const value = values.get("VV");
  if (value !== undefined) trace = value === true;
  return { debug, trace };
}

/** A text that is not empty; to the reference an empty one is the same as none. */
function textOf(values: ReadonlyMap<string, FlagValue>, name: string): string | null {
  const value = values.get(name);
  return typeof value === "string" && value !== "" ? value : null;
}
