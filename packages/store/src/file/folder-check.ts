// Looks at the names in a folder before anything in it is opened or changed: each has to be one that a store makes, and a file where that
// is a file. What is odd is refused by its name, with what to do, and the folder stays as it is.

import type { Disk, DiskEntry, DiskEntryKind } from "@myelin/platform";
import { StoreError } from "../errors.ts";
import { KEYS_FILE } from "../seal/key-file.ts";
import type { Slices } from "../slices.ts";
import {
  BALLAST_FILE,
  JOURNAL_FOLDER,
  LOCK_FOLDER,
  MAKING_SUFFIX,
  numberInName,
  ORPHANS_FOLDER,
  QUARANTINE_FOLDER,
  REMOVING_SUFFIX,
  STORE_FILE,
  STREAMS_FOLDER,
} from "./format.ts";

const OWN_NAMES: ReadonlyMap<string, DiskEntryKind> = new Map([
  [`${STORE_FILE}.0`, "file"],
  [`${STORE_FILE}.1`, "file"],
  [`${KEYS_FILE}.0`, "file"],
  [`${KEYS_FILE}.1`, "file"],
  [BALLAST_FILE, "file"],
  [JOURNAL_FOLDER, "folder"],
  [STREAMS_FOLDER, "folder"],
  [QUARANTINE_FOLDER, "folder"],
  [ORPHANS_FOLDER, "folder"],
  [LOCK_FOLDER, "folder"],
  ["lost+found", "folder"], // where the folder is a file system of its own
]);

/** What nats-server keeps a stream's configuration in. */
const META_INF = "meta.inf";
/** The last number that a name of eight digits can have a successor for. */
const NUMBER_MAX = 0xffff_fffe;

/**
 * Looks at the names in the folder itself, without changing it.
 *
 * @throws StoreError `FOREIGN_FOLDER` when it is not ours.
 */
export function checkFolder(disk: Disk): void {
  checkNotReferences(disk);
  for (const { name, kind } of disk.list("")) {
    const wanted = OWN_NAMES.get(name);
    if (wanted === undefined) {
      throw new StoreError(
        "FOREIGN_FOLDER",
        `Cannot use ${disk.name}: ${name} in it is not a file of a store. Move it away, or choose another folder`,
      );
    }
    if (kind === wanted) continue;
    throw new StoreError(
      "FOREIGN_FOLDER",
      `Cannot use ${disk.name}: ${name} in it should be a ${wanted} and is ${KIND_TEXTS[kind]}. Put the ${wanted} in its place, or choose another folder`,
    );
  }
}

/** @throws StoreError `FOREIGN_FOLDER` for a folder of nats-server, or one inside of it. */
export function checkNotReferences(disk: Disk): void {
  const name = referencesName(disk);
  if (name === null) return;
  throw new StoreError(
    "FOREIGN_FOLDER",
    `Cannot use ${disk.name}: ${name} in it is a store of nats-server, which is left as it is. Choose another folder; to move its streams, back them up there and restore them here`,
  );
}

/**
 * What speaks of nats-server: `jetstream/` in its `store_dir`; in that, accounts with a folder `streams`; in that, streams with a
 * file `meta.inf`.
 */
function referencesName(disk: Disk): string | null {
  for (const { name, kind } of disk.list("")) {
    if (name === "jetstream" || name === META_INF) return name;
    if (kind !== "folder") continue;
    if (name === STREAMS_FOLDER) {
      const stream = disk
        .list(name)
        .find(
          (entry) => entry.kind === "folder" && !isStreamFolder(entry) && has(disk, `${name}/${entry.name}`, META_INF),
        );
      if (stream !== undefined) return `${name}/${stream.name}`;
    } else if (!OWN_NAMES.has(name) && (has(disk, name, STREAMS_FOLDER) || has(disk, name, META_INF))) {
      return name;
    }
  }
  return null;
}

function has(disk: Disk, folder: string, name: string): boolean {
  // A disk takes no path with a backslash.
  return !folder.includes("\\") && disk.stat(`${folder}/${name}`) !== null;
}

const KIND_TEXTS: Readonly<Record<DiskEntryKind, string>> = {
  file: "a file",
  folder: "a folder",
  other: "neither file nor folder, but a link, say",
};

/**
 * Looks at what is in the folders of a store: its journal and its streams. Changes nothing.
 *
 * @throws StoreError `DAMAGED` when one of the two is missing, `FOREIGN_FOLDER` for anything else that no store makes.
 */
export async function checkContents(disk: Disk, slices: Slices): Promise<void> {
  const isStore = [0, 1].some((copy) => disk.stat(`${STORE_FILE}.${copy}`) !== null);
  for (const folder of [JOURNAL_FOLDER, STREAMS_FOLDER]) {
    if (!isStore || disk.stat(folder) !== null) continue;
    throw new StoreError(
      "DAMAGED",
      `Cannot open ${disk.name}: the folder ${folder} is missing. Restore it; if what was in it is gone for good, make an empty folder of that name, and the rest opens`,
    );
  }
  segmentNumbers(disk);
  if (disk.stat(STREAMS_FOLDER) === null) return;
  for (const entry of disk.list(STREAMS_FOLDER)) {
    if (slices.due) await slices.pause();
    const path = `${STREAMS_FOLDER}/${entry.name}`;
    if (!isStreamFolder(entry)) throw foreign(disk, path, "a stream of a store");
    for (const file of disk.list(path)) {
      if (!isStreamFile(file)) throw foreign(disk, `${path}/${file.name}`, "a file of a store");
    }
  }
}

/** The numbers of the journal's segments. @throws StoreError `FOREIGN_FOLDER` for anything else in its folder. */
export function segmentNumbers(disk: Disk): number[] {
  if (disk.stat(JOURNAL_FOLDER) === null) return [];
  return disk.list(JOURNAL_FOLDER).map(({ name, kind }) => {
    const number = numberInName(name, ".seg");
    if (kind !== "file" || number < 0 || number > NUMBER_MAX)
      throw foreign(disk, `${JOURNAL_FOLDER}/${name}`, "a segment of a journal");
    return number;
  });
}

function isStreamFolder({ name, kind }: DiskEntry): boolean {
  return kind === "folder" && ["", MAKING_SUFFIX, REMOVING_SUFFIX].some((suffix) => isNumbered(name, suffix));
}

function isStreamFile({ name, kind }: DiskEntry): boolean {
  if (kind !== "file") return false;
  return (
    /^(meta\.[01]|consumers\.[01]|deleted\.[01](\.new)?)$/.test(name) ||
    [".blk", ".blk.new", ".idx"].some((suffix) => isNumbered(name, suffix))
  );
}

/** Streams and blocks count from 1. */
function isNumbered(name: string, suffix: string): boolean {
  const number = numberInName(name, suffix);
  return number > 0 && number <= NUMBER_MAX;
}

function foreign(disk: Disk, path: string, what: string): StoreError {
  return new StoreError("FOREIGN_FOLDER", `Cannot use ${path} in ${disk.name}: it is not ${what}. Move it away`);
}
