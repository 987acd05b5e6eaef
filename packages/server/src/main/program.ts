// The program: a command line in, an exit code out. main.ts runs it for real; the test of the process runs it with another server.

import { networkInterfaces } from "node:os";
import { isatty } from "node:tty";
import type { Clock } from "@myelin/platform";
import { NODE_CONFIG_OUTSIDE } from "../config/node-outside.ts";
import { fileErrorText } from "../system-error.ts";
import { type Command, EXIT_FAILURE, understand } from "./command-line.ts";
import { prepare, readAgain, type SettingsCommand } from "./configured.ts";
import { LOCAL_ZONE } from "./log-line.ts";
import { DescriptorOutput } from "./log-output.ts";
import { type LogOutside, LogWriter, openLogTarget } from "./log-writer.ts";
import { processTitle } from "./program-name.ts";
import type { RunSettings } from "./run-settings.ts";
import { type HandledSignal, type OpenServer, type ProcessOutside, ServerProcess } from "./server-process.ts";

/** What a program is run with. */
export interface ProgramOutside {
  /** See `programNameOf`. */
  readonly programName: string;
  readonly clock: Clock;
  readonly openServer: OpenServer;
}

const STDOUT = 1;
const STDERR = 2;

/**
 * Does what a command line asks for. Returns when a server is ready, or ends the process.
 *
 * @param args - Without the program itself.
 */
export async function runProgram(args: readonly string[], outside: ProgramOutside): Promise<void> {
  const { programName } = outside;
  const command: Command = understand(args, programName);
  switch (command.kind) {
    case "print":
      print(STDOUT, command.text);
      break;
    case "fail":
      print(STDERR, `${command.problem}\n`);
      print(STDOUT, command.usage);
      process.exitCode = command.exitCode;
      break;
    case "signal":
      await runSignal(command.request, programName);
      break;
    case "run":
    case "check":
    case "show":
      await runPrepared(command, args, outside);
      break;
  }
}

async function runPrepared(command: SettingsCommand, args: readonly string[], outside: ProgramOutside): Promise<void> {
  const { stdout, stderr, exitCode, settings } = prepare(command, outside.programName, NODE_CONFIG_OUTSIDE);
  print(STDERR, stderr);
  print(STDOUT, stdout);
  if (settings === null) {
    process.exitCode = exitCode ?? EXIT_FAILURE;
    return;
  }
  process.title = processTitle(outside.programName, args);
  await runServer(settings, () => readAgain(command, NODE_CONFIG_OUTSIDE), outside);
}

function print(descriptor: number, text: string): void {
  new DescriptorOutput(descriptor).write(text);
}

async function runSignal(request: string, programName: string): Promise<void> {
  const { SignalError, sendSignal } = await import("./signal-command.ts");
  const { NODE_PROCESSES } = await import("./node-processes.ts");
  try {
    sendSignal(request, programName, NODE_PROCESSES);
  } catch (error) {
    if (!(error instanceof SignalError)) throw error;
    print(STDERR, `${programName}: ${error.message}\n`);
    process.exitCode = EXIT_FAILURE;
  }
}

async function runServer(
  settings: RunSettings,
  readSettings: () => RunSettings,
  { programName, clock, openServer }: ProgramOutside,
): Promise<void> {
  const colours = isatty(STDERR) && process.env["NO_COLOR"] === undefined;
  const logOutside = { pid: process.pid, clock, zone: LOCAL_ZONE, stderr: { descriptor: STDERR, colours } };
  const log = openLog(settings, programName, logOutside);
  if (log === null) return;
  const outside: ProcessOutside = {
    programName,
    pid: process.pid,
    clock,
    addresses: ADDRESSES,
    showBanner: bannerOutput(),
    exit: (code) => process.exit(code),
    readSettings,
    openLog: (log) => openLogTarget(log, logOutside),
  };
  const server = new ServerProcess(settings, openServer, log, outside);
  for (const signal of handledSignals()) process.on(signal, () => server.handleSignal(signal));
  // Rejections without a handler arrive as uncaught exceptions as well.
  process.on("uncaughtException", (error) => server.fail(error));
  await server.run();
}

function openLog({ log, options }: RunSettings, programName: string, outside: LogOutside): LogWriter | null {
  const verbosity = { debug: options.debug === true, trace: options.trace === true };
  try {
    const { format, output } = openLogTarget(log, outside);
    return new LogWriter(output, format, verbosity);
  } catch (error) {
    const text = fileErrorText("open", log.file ?? "stderr", error as Error);
    print(STDERR, `${programName}: error opening file: ${text}\n`);
    process.exitCode = EXIT_FAILURE;
    return null;
  }
}

/** A person at a terminal, or a script that knows of one (`npm start`), gets the banner. */
function bannerOutput(): ((text: string) => void) | null {
  if (process.env["MYELIN_BANNER"] === "1" || isatty(STDOUT)) return (text) => print(STDOUT, text);
  return isatty(STDERR) ? (text) => print(STDERR, text) : null;
}

/** Windows knows the first two, and SIGHUP as the closing of the console. */
function handledSignals(): readonly HandledSignal[] {
  const everywhere: HandledSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  return process.platform === "win32" ? everywhere : [...everywhere, "SIGUSR1", "SIGUSR2"];
}

const ADDRESSES = {
  all: () =>
    Object.values(networkInterfaces())
      .flat()
      .map((address) => address?.address ?? "127.0.0.1"),
  lookup: async (name: string) => {
    const { lookup } = await import("node:dns/promises");
    return (await lookup(name)).address;
  },
};
