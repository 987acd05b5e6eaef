// The command line that starts a server, taken apart. Pure.
//
//   PORT={port} node "my server.mjs" --flag
//
// `{folder}` in it is replaced by an empty folder that is the server's own and goes with it.
//
// Leading NAME=VALUE words become environment variables; quotes keep spaces together. No shell is used, so that the
// process that is measured is the server itself.

import { BenchError } from "./errors.ts";

/** How a server under test is started. */
export interface ServerCommand {
  /** Shown in tables. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /**
   * True: `{port}` in the command is replaced by a free port, and the server is ready when it sends INFO there.
   * False: the server takes the reference's flags; it gets `-a 127.0.0.1 -p -1` and prints its port.
   */
  readonly takesPort: boolean;
  /** Text of a configuration file that is this server's own, in place of the setup's. `{folder}` in it as in the command. */
  readonly configuration?: string;
}

const PORT_PLACE = "{port}";
const FOLDER_PLACE = "{folder}";

/**
 * Reads a command.
 * @throws BenchError `USAGE` when it is empty or a quote stays open.
 */
export function parseCommand(name: string, text: string): ServerCommand {
  const words = splitWords(name, text);
  const environment: Record<string, string> = {};
  for (let set = assignment(words[0]); set !== null; set = assignment(words[0])) {
    environment[set.name] = set.value;
    words.shift();
  }
  const [program, ...args] = words;
  if (program === undefined) throw new BenchError("USAGE", `The command of ${JSON.stringify(name)} is empty.`);
  return { name, program, args, environment, takesPort: text.includes(PORT_PLACE) };
}

/** Puts a port where the command asks for it. */
export function withPort(command: ServerCommand, port: number): ServerCommand {
  const fill = (text: string): string => text.replaceAll(PORT_PLACE, String(port));
  const environment = Object.fromEntries(Object.entries(command.environment).map(([key, value]) => [key, fill(value)]));
  return { ...command, args: command.args.map(fill), environment };
}

/** Puts a folder where a command or a configuration asks for it. */
export function withFolder(text: string, folder: string): string {
  return text.replaceAll(FOLDER_PLACE, folder);
}

function assignment(word: string | undefined): { name: string; value: string } | null {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(word ?? "");
  return match === null ? null : { name: match[1]!, value: match[2]! };
}

function splitWords(name: string, text: string): string[] {
  const words = text.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  const plain = words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single));
  const unquoted = text.replace(/"[^"]*"|'[^']*'/g, "");
  if (/["']/.test(unquoted))
    throw new BenchError("USAGE", `The command of ${JSON.stringify(name)} has an open quote: ${text}`);
  return plain;
}
