// The folder that a command of `myelin store` works on.

import { statSync } from "node:fs";
import { NodeDisk } from "@myelin/platform/node";
import { CliError } from "../cli-error.ts";

/** The folder as a disk. @throws CliError where there is none. */
export function folderAt(path: string): NodeDisk {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new CliError(`there is no folder ${path}; name the folder of a store`);
  if (!stats.isDirectory()) throw new CliError(`${path} is not a folder; name the folder of a store`);
  return new NodeDisk(path);
}
