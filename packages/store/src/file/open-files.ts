// The operating system's table of a process's open files. Linux doubles it where needed (256, 512, 1,024, ...), and whoever opens
// the file that needs it waits for all processors of the machine: 10 to 25 ms in which the event loop is held.

import type { Disk, DiskFile } from "@myelin/platform";
import type { Slices } from "../slices.ts";

/** Fewer files are opened without a thought. */
const FILES_MIN = 100;
/** Besides those that are expected. */
const OTHER_FILES = 64;

/**
 * Has the table of open files grow for so many more, off the event loop: by opening one as often, and closing it again.
 *
 * @param path - A file that is there.
 *   A limit on open files is found out here, and met when they are needed.
 */
export async function expectOpenFiles(disk: Disk, path: string, count: number, slices: Slices): Promise<void> {
  if (count < FILES_MIN) return;
  const opening: Promise<DiskFile>[] = [];
  for (let i = 0; i < count + OTHER_FILES; i++) {
    opening.push(disk.openLater(path, "read"));
    if (slices.due) await slices.pause();
  }
  const opened = await Promise.allSettled(opening);
  for (const one of opened) if (one.status === "fulfilled") one.value.close();
}
