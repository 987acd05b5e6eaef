// The folder of a stream as a whole: made in one step, removed in one step; what was in it goes in slices.

import type { Disk } from "@myelin/platform";
import type { Slices } from "../slices.ts";
import {
  blockName,
  FIRST_BLOCK,
  MAGIC_META,
  MAKING_SUFFIX,
  REMOVING_SUFFIX,
  STREAMS_FOLDER,
  streamFolder,
} from "./format.ts";
import { writeTwin } from "./twin-file.ts";

/**
 * Makes a stream's folder; it is there, with its description and an empty first block, once its name is durable. The block is made
 * with it because later its name would need a sync of its own.
 */
export async function makeStreamFolder(disk: Disk, incarnation: number, meta: Uint8Array): Promise<void> {
  const folder = streamFolder(incarnation);
  const making = folder + MAKING_SUFFIX;
  disk.makeFolder(making);
  await writeTwin(disk, `${making}/meta`, MAGIC_META, incarnation, 1, meta);
  disk.open(`${making}/${blockName(FIRST_BLOCK)}`, "create").close();
  await disk.syncFolder(making);
  disk.rename(making, folder);
  await disk.syncFolder(STREAMS_FOLDER);
}

/** Removes a stream's folder with everything in it. All its files are closed. */
export async function removeStreamFolder(disk: Disk, incarnation: number, slices: Slices): Promise<void> {
  const folder = streamFolder(incarnation);
  const removing = folder + REMOVING_SUFFIX;
  disk.rename(folder, removing);
  await disk.syncFolder(STREAMS_FOLDER);
  await emptyStreamFolder(disk, removing, slices);
}

/** Removes a folder that is being made or removed, with what is in it. */
export async function emptyStreamFolder(disk: Disk, path: string, slices: Slices): Promise<void> {
  for (const { name } of disk.list(path)) {
    if (slices.due) await slices.pause();
    disk.remove(`${path}/${name}`);
  }
  disk.removeFolder(path);
}
