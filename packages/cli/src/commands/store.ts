// myelin store: what a person does with the folder of a stopped server. Defines the commands; what they do is in store/.

import { Command } from "commander";
import { collect } from "../message-parts.ts";
import type { Outside } from "../outside.ts";
import type { CheckOptions } from "../store/check.ts";
import type { BackupFlags } from "../store/copy.ts";
import type { KeyFlags } from "../store/folder.ts";

/** The command, with its own commands. */
export function storeCommand(outside: Outside): Command {
  return new Command("store")
    .summary("check, repair, back up and restore the folder of a stopped server")
    .description("Works on the folder of a store. No server may have it open: stop it first.")
    .addCommand(verifyCommand(outside))
    .addCommand(repairCommand(outside))
    .addCommand(backupCommand(outside))
    .addCommand(restoreCommand(outside));
}

function verifyCommand(outside: Outside): Command {
  return onFolder("verify", "find out what is wrong, and change nothing")
    .description(
      "Reads everything in a store's folder and tells what is damaged, where, and what that costs. Changes nothing.",
    )
    .option("-j, --json", "print JSON")
    .action(async (folder: string, _options: unknown, self: Command) => {
      const { verifyFolder } = await import("../store/check.ts");
      await verifyFolder(folder, self.optsWithGlobals<CheckOptions>(), outside);
    });
}

function repairCommand(outside: Outside): Command {
  return onFolder("repair", "make it usable again, and keep what is damaged in quarantine")
    .description(
      "Opens a store's folder as a server would, reads everything, makes damaged copies whole from the other copy, and keeps a copy of damaged bytes in quarantine/. Removes nothing that may be worth a look.",
    )
    .option("-j, --json", "print JSON")
    .action(async (folder: string, _options: unknown, self: Command) => {
      const { repairFolder } = await import("../store/check.ts");
      await repairFolder(folder, self.optsWithGlobals<CheckOptions>(), outside);
    });
}

function backupCommand(outside: Outside): Command {
  return onFolder("backup", "write its streams to one file")
    .description("Writes the streams of a store to one file, which must not exist yet.")
    .argument("<file>", "file to write")
    .option("--stream <name>", "only this stream; may be given several times", collect, [])
    .action(async (folder: string, file: string, _options: unknown, self: Command) => {
      const { backUpFolder } = await import("../store/copy.ts");
      await backUpFolder(folder, file, self.optsWithGlobals<BackupFlags>(), outside);
    });
}

function restoreCommand(outside: Outside): Command {
  return onFolder("restore", "read such a file back")
    .description(
      "Reads the streams of a backup into a store: a new one, or one that has no streams of these names. A backup that is damaged or cut is refused, and leaves nothing.",
    )
    .argument("<file>", "file to read")
    .action(async (folder: string, file: string, _options: unknown, self: Command) => {
      const { restoreFolder } = await import("../store/copy.ts");
      await restoreFolder(folder, file, self.optsWithGlobals<KeyFlags>(), outside);
    });
}

function onFolder(name: string, summary: string): Command {
  return new Command(name)
    .summary(summary)
    .argument("<folder>", "folder of the store")
    .option("--key-file <file>", "file with the key of an encrypted store, or for a new one: a line of text")
    .option("--previous-key-file <file>", "file with the key before: the store gets the new one")
    .option("--cipher <name>", "cipher of a new encrypted store: chacha (default) or aes");
}
