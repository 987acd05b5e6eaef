// What a loss of power leaves on a disk: a recorded trace is cut at some operation, and of all that was not synced by then
// a legal part is kept.
//
//   - Bytes whose sync ended before the cut are there. Every other write is kept, dropped, or torn into 512-byte sectors, each write
//     for itself: the device may reorder anything between two syncs. Sectors that a file gained and that were not kept read as zeros,
//     or the file ends before them.
//   - Names work alike: each unsynced change (made, renamed, removed) is kept or dropped for itself, but a change to a name
//     whose earlier change was dropped is dropped too. A rename is one step.

import type { Random } from "../random.ts";
import type { DiskImage, DiskOp } from "./disk.ts";

/** Devices write at least this much in one step. */
export const SECTOR_BYTES = 512;

/** What becomes of unsynced operations. */
export type CrashMode = "drop-all" | "keep-all" | "mixed";

type DataOp = Extract<DiskOp, { kind: "write" | "truncate" }>;
type NameOp = Extract<DiskOp, { kind: "create" | "make-folder" | "remove" | "rename" }>;

class CrashFile {
  durable: Uint8Array;
  pending: DataOp[] = [];
  /** Operations that went from `pending` to `durable`, ever. */
  settled = 0;

  constructor(bytes: Uint8Array) {
    this.durable = bytes;
  }
}

class CrashState {
  readonly files: Map<number, CrashFile> = new Map();
  /** Entries of each folder: name to number. */
  readonly folders: Map<number, Map<string, number>> = new Map([[0, new Map()]]);
  pendingNames: { readonly order: number; readonly op: NameOp }[] = [];
  nameOps = 0;
  /** For each sync that has begun: how many operations it covers. */
  readonly covered: Map<number, number> = new Map();
}

/**
 * Builds what a disk holds after power was lost during a recorded run.
 *
 * @param start - What the disk held when the recording began.
 * @param trace - The recording.
 * @param length - How many operations of it had been asked for.
 * @param mode - What happens to those that no sync covers.
 * @param random - Chooses in mode `mixed`.
 */
export function crashImage(
  start: DiskImage,
  trace: readonly DiskOp[],
  length: number,
  mode: CrashMode,
  random: Random,
): DiskImage {
  const state = startState(start);
  for (let i = 0; i < length; i++) replay(state, trace[i] as DiskOp);
  const keepPercent = mode === "keep-all" ? 100 : mode === "drop-all" ? 0 : pickKeepPercent(random);
  const keep = (): boolean => random.uint32() % 100 < keepPercent;

  const dropped = new Set<string>();
  for (const { op } of state.pendingNames) {
    const names = [`${op.folder}/${op.name}`];
    if (op.kind === "rename") names.push(`${op.toFolder}/${op.toName}`);
    if (names.some((name) => dropped.has(name)) || !keep()) for (const name of names) dropped.add(name);
    else applyName(state, op);
  }
  for (const file of state.files.values()) {
    for (const op of file.pending) file.durable = keepData(file.durable, op, keep, mode === "mixed");
  }
  return imageOf(state);
}

/** Of the mixed crashes a tenth keeps nearly everything and a tenth nearly nothing: bugs sit at both ends. */
function pickKeepPercent(random: Random): number {
  const dice = random.uint32() % 10;
  return dice === 0 ? 95 : dice === 1 ? 5 : 50;
}

function startState(start: DiskImage): CrashState {
  const state = new CrashState();
  const folderIds = new Map<string, number>([["", 0]]);
  // Numbers are given as SimDisk gives them: in the order of the image.
  let next = 1;
  for (const [path, bytes] of start) {
    const id = next++;
    const slash = path.lastIndexOf("/");
    const parent = folderIds.get(slash < 0 ? "" : path.slice(0, slash)) as number;
    folderOf(state, parent).set(path.slice(slash + 1), id);
    if (bytes === null) {
      folderIds.set(path, id);
      state.folders.set(id, new Map());
    } else {
      state.files.set(id, new CrashFile(bytes.slice()));
    }
  }
  return state;
}

function replay(state: CrashState, op: DiskOp): void {
  switch (op.kind) {
    case "write":
    case "truncate":
      fileOf(state, op.file).pending.push(op);
      return;
    case "sync-begin": {
      const file = fileOf(state, op.file);
      state.covered.set(op.sync, file.settled + file.pending.length);
      return;
    }
    case "sync-end":
      settle(fileOf(state, op.file), state.covered.get(op.sync) as number);
      return;
    case "folder-sync-begin":
      state.covered.set(op.sync, state.nameOps);
      return;
    case "folder-sync-end":
      settleNames(state, op.folder, state.covered.get(op.sync) as number);
      return;
    default:
      state.pendingNames.push({ order: state.nameOps++, op });
      if (op.kind === "create") state.files.set(op.file, new CrashFile(new Uint8Array(0)));
      if (op.kind === "make-folder") state.folders.set(op.made, new Map());
  }
}

function settle(file: CrashFile, upTo: number): void {
  // Two syncs of one file may overlap; the one that ends second finds its work done.
  for (const op of file.pending.splice(0, Math.max(0, upTo - file.settled))) {
    file.durable = keepData(file.durable, op, () => true, false);
    file.settled++;
  }
}

function settleNames(state: CrashState, folder: number, upTo: number): void {
  state.pendingNames = state.pendingNames.filter(({ order, op }) => {
    const touches = op.folder === folder || (op.kind === "rename" && op.toFolder === folder);
    if (!touches || order >= upTo) return true;
    applyName(state, op);
    return false;
  });
}

function applyName(state: CrashState, op: NameOp): void {
  const entries = folderOf(state, op.folder);
  if (op.kind === "create") entries.set(op.name, op.file);
  else if (op.kind === "make-folder") entries.set(op.name, op.made);
  else {
    const moved = entries.get(op.name);
    entries.delete(op.name);
    if (op.kind === "rename" && moved !== undefined) folderOf(state, op.toFolder).set(op.toName, moved);
  }
}

function keepData(bytes: Uint8Array, op: DataOp, keep: () => boolean, tears: boolean): Uint8Array {
  if (op.kind === "truncate") return keep() ? resized(bytes, op.size) : bytes;
  if (!tears) return keep() ? written(bytes, op.bytes, op.position) : bytes;
  let result = bytes;
  const end = op.position + op.bytes.length;
  for (let at = op.position; at < end; ) {
    const pieceEnd = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (keep()) result = written(result, op.bytes.subarray(at - op.position, pieceEnd - op.position), at);
    at = pieceEnd;
  }
  // The size is metadata of its own: it may be there when the bytes are not.
  return result.length < end && keep() ? resized(result, end) : result;
}

function written(bytes: Uint8Array, piece: Uint8Array, position: number): Uint8Array {
  const result = bytes.length >= position + piece.length ? bytes : resized(bytes, position + piece.length);
  result.set(piece, position);
  return result;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size);
  result.set(size < bytes.length ? bytes.subarray(0, size) : bytes);
  return result;
}

function imageOf(state: CrashState): DiskImage {
  const image = new Map<string, Uint8Array | null>();
  const walk = (folder: number, prefix: string): void => {
    for (const [name, id] of folderOf(state, folder)) {
      const file = state.files.get(id);
      image.set(prefix + name, file === undefined ? null : file.durable);
      if (file === undefined) walk(id, `${prefix}${name}/`);
    }
  };
  walk(0, "");
  return image;
}

function fileOf(state: CrashState, id: number): CrashFile {
  return state.files.get(id) as CrashFile;
}

function folderOf(state: CrashState, id: number): Map<string, number> {
  return state.folders.get(id) as Map<string, number>;
}
