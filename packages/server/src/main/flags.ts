// The flags of the command line, and the reading of them. The form is that of Go's flag package, because launchers use all of it:
//
//   -x value   -x=value   --x value   --x=value   -bool   -bool=false   --   word
//
// One dash and two are alike. Reading stops at the first word that is no flag, or after `--`. Several names of one
// flag share a value, and the last one given counts.

/** What a flag's value looks like. A `bool` takes its value only after `=`. */
export type FlagKind = "bool" | "int" | "string";

/** A flag's value; its type follows from the flag's kind. */
export type FlagValue = boolean | number | string;

/** One flag under all its names. */
export interface Flag {
  /** The name by which the program asks for it: the longest, or the best known. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly kind: FlagKind;
  /** False: known, and refused by name when it is given a value that asks for something. */
  readonly supported: boolean;
}

function flag(name: string, aliases: string, kind: FlagKind, supported = true): Flag {
  return { name, aliases: aliases === "" ? [] : aliases.split(" "), kind, supported };
}

/** Every flag of nats-server 2.15 (opts.go, ConfigureOptions), and `print_config`, which is ours. */
export const FLAGS: readonly Flag[] = [
  flag("addr", "a net", "string"),
  flag("port", "p", "int"),
  flag("server_name", "n name", "string"),
  flag("pid", "P", "string"),
  flag("ports_file_dir", "", "string"),
  flag("signal", "sl", "string"),
  flag("config", "c", "string"),
  flag("t", "", "bool"),
  flag("print_config", "print-config", "bool"),
  flag("client_advertise", "", "string"),
  flag("log", "l", "string"),
  flag("log_size_limit", "", "int"),
  flag("logtime", "T", "bool"),
  flag("logtime_utc", "", "bool"),
  flag("debug", "D", "bool"),
  flag("trace", "V", "bool"),
  flag("VV", "", "bool"),
  flag("DV", "", "bool"),
  flag("DVV", "", "bool"),
  flag("user", "", "string"),
  flag("pass", "", "string"),
  flag("auth", "", "string"),
  flag("tls", "", "bool"),
  flag("tlscert", "", "string"),
  flag("tlskey", "", "string"),
  flag("tlsverify", "", "bool"),
  flag("tlscacert", "", "string"),
  flag("help_tls", "", "bool"),
  flag("store_dir", "sd", "string"),
  flag("version", "v", "bool"),
  flag("help", "h", "bool"),
  flag("http_port", "m", "int", false),
  flag("https_port", "ms", "int", false),
  flag("syslog", "s", "bool", false),
  flag("remote_syslog", "r", "string", false),
  flag("max_traced_msg_len", "", "int", false),
  flag("jetstream", "js", "bool", false),
  flag("routes", "", "string", false),
  flag("cluster", "cluster_listen", "string", false),
  flag("cluster_name", "", "string", false),
  flag("cluster_advertise", "", "string", false),
  flag("no_advertise", "", "bool", false),
  flag("connect_retries", "", "int", false),
  flag("profile", "", "int", false),
];

/** The command line is not one that can be read; the text is the reference's. */
export class FlagError extends Error {
  override readonly name = "FlagError";
  readonly code = "BAD_FLAG";
}

/** What was read: flags that were given, and the words after them. */
export interface ReadFlags {
  /** By {@link Flag.name}; a flag that was not given is not in it. */
  readonly values: ReadonlyMap<string, FlagValue>;
  readonly words: readonly string[];
}

/**
 * Reads a command line.
 *
 * @param args - Without the program itself.
 * @throws FlagError for the first thing that cannot be read.
 */
export function readFlags(args: readonly string[]): ReadFlags {
  const values = new Map<string, FlagValue>();
  let next = 0;
  while (next < args.length) {
    const arg = args[next] as string;
    if (arg.length < 2 || arg[0] !== "-") break;
    next++;
    if (arg === "--") break;
    const { name, given } = splitFlag(arg);
    const found = findFlag(name);
    if (found === undefined) throw new FlagError(`flag provided but not defined: -${name}`);
    if (found.kind === "bool") {
      values.set(found.name, given === null ? true : parseBool(name, given));
      continue;
    }
    let text = given;
    if (text === null) {
      if (next === args.length) throw new FlagError(`flag needs an argument: -${name}`);
      text = args[next++] as string;
    }
    values.set(found.name, found.kind === "int" ? parseInteger(name, text) : text);
  }
  return { values, words: args.slice(next) };
}

function splitFlag(arg: string): { name: string; given: string | null } {
  const body = arg.slice(arg.startsWith("--") ? 2 : 1);
  if (body === "" || body[0] === "-" || body[0] === "=") throw new FlagError(`bad flag syntax: ${arg}`);
  const equals = body.indexOf("=");
  if (equals === -1) return { name: body, given: null };
  return { name: body.slice(0, equals), given: body.slice(equals + 1) };
}

function findFlag(name: string): Flag | undefined {
  return FLAGS.find((candidate) => candidate.name === name || candidate.aliases.includes(name));
}

const TRUE_TEXTS = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE_TEXTS = ["0", "f", "F", "false", "FALSE", "False"];

function parseBool(name: string, text: string): boolean {
  if (TRUE_TEXTS.includes(text)) return true;
  if (FALSE_TEXTS.includes(text)) return false;
  throw new FlagError(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
}

/** Go's integer literals: decimal, 0x, 0b, 0o or a leading 0 for octal, with single underscores between digits. */
const INTEGER = /^([+-]?)(?:0x((?:_?[0-9a-f])+)|0b((?:_?[01])+)|0o?((?:_?[0-7])+)|(0|[1-9](?:_?[0-9])*))$/i;
const INT64_MAX = 2n ** 63n - 1n;

function parseInteger(name: string, text: string): number {
  const match = INTEGER.exec(text);
  if (match === null) throw badInteger(name, text, "parse error");
  const [, sign, hex, binary, octal, decimal] = match;
  const literal =
    hex !== undefined
      ? `0x${hex}`
      : binary !== undefined
        ? `0b${binary}`
        : octal !== undefined
          ? `0o${octal}`
          : decimal;
  const size = BigInt((literal as string).replaceAll("_", ""));
  if (size > (sign === "-" ? INT64_MAX + 1n : INT64_MAX)) throw badInteger(name, text, "value out of range");
  return Number(sign === "-" ? -size : size);
}

function badInteger(name: string, text: string, problem: string): FlagError {
  return new FlagError(`invalid value ${JSON.stringify(text)} for flag -${name}: ${problem}`);
}
