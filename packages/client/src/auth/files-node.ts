// Credentials and seeds in files, read again at each connect.

import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CredentialsError } from "../errors.ts";

/** A path with `~` and `$VAR` replaced. A variable that is not set is an error, not an empty text. */
export function expandPath(path: string, env: NodeJS.ProcessEnv = process.env): string {
  const named = path.replace(/\$(\w+)|\$\{(\w+)\}/g, (_all, plain: string | undefined, braced: string | undefined) => {
    const name = plain ?? braced ?? "";
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined) throw new CredentialsError(`Cannot expand the path '${path}': $${name} is not set`);
    return value;
  });
  if (named !== "~" && !/^~[/\\]/.test(named)) return named;
  const home = homedir();
  if (home === "") throw new CredentialsError(`Cannot expand the path '${path}': there is no home folder`);
  return join(home, named.slice(1));
}

/**
 * Reads a file that holds a secret. Warns when others may read it too.
 *
 * @throws CredentialsError naming the file.
 */
export async function readSecretFile(path: string): Promise<Uint8Array> {
  const expanded = expandPath(path);
  try {
    const { mode } = await stat(expanded);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      process.emitWarning(`'${expanded}' holds a secret and others than its owner may read it: chmod 600 it`, {
        code: "NATS_SECRET_READABLE",
      });
    }
    return await readFile(expanded);
  } catch (cause) {
    throw new CredentialsError(`Cannot read '${expanded}': ${(cause as Error).message}`, undefined, { cause });
  }
}
