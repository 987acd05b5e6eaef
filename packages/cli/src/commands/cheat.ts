// myelin cheat: examples of the commands, from the files in cheats/.

import { readdirSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { CliError } from "../cli-error.ts";
import type { Outside } from "../outside.ts";

/** The package carries its sources' cheats; this file is in dist/commands. */
const FOLDER = new URL("../../src/cheats/", import.meta.url);
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["publish", "pub"],
  ["subscribe", "sub"],
  ["request", "req"],
]);

/** The command. */
export function cheatCommand({ output }: Outside): Command {
  return new Command("cheat")
    .summary("show examples of the commands")
    .description("Shows examples: of one command, or the names of all that have some.")
    .argument("[command]", "command to show examples of")
    .action((topic: string | undefined) => {
      if (topic === undefined) output.line(`Examples, with \`myelin cheat <name>\`:\n\n${topics().join("\n")}`);
      else output.print(cheatFor(topic));
    });
}

function topics(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".md"))
    .map((name) => name.slice(0, -".md".length))
    .sort();
}

function cheatFor(topic: string): string {
  const name = OTHER_NAMES.get(topic) ?? topic;
  const known = topics();
  if (known.includes(name)) return readFileSync(new URL(`${name}.md`, FOLDER), "utf8");
  throw new CliError(`there are no examples of ${JSON.stringify(topic)}; there are of ${known.join(", ")}`);
}
