// The real files and the real environment, for a server that is started with a configuration.

import { readFileSync } from "node:fs";
import { fileErrorText } from "../system-error.ts";
import type { ConfigOutside } from "./parser.ts";

/** Reads files from disk, all at once: a configuration is read before there is anything that could wait for it. */
export const NODE_CONFIG_OUTSIDE: ConfigOutside = {
  readFile: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      const { syscall = "open" } = error as NodeJS.ErrnoException;
      throw new Error(fileErrorText(syscall, path, error as Error), { cause: error });
    }
  },
  environment: (name) => process.env[name],
};
