// The command line: which workloads, on which servers, how often, and how the result is printed.

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseCommand, type ServerCommand } from "./command.ts";
import { BenchError } from "./errors.ts";
import { SETUPS, type Setup } from "./setups.ts";

const DEFAULT_SECONDS = 0.8;
const SECONDS_MAX = 100;
const DEFAULT_RECORDS = 200_000;
const RECORDS_MIN = 1000;
const RECORDS_MAX = 100_000_000;

export const USAGE: string = `Usage: npm run bench -- <set> [workload...] [options]

Sets:
  core        raw connections that send prepared bytes: measures the server
  client-js   the official JavaScript client on both servers
  ingest      publishes that wait for their acknowledgement: a minimal intake over the store, and the reference's JetStream
  store       the store alone, in process, beside lmdb, SQLite (Node 22 and newer) and the reference's replay

A workload is named in full or by its beginning ("fan-out" means all that begin so); none means all.

Options:
  --rounds N               measure everything N times, print medians (default 3)
  --quick                  one round, two fifths of the messages (ingest, store: half the time)
  --seconds S              ingest, store: how long each workload is measured (default ${DEFAULT_SECONDS})
  --records N              store: how many records are read (default ${DEFAULT_RECORDS})
  --reference COMMAND      the reference; default: $REFERENCE_SERVER, then nats-server on PATH
  --myelin-command COMMAND another build of Myelin instead of this one
  --subject NAME=COMMAND   a server to measure instead of Myelin; may be given several times
  --setup NAME             how the servers are configured: ${SETUPS.map(({ name }) => name).join(", ")} (default ${SETUPS[0]!.name})
  --json                   print JSON with every sample
  --markdown               print Markdown tables
  --list                   print the workloads and end
  --help                   print this and end

COMMAND is a path or a whole command line. With {port} in it, that is replaced by a free port; otherwise the server
gets -a 127.0.0.1 -p -1 and must print its port as nats-server does.
`;

const SETS = ["core", "client-js", "ingest", "store"] as const;
export type WorkloadSet = (typeof SETS)[number];
export type Output = "text" | "json" | "markdown";

export interface BenchOptions {
  readonly set: WorkloadSet;
  /** Names or beginnings of names; empty means all. */
  readonly workloads: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
  /** How long a workload is measured that is measured by time. */
  readonly seconds: number;
  /** How many records are read where records are read. */
  readonly records: number;
  /** The reference first, then at least one server to compare; for sets with servers of their own the reference, or none. */
  readonly servers: readonly ServerCommand[];
  readonly setup: Setup;
  readonly output: Output;
}

/** What the command line asks for: a measurement, or only a text. */
export type Request =
  | { readonly kind: "run"; readonly options: BenchOptions }
  | { readonly kind: "list"; readonly set: WorkloadSet }
  | { readonly kind: "help" };

const DEFAULT_ROUNDS = 3;
const ROUNDS_MAX = 100;
const MYELIN_ENTRY = fileURLToPath(new URL("../../packages/server/bin/myelin-server.js", import.meta.url));

/**
 * Reads the command line.
 * @param argv - Without node and the script.
 * @throws BenchError `USAGE` for anything it does not know, `NO_SERVER` when a server cannot be found.
 */
export function readOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): Request {
  const { values, positionals } = parse(argv);
  if (values.help === true) return { kind: "help" };
  const set = readSet(positionals[0]);
  if (values.list === true) return { kind: "list", set };
  if (values.json === true && values.markdown === true)
    throw new BenchError("USAGE", "--json and --markdown exclude each other.");
  refuseForOthers(set, values);
  return {
    kind: "run",
    options: {
      set,
      workloads: positionals.slice(1),
      rounds: values.rounds === undefined ? defaultRounds(set, values) : readRounds(values.rounds),
      quick: values.quick === true,
      seconds: readSeconds(values.seconds),
      records: readRecords(values.records),
      servers: readServers(set, values, environment),
      setup: readSetup(values.setup),
      output: values.json === true ? "json" : values.markdown === true ? "markdown" : "text",
    },
  };
}

/**
 * Those of `all` that the names choose; all of them when there are no names.
 * @throws BenchError `USAGE` for a name that chooses nothing.
 */
export function chooseWorkloads<W extends { readonly name: string }>(all: readonly W[], names: readonly string[]): W[] {
  for (const name of names) {
    if (all.some((workload) => workload.name.startsWith(name))) continue;
    const known = all.map((workload) => workload.name).join(", ");
    throw new BenchError("USAGE", `No workload begins with ${JSON.stringify(name)}. There are: ${known}.`);
  }
  // A full name means that workload alone, even where others begin like it.
  const exact = new Set(names.filter((name) => all.some((workload) => workload.name === name)));
  const chosen = (workload: W): boolean =>
    names.some((name) => (exact.has(name) ? workload.name === name : workload.name.startsWith(name)));
  return names.length === 0 ? [...all] : all.filter(chosen);
}

const FLAGS = {
  rounds: { type: "string" },
  quick: { type: "boolean" },
  seconds: { type: "string" },
  records: { type: "string" },
  reference: { type: "string" },
  "myelin-command": { type: "string" },
  subject: { type: "string", multiple: true },
  setup: { type: "string" },
  json: { type: "boolean" },
  markdown: { type: "boolean" },
  list: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

interface Flags {
  rounds?: string | undefined;
  quick?: boolean | undefined;
  seconds?: string | undefined;
  records?: string | undefined;
  reference?: string | undefined;
  "myelin-command"?: string | undefined;
  subject?: string[] | undefined;
  setup?: string | undefined;
  json?: boolean | undefined;
  markdown?: boolean | undefined;
  list?: boolean | undefined;
  help?: boolean | undefined;
}

function parse(argv: readonly string[]): { values: Flags; positionals: string[] } {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, allowPositionals: true });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new BenchError("USAGE", `${text}\n\n${USAGE}`, { cause });
  }
}

function readSet(word: string | undefined): WorkloadSet {
  const set = SETS.find((each) => each === word);
  if (set !== undefined) return set;
  const what = word === undefined ? "Name a set of workloads" : `There is no set ${JSON.stringify(word)}`;
  throw new BenchError("USAGE", `${what}.\n\n${USAGE}`);
}

function readServers(set: WorkloadSet, values: Flags, environment: NodeJS.ProcessEnv): ServerCommand[] {
  const reference = findReference(values.reference, environment);
  if (set === "store") return reference === null ? [] : [reference];
  if (reference === null)
    throw new BenchError(
      "NO_SERVER",
      "There is no reference to measure against: install nats-server, or give its path with --reference or REFERENCE_SERVER.",
    );
  if (set === "ingest") return [reference];
  return [reference, ...readSubjects(values["myelin-command"], values.subject ?? [])];
}

/** Options that a set has no use for are refused, not ignored. */
function refuseForOthers(set: WorkloadSet, values: Flags): void {
  const hasOwnServers = set === "ingest" || set === "store";
  const refuse = (names: readonly (keyof Flags)[], why: string): void => {
    const given = names.find((name) => values[name] !== undefined);
    if (given !== undefined) throw new BenchError("USAGE", `--${given} is not for the set ${set}: ${why}.`);
  };
  if (hasOwnServers) refuse(["subject", "myelin-command", "setup"], "it measures this checkout and the reference");
  else refuse(["seconds"], "it measures a number of messages");
  if (set !== "store") refuse(["records"], "it reads none");
}

function defaultRounds(set: WorkloadSet, values: Flags): number {
  return set === "ingest" || set === "store" || values.quick === true ? 1 : DEFAULT_ROUNDS;
}

function readSeconds(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_SECONDS : Number(text);
  if (seconds > 0 && seconds <= SECONDS_MAX) return seconds;
  throw new BenchError(
    "USAGE",
    `--seconds takes a number above 0, at most ${SECONDS_MAX}, not ${JSON.stringify(text)}.`,
  );
}

function readRecords(text: string | undefined): number {
  const records = text === undefined ? DEFAULT_RECORDS : Number(text);
  if (Number.isInteger(records) && records >= RECORDS_MIN && records <= RECORDS_MAX) return records;
  throw new BenchError(
    "USAGE",
    `--records takes a whole number from ${RECORDS_MIN} to ${RECORDS_MAX}, not ${JSON.stringify(text)}.`,
  );
}

function readRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= ROUNDS_MAX) return rounds;
  throw new BenchError("USAGE", `--rounds takes a whole number from 1 to ${ROUNDS_MAX}, not ${JSON.stringify(text)}.`);
}

function readSetup(name: string | undefined): Setup {
  const setup = name === undefined ? SETUPS[0] : SETUPS.find((each) => each.name === name);
  if (setup !== undefined) return setup;
  const known = SETUPS.map((each) => `  ${each.name}: ${each.description}`).join("\n");
  throw new BenchError("USAGE", `There is no setup ${JSON.stringify(name)}. There are:\n${known}`);
}

/** Null when there is none. */
function findReference(given: string | undefined, environment: NodeJS.ProcessEnv): ServerCommand | null {
  const text = given ?? environment["REFERENCE_SERVER"];
  if (text !== undefined && text !== "") return parseCommand("reference", text);
  const found = findOnPath("nats-server", environment["PATH"] ?? "");
  return found === null ? null : { name: "reference", program: found, args: [], environment: {}, takesPort: false };
}

function readSubjects(myelinCommand: string | undefined, subjects: readonly string[]): ServerCommand[] {
  const commands = subjects.map((text) => {
    const match = /^([^=\s]+)=(.+)$/s.exec(text);
    if (match === null) throw new BenchError("USAGE", `--subject takes NAME=COMMAND, not ${JSON.stringify(text)}.`);
    return parseCommand(match[1]!, match[2]!);
  });
  if (myelinCommand !== undefined) commands.unshift(parseCommand("myelin", myelinCommand));
  return commands.length > 0 ? commands : [myelin()];
}

function myelin(): ServerCommand {
  if (!existsSync(MYELIN_ENTRY))
    throw new BenchError("NO_SERVER", `Myelin's server is not there: ${MYELIN_ENTRY}. Build it, or use --subject.`);
  return { name: "myelin", program: process.execPath, args: [MYELIN_ENTRY], environment: {}, takesPort: false };
}

function findOnPath(program: string, path: string): string | null {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue; // not in this folder
    }
  }
  return null;
}
