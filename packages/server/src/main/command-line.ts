// From the words of the command line to what the program is to do. Nothing is done here, and nothing is read from outside.
//
// The order of the questions is the reference's (opts.go, ConfigureOptions): is the line readable, is a text asked for, is a
// signal to be sent, is the configuration to be checked; and only then what a server is to be like.

import { SERVER_VERSION } from "@myelin/protocol";
import type { ProcessSettings, SettingName } from "../config/settings.ts";
import { DEFAULT_OPTIONS, type ServerOptions } from "../options.ts";
import type { TlsOptions } from "../tls/settings.ts";
import { MYELIN_VERSION } from "../version.ts";
import { FLAGS, FlagError, type FlagValue, type ReadFlags, readFlags } from "./flags.ts";
import type { FlagSettings, TlsFlags } from "./run-settings.ts";
import { tlsUsageText, usageText } from "./usage.ts";

/** The exit code for a line that cannot be read. Odd, but the reference ends that way: its usage text counts as an answer. */
export const EXIT_BAD_FLAG = 0;
/** The exit code for everything else that goes wrong. */
export const EXIT_FAILURE = 1;

/** What the command line asks for. */
export type Command =
  | {
      readonly kind: "run" | "check" | "show";
      /** What to do it with. A `check` always has a file. */
      readonly configFile: string | null;
      readonly flags: FlagSettings;
    }
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
  if (values.get("help_tls") === true) return { kind: "print", text: tlsUsageText() };
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
  const kind = values.get("t") === true ? "check" : values.get("print_config") === true ? "show" : "run";
  if (textOf(values, "server_name")?.includes(" ")) return failure(programName, "server name cannot contain spaces");
  return { kind, configFile: textOf(values, "config"), flags: flagSettings(values) };
}

/** As `nats-server` it is that program's line to the byte: launchers take versions from it in their own ways. */
function versionText(programName: string): string {
  const own = programName === "nats-server" ? "" : ` (Myelin ${MYELIN_VERSION})`;
  return `${programName}: v${SERVER_VERSION}${own}\n`;
}

function failure(programName: string, problem: string): Command {
  return { kind: "fail", problem: `${programName}: ${problem}`, usage: "", exitCode: EXIT_FAILURE };
}

/** A flag that says `false`, 0 or nothing asks for nothing: `--jetstream=false` is a server without it, as every one here is. */
function refusedFlags(values: ReadonlyMap<string, FlagValue>): string[] {
  const refused: string[] = [];
  for (const { name, supported } of FLAGS) {
    const value = values.get(name);
    const asks = value !== undefined && value !== false && value !== 0 && value !== "";
    if (asks && !supported) refused.push(`--${name}`);
  }
  return refused;
}

function flagSettings(values: ReadonlyMap<string, FlagValue>): FlagSettings {
  const settings = new FlagSettingsDraft();
  settings.text("host", "addr", values);
  settings.text("serverName", "server_name", values);
  settings.text("clientAdvertise", "client_advertise", values);
  settings.text("user", "user", values);
  settings.text("pass", "pass", values);
  settings.text("token", "auth", values);
  const port = values.get("port") as number | undefined;
  // 0 is "not given" to the reference, so it means the default port here too; -1 picks a free one.
  if (port !== undefined) settings.option("port", port === 0 ? DEFAULT_OPTIONS.port : port, "port");
  settings.tls = tlsFlags(values);
  addVerbosity(settings, values);
  addProcess(settings, values);
  const storeDir = textOf(values, "store_dir");
  if (storeDir !== null) {
    settings.option("storeDir", storeDir, "store_dir");
    settings.warnings.push("--store_dir is for OCSP answers only: JetStream is not supported yet");
  }
  return settings;
}

function tlsFlags(values: ReadonlyMap<string, FlagValue>): TlsFlags | null {
  if (!["tls", "tlscert", "tlskey", "tlscacert", "tlsverify"].some((name) => values.has(name))) return null;
  const certFile = textOf(values, "tlscert");
  const keyFile = textOf(values, "tlskey");
  const caFile = textOf(values, "tlscacert");
  const verify = values.get("tlsverify");
  const over: TlsOptions = {
    ...(certFile !== null && { certFile }),
    ...(keyFile !== null && { keyFile }),
    ...(caFile !== null && { caFile }),
    ...(typeof verify === "boolean" && { verify }),
  };
  return { off: values.get("tls") === false, over };
}

/** -D and -V first, then the combined ones in the reference's order: each sets what it is about, `=false` included. */
function addVerbosity(settings: FlagSettingsDraft, values: ReadonlyMap<string, FlagValue>): void {
  for (const [name, debug, trace] of VERBOSITY_FLAGS) {
    const value = values.get(name);
    if (typeof value !== "boolean") continue;
    if (debug) settings.option("debug", value, name);
    if (trace) settings.option("trace", value, name);
  }
}

const VERBOSITY_FLAGS: ReadonlyArray<readonly [name: string, debug: boolean, trace: boolean]> = [
  ["debug", true, false],
  ["trace", false, true],
  ["DV", true, true],
  ["DVV", true, true],
  ["VV", false, true],
];

function addProcess(settings: FlagSettingsDraft, values: ReadonlyMap<string, FlagValue>): void {
  const limit = values.get("log_size_limit");
  const time = values.get("logtime");
  const utc = values.get("logtime_utc");
  settings.ofProcess("logFile", textOf(values, "log") ?? undefined, "log");
  settings.ofProcess("logSizeLimitBytes", typeof limit === "number" ? Math.max(0, limit) : undefined, "log_size_limit");
  settings.ofProcess("logTime", typeof time === "boolean" ? time : undefined, "logtime");
  settings.ofProcess("logTimeUtc", typeof utc === "boolean" ? utc : undefined, "logtime_utc");
  settings.ofProcess("pidFile", textOf(values, "pid") ?? undefined, "pid");
  settings.ofProcess("portsFileDir", textOf(values, "ports_file_dir") ?? undefined, "ports_file_dir");
}

/** A text that is not empty; to the reference an empty one is the same as none. */
function textOf(values: ReadonlyMap<string, FlagValue>, name: string): string | null {
  const value = values.get(name);
  return typeof value === "string" && value !== "" ? value : null;
}

/** Settings while flags are read. */
class FlagSettingsDraft implements FlagSettings {
  readonly options: { -readonly [Name in keyof ServerOptions]?: ServerOptions[Name] } = {};
  readonly process: { -readonly [Name in keyof ProcessSettings]: ProcessSettings[Name] } = {};
  readonly origins: Map<SettingName, string> = new Map();
  readonly warnings: string[] = [];
  tls: TlsFlags | null = null;

  option<Name extends keyof ServerOptions>(name: Name, value: ServerOptions[Name], flag: string): void {
    this.options[name] = value;
    this.origins.set(name, `--${flag}`);
  }

  /** An empty text takes away what a file says. */
  text(name: TextOption, flag: string, values: ReadonlyMap<string, FlagValue>): void {
    if (!values.has(flag)) return;
    const value = textOf(values, flag);
    if (name === "host") this.option("host", value ?? DEFAULT_OPTIONS.host, flag);
    else this.option(name, value, flag);
  }

  ofProcess<Name extends keyof ProcessSettings>(
    name: Name,
    value: ProcessSettings[Name] | undefined,
    flag: string,
  ): void {
    if (value === undefined) return;
    this.process[name] = value;
    this.origins.set(name, `--${flag}`);
  }
}

type TextOption = "host" | "serverName" | "clientAdvertise" | "user" | "pass" | "token";
