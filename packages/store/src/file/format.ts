// Names, magic numbers and versions of the files of a store; docs/storage-format.md draws every byte.
//
//   store.0 store.1              what this folder is; the checkpoint: what of the journal is in the streams' own files
//   journal/<n>.seg              the journal's segments, overwritten in turns
//   streams/<incarnation>/       one stream; the number is never given twice
//     meta.0 meta.1              name, limits, the owner's configuration
//     <block>.blk                records, in order
//     <block>.idx                what the index knows of them, so that opening need not read them
//     deleted.0 deleted.1        sequences taken away from between others
//     consumers.0 consumers.1    states of the consumers
//   lock/                        a socket of the process that has the store open
//   ballast                      zeros, given up when the disk is full so that removals and the checkpoint still find room
//   quarantine/                  copies of damaged bytes
//   orphans/                     folders of streams whose description cannot be read

/** Number of a stream's first block. */
export const FIRST_BLOCK = 1;

/** Version of everything below; a store with a higher one is refused. */
export const FORMAT_VERSION = 1;

export const MAGIC_STORE = 0x53594d01; // "\x01MYS"
export const MAGIC_META = 0x4d594d01;
export const MAGIC_CONSUMERS = 0x43594d01;
export const MAGIC_BLOCK = 0x42594d01;
export const MAGIC_INDEX = 0x58594d01;
export const MAGIC_BATCH = 0x4a594d01;

export const STORE_FILE = "store";
export const BALLAST_FILE = "ballast";
export const JOURNAL_FOLDER = "journal";
export const STREAMS_FOLDER = "streams";
export const LOCK_FOLDER = "lock";
export const QUARANTINE_FOLDER = "quarantine";
export const ORPHANS_FOLDER = "orphans";

/** A folder of a stream that is being made, or that is being removed: its content does not count. */
export const MAKING_SUFFIX = ".new";
export const REMOVING_SUFFIX = ".gone";

/** Eight hexadecimal digits, so that names sort as numbers. */
export function hex8(number: number): string {
  return number.toString(16).padStart(8, "0");
}

export function streamFolder(incarnation: number): string {
  return `${STREAMS_FOLDER}/${hex8(incarnation)}`;
}

export function blockName(block: number): string {
  return `${hex8(block)}.blk`;
}

export function blockPath(incarnation: number, block: number): string {
  return `${streamFolder(incarnation)}/${blockName(block)}`;
}

export function indexPath(incarnation: number, block: number): string {
  return `${streamFolder(incarnation)}/${hex8(block)}.idx`;
}

/** The number in a name such as `0000001f.blk`; -1 when the name is not of that form. */
export function numberInName(name: string, suffix: string): number {
  if (name.length !== 8 + suffix.length || !name.endsWith(suffix)) return -1;
  const digits = name.slice(0, 8);
  return /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
}
