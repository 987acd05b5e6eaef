// The command line as commander sees it: global flags, and the commands. Only the command that is asked for is loaded; of the
// others the program knows the names, for the help and for suggestions.

import { Command, CommanderError } from "commander";
import { COMMANDS, type CommandEntry, SERVER_SUMMARY } from "./command-table.ts";
import { addGlobalOptions } from "./global-options.ts";
import type { Outside } from "./outside.ts";
import { VERSION } from "./version.ts";

const DESCRIPTION = `The command line of Myelin, a NATS system.

Start a server with \`myelin server\`; \`myelin cheat\` has examples of the commands.`;

/** Runs a command line. Rejects with what went wrong; CommanderError with exit code 0 means help was shown. */
export async function runCommandLine(args: readonly string[], outside: Outside): Promise<void> {
  const program = createProgram(outside);
  const wanted = wantedCommand(args);
  for (const entry of COMMANDS) {
    program.addCommand(entry === wanted ? prepare((await entry.load())(outside), outside) : namesOf(entry));
  }
  program.addCommand(new Command("server").summary(SERVER_SUMMARY));
  if (args.length === 0) program.outputHelp();
  else await program.parseAsync([...args], { from: "user" });
}

function createProgram(outside: Outside): Command {
  const program = new Command("myelin")
    .description(DESCRIPTION)
    .usage("[flags] <command> [arguments]")
    .version(VERSION, "--version", "show the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show the help of a command")
    .showHelpAfterError(false);
  addGlobalOptions(program);
  return prepare(program, outside);
}

/** Sends a command's words to our output, and makes it throw instead of ending the process. */
function prepare(command: Command, outside: Outside): Command {
  const { output } = outside;
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => output.print(text),
      // The message is in the error that is thrown; `main` shows it.
      writeErr: () => {},
      outputError: () => {},
    });
  for (const child of command.commands) prepare(child, outside);
  return command;
}

/** The command that the words ask for, found as commander finds it: behind global flags and their values. */
function wantedCommand(args: readonly string[]): CommandEntry | null {
  const probe = new Command("myelin");
  addGlobalOptions(probe);
  probe.exitOverride().configureOutput({ outputError: () => {} });
  let words: string[];
  try {
    const { operands } = probe.parseOptions([...args]);
    words = operands;
  } catch (error) {
    // The program itself finds it again, and reports it.
    if (error instanceof CommanderError) return null;
    throw error;
  }
  const name = words[0] === "help" ? words[1] : words[0];
  return COMMANDS.find((entry) => name !== undefined && (entry.name === name || entry.alias === name)) ?? null;
}

function namesOf({ name, alias, summary }: CommandEntry): Command {
  const command = new Command(name).summary(summary);
  if (alias !== undefined) command.alias(alias);
  return command;
}
