// myelin store backup and restore: the streams of a folder to one file, and back.

import { createReadStream, mkdirSync } from "node:fs";
import { access, constants, type FileHandle, open, rm } from "node:fs/promises";
import { NodeClock, type NodeDisk, NodeRandom } from "@myelin/platform/node";
import { checkIsStore, FileStore, type FileStoreOptions, readBackup, writeBackup } from "@myelin/store";
import { CliError, errorText } from "../cli-error.ts";
import type { Outside } from "../outside.ts";
import { folderAt, type KeyFlags, optionsOf } from "./folder.ts";

/** Flags of `backup`. */
export interface BackupFlags extends KeyFlags {
  /** None: all. */
  readonly stream: readonly string[];
}

/** Writes streams to a file; on an error the file goes again. */
export async function backUpFolder(
  folder: string,
  file: string,
  flags: BackupFlags,
  { output }: Outside,
): Promise<void> {
  const disk = folderAt(folder);
  checkIsStore(disk);
  const options = optionsOf(flags);
  const store = await openStore(disk, options);
  try {
    const target = await createFile(file);
    let bytes = 0;
    try {
      for await (const chunk of writeBackup(store, flags.stream.length === 0 ? {} : { streams: flags.stream })) {
        await target.write(chunk);
        bytes += chunk.length;
      }
      await target.sync();
    } catch (error) {
      await rm(file);
      throw error;
    } finally {
      await target.close();
    }
    if (options.encryption !== undefined) output.log(`${file} is not encrypted, unlike the store: keep it safe`);
    output.line(`${file}: ${flags.stream.length || store.streams().length} streams, ${bytes} bytes`);
  } finally {
    await store.stop();
  }
}

/** Reads streams from a file. */
export async function restoreFolder(folder: string, file: string, flags: KeyFlags, { output }: Outside): Promise<void> {
  // Before anything is made: a file that is not there is the likely mistake.
  await checkReadable(file);
  const options = optionsOf(flags);
  mkdirSync(folder, { recursive: true });
  const store = await openStore(folderAt(folder), options);
  try {
    const { streams, messages } = await readBackup(store, createReadStream(file));
    for (const { name, messages: count } of streams) output.line(`${JSON.stringify(name)}: ${count} messages`);
    output.line(`${folder}: ${streams.length} streams with ${messages} messages restored`);
  } finally {
    await store.stop();
  }
}

function openStore(disk: NodeDisk, options: FileStoreOptions): Promise<FileStore> {
  return FileStore.open(disk, new NodeClock(), new NodeRandom(), options);
}

async function createFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, "wx", 0o600);
  } catch (error) {
    throw new CliError(`cannot make ${file}: ${errorText(error)}; a file that exists is not overwritten`);
  }
}

async function checkReadable(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${errorText(error)}`);
  }
}
