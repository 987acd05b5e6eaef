// Repairs a store's folder that nobody has open, as far as that can be done without inventing anything: what opening it does, every
// message read, and what is kept twice made whole again from its sound copy. Nothing that may be worth a look is removed: it is moved
// to the quarantine, or copied there.

import type { Clock, Disk, Random } from "@myelin/platform";
import { Slices } from "../../slices.ts";
import { FileStore } from "../file-store.ts";
import { checkContents, checkFolder } from "../folder-check.ts";
import { lockFolder } from "../folder-lock.ts";
import { QUARANTINE_FOLDER } from "../format.ts";
import type { FileStoreOptions } from "../options.ts";
import { readWhole } from "../read-file.ts";
import { fileProblems } from "./file-problems.ts";
import { checkIsStore, readAll, type VerifiedStream, verified } from "./verify.ts";

/** What a repair did. */
export interface StoreRepair {
  /** Copies that were made whole from the other one. */
  readonly restored: readonly string[];
  readonly streams: readonly VerifiedStream[];
  /** What opening the store found, did and said, a line each. */
  readonly reports: readonly string[];
}

/**
 * Repairs a folder. Afterwards the store opens, and delivers everything that can still be read; messages that cannot are listed as
 * lost, and their bytes are in quarantine. Can be interrupted and run again.
 *
 * @param disk - The folder; one that somebody has open is refused with `LOCKED`.
 * @param options - As the store is opened otherwise.
 * @throws StoreError for a folder that cannot be opened: then nothing was changed, apart from copies made whole.
 */
export async function repairStore(
  disk: Disk,
  clock: Clock,
  random: Random,
  options: FileStoreOptions = {},
): Promise<StoreRepair> {
  checkIsStore(disk);
  checkFolder(disk);
  const restored = await restoreLocked(disk, clock);
  const store = await FileStore.open(disk, clock, random, { ...options, scrub: null });
  try {
    for (const log of store.streams()) await readAll(log);
    await store.durable();
    return { restored, streams: store.streams().map(verified), reports: store.health().reports };
  } finally {
    await store.stop();
  }
}

/** Writes the sound copy of what is kept twice over the one that is damaged, or in the place of the one that is missing. */
async function restoreCopies(disk: Disk): Promise<string[]> {
  const problems = [...fileProblems(disk)];
  const bad = new Set(problems.map(({ path }) => path));
  const restored: string[] = [];
  for (const { path, twin } of problems) {
    if (twin === null || bad.has(twin) || restored.includes(path) || disk.stat(twin) === null) continue;
    const sound = readWhole(disk, twin);
    const missing = disk.stat(path) === null;
    if (!missing) await keepFile(disk, path, readWhole(disk, path));
    const file = disk.open(path, missing ? "create" : "write");
    try {
      file.write(sound, 0, sound.length, 0);
      file.truncate(sound.length);
      await file.sync();
    } finally {
      file.close();
    }
    if (missing) await disk.syncFolder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    restored.push(path);
  }
  return restored;
}

/** Keeps a file's content under a name that tells where it was; what is there already is not overwritten. */
async function keepFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  if (disk.stat(QUARANTINE_FOLDER) === null) {
    disk.makeFolder(QUARANTINE_FOLDER);
    await disk.syncFolder("");
  }
  let copy = `${QUARANTINE_FOLDER}/${path.replaceAll("/", "-")}.bad`;
  for (let i = 1; disk.stat(copy) !== null; i++) {
    copy = `${QUARANTINE_FOLDER}/${path.replaceAll("/", "-")}-${i}.bad`;
  }
  const file = disk.open(copy, "create");
  try {
    file.write(bytes, 0, bytes.length, 0);
    await file.sync();
  } finally {
    file.close();
  }
  await disk.syncFolder(QUARANTINE_FOLDER);
}

/** Restores copies while nobody else has the folder. */
async function restoreLocked(disk: Disk, clock: Clock): Promise<string[]> {
  const lock = await lockFolder(disk);
  try {
    await checkContents(disk, new Slices(clock));
    return await restoreCopies(disk);
  } finally {
    await lock.release();
  }
}
