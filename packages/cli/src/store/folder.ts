// The folder that a command of `myelin store` works on.

import { readFileSync, statSync } from "node:fs";
import { NodeDisk } from "@myelin/platform/node";
import type { CipherName, FileStoreOptions } from "@myelin/store";
import { CliError, errorText } from "../cli-error.ts";

/** Flags of every command: what an encrypted store is opened with. */
export interface KeyFlags {
  readonly keyFile?: string;
  readonly previousKeyFile?: string;
  readonly cipher?: string;
}

const CIPHERS: readonly string[] = ["chacha", "aes"] satisfies readonly CipherName[];

/** The folder as a disk. @throws CliError where there is none. */
export function folderAt(path: string): NodeDisk {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new CliError(`there is no folder ${path}; name the folder of a store`);
  if (!stats.isDirectory()) throw new CliError(`${path} is not a folder; name the folder of a store`);
  return new NodeDisk(path);
}

/** The store's options that the flags ask for. @throws CliError for files that cannot be read, and ciphers that are none. */
export function optionsOf({ keyFile, previousKeyFile, cipher }: KeyFlags): FileStoreOptions {
  if (keyFile === undefined) {
    if (previousKeyFile === undefined && cipher === undefined) return {};
    throw new CliError("--previous-key-file and --cipher go with --key-file only");
  }
  if (cipher !== undefined && !CIPHERS.includes(cipher)) {
    throw new CliError(`invalid cipher ${JSON.stringify(cipher)}: write chacha or aes`);
  }
  return {
    encryption: {
      key: readKey(keyFile),
      ...(previousKeyFile === undefined ? {} : { previousKey: readKey(previousKeyFile) }),
      ...(cipher === undefined ? {} : { cipher: cipher as CipherName }),
    },
  };
}

/** A key is a line of text: what is behind it is not part of it. */
function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new CliError(`cannot read the key: ${errorText(error)}`);
  }
}
