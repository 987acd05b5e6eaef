// Programs that tests use where the machine has them.

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The path of a program that a test may use.
 *
 * @param variable - An environment variable that names the program's file.
 * @param name - The name looked for on the PATH when the variable is not set.
 * @param folders - Where else to look.
 */
export function findProgram(variable: string, name: string, folders: readonly string[] = []): string | null {
  const given = process.env[variable];
  if (given !== undefined && given !== "") {
    if (!existsSync(given)) throw new Error(`${variable} names ${given}, which does not exist`);
    return given;
  }
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), ...folders]) {
    const path = join(folder, name);
    if (isExecutable(path)) return path;
  }
  return null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not ours to run: look on
  }
}
