// How a file store may be set up.

import { checkScrubOptions, type ScrubOptions } from "../scrubber.ts";
import { checkEncryptionOptions, type EncryptionOptions } from "../seal/key-file.ts";

const MIB = 1024 * 1024;

/** When an append counts as durable. */
export type SyncMode =
  /** When it has been synced. */
  | "always"
  /** When it has been written; a sync follows within so many milliseconds. A loss of power may cost that much. */
  | { readonly intervalMs: number };

/** Options of a file store; each has a default. */
export interface FileStoreOptions {
  readonly sync?: SyncMode;
  /** A block is ended when it would grow beyond this: 4 KiB to 64 MiB. */
  readonly blockBytes?: number;
  /** Size of a journal segment: 16 KiB to 1 GiB. */
  readonly segmentBytes?: number;
  /** Number of journal segments, at least 3. They are made when they are first needed. */
  readonly segments?: number;
  /** A stream with so many bytes in a turn goes to its own block instead of the journal. */
  readonly directBytes?: number;
  /** So much of a newest block may be without an index file, and has to be read on opening: 1 byte to 64 MiB. */
  readonly indexBytes?: number;
  /** Block files that are open at once, apart from those being written. */
  readonly openFilesMax?: number;
  /** Room kept for removals and checkpoints on a disk that is full. */
  readonly ballastBytes?: number;
  /** Bytes that may wait to be written before appends are refused with `BUSY`. */
  readonly pendingBytesMax?: number;
  /** Reads all messages in the background, so that damage is found early; null: not. */
  readonly scrub?: ScrubOptions | null;
  /** Everything that tells what is in messages is encrypted on the disk; null: nothing is. A folder keeps what it was made with. */
  readonly encryption?: EncryptionOptions | null;
}

/** What a file store does unless told otherwise. */
export const DEFAULT_FILE_STORE_OPTIONS: Required<FileStoreOptions> = Object.freeze({
  sync: "always",
  blockBytes: 16 * MIB,
  segmentBytes: 64 * MIB,
  segments: 4,
  directBytes: 64 * 1024,
  indexBytes: 128 * 1024,
  openFilesMax: 2048,
  ballastBytes: 8 * MIB,
  pendingBytesMax: 256 * MIB,
  scrub: null,
  encryption: null,
});

const RANGES = {
  blockBytes: [4096, 64 * MIB],
  segmentBytes: [16 * 1024, 1024 * MIB],
  segments: [3, 1024],
  directBytes: [1, Number.MAX_SAFE_INTEGER],
  indexBytes: [1, 64 * MIB],
  openFilesMax: [1, 1_000_000],
  ballastBytes: [4096, 1024 * MIB],
  pendingBytesMax: [1, Number.MAX_SAFE_INTEGER],
} as const;

/** @throws RangeError for the first option that is out of its range. */
export function completeOptions(given: FileStoreOptions): Required<FileStoreOptions> {
  const options = { ...DEFAULT_FILE_STORE_OPTIONS, ...given };
  for (const [name, [min, max]] of Object.entries(RANGES)) {
    const value = options[name as keyof typeof RANGES];
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new RangeError(`Cannot use the store option ${name}: ${value} is not a whole number from ${min} to ${max}`);
    }
  }
  if (options.sync !== "always" && !(options.sync.intervalMs > 0)) {
    throw new RangeError(
      `Cannot use the store option sync: ${options.sync.intervalMs} is not a positive number of milliseconds`,
    );
  }
  if (options.scrub !== null) checkScrubOptions(options.scrub);
  if (options.encryption !== null) checkEncryptionOptions(options.encryption);
  return options;
}
