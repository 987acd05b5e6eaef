// Puts a file in the place of another, so that whoever opens it finds all of the one or all of the other, also after the power went.

import type { Disk } from "./disk.ts";
import type { Random } from "./random.ts";

/**
 * Writes a file under a name of its own, syncs it, and gives it the name it is meant for. Resolves when that is durable.
 *
 * @param path - Of a file that is there already, or of none; its folder is there.
 * @param pieces - Written one after the other. Where there are many they had better come one in a turn of the event loop.
 * @param random - For the name meanwhile, `<path>.<16 digits>.new`: of two that replace one file, one comes after the other.
 * @returns Rejects with the disk's error, or with that of `pieces`. The file that was there is there still then; of the new one
 *   nothing is left where the disk allows it.
 */
export async function replaceFile(
  disk: Disk,
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  random: Random,
): Promise<void> {
  const fresh = `${path}.${hexOf(random.fillSecret(new Uint8Array(8)))}.new`;
  const file = disk.open(fresh, "create");
  try {
    try {
      let at = 0;
      for await (const piece of pieces) {
        file.write(piece, 0, piece.length, at);
        at += piece.length;
      }
      await file.sync();
    } finally {
      file.close();
    }
    disk.rename(fresh, path);
  } catch (error) {
    removeIfPossible(disk, fresh);
    throw error;
  }
  await disk.syncFolder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
}

/** What went wrong before is what counts. */
function removeIfPossible(disk: Disk, path: string): void {
  try {
    disk.remove(path);
  } catch {
    // A disk that failed may fail again: what is left has a name that nobody reads.
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
