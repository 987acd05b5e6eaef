// Lets commander name the flag when its value cannot be read.

import { InvalidArgumentError } from "commander";
import { CliError } from "./cli-error.ts";

/** A reader of values as commander wants it: what it refuses is reported with the flag's name. */
export function argument<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      if (error instanceof CliError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}
