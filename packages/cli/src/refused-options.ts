// Flags that natscli has and Myelin not yet. They are known, so that the answer is their name and the reason, not "unknown".

import { type Command, Option } from "commander";
import { NotSupportedError } from "./cli-error.ts";

/** Flags as commander writes them, and why they are refused. */
export type RefusedOptions = ReadonlyArray<readonly [flags: string, reason: string]>;

/** The reason for most of them. */
export const NEEDS_JETSTREAM = "it needs JetStream";

/** Makes a command refuse flags by name, before it does anything. */
export function refuseOptions(command: Command, refused: RefusedOptions): void {
  for (const [flags, reason] of refused) {
    const option = new Option(flags).hideHelp();
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      throw new NotSupportedError(`${command.name()} --${option.name()}`, reason);
    });
  }
}
