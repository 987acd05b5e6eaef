// One store per folder: two would write over each other.

import type { Disk, DiskClaim } from "@myelin/platform";
import { StoreError } from "../errors.ts";
import { LOCK_FOLDER } from "./format.ts";

/**
 * Locks a store's folder until the lock is released or the process ends.
 *
 * @throws StoreError `LOCKED` when another process, or another store of this one, has it open.
 */
export async function lockFolder(disk: Disk): Promise<Extract<DiskClaim, { held: true }>> {
  const claim = await disk.claim(LOCK_FOLDER);
  if (claim.held) return claim;
  throw new StoreError(
    "LOCKED",
    `Cannot open the store in ${disk.name}: ${claim.holder} has it open. To open it here, ${claim.remedy}; or choose another folder`,
  );
}
