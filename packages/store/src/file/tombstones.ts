// Sequences taken away from between others, kept until their records are gone from the disk: two files of the same content, to which
// runs are appended at each checkpoint. What is in either of them counts, so damage to one costs nothing.
//
// The files hold records of the journal's kind 1 (control.ts) and nothing else.

import type { Disk, DiskFile } from "@myelin/platform";
import { viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { aligned, soundRecord, u32 } from "../record.ts";
import type { Slices } from "../slices.ts";
import { ControlBuffer, KIND_REMOVED, visitRuns } from "./control.ts";
import { streamFolder } from "./format.ts";
import type { SeqSet } from "./seq-set.ts";

const COPIES = [0, 1] as const;
/** Runs that are encoded between two looks at the clock. */
const RUNS_PER_LOOK = 256;
/** Bytes that are written in one step. */
const WRITE_BYTES = 512 * 1024;

function copyPath(incarnation: number, copy: number): string {
  return `${streamFolder(incarnation)}/deleted.${copy}`;
}

/** What was found in a stream's tombstone files. */
export interface FoundTombstones {
  /** Runs, in the order in which they were written. */
  readonly runs: readonly (readonly [first: number, count: number])[];
  readonly reports: readonly string[];
}

/** The tombstone files of one stream. */
export class Tombstones {
  #disk: Disk;
  #incarnation: number;
  /** Where the next run goes in each file; -1: the file has to be made. */
  #ends: [number, number] = [-1, -1];
  /** The last write that was asked for. */
  #last: Promise<void> = Promise.resolve();

  constructor(disk: Disk, incarnation: number) {
    this.#disk = disk;
    this.#incarnation = incarnation;
  }

  /** Bytes in the longer file. */
  get size(): number {
    return Math.max(...this.#ends);
  }

  /** Reads both files. What cannot be read in one of them is reported; it usually stands in the other. */
  read(): FoundTombstones {
    const runs: (readonly [number, number])[] = [];
    const reports: string[] = [];
    for (const copy of COPIES) {
      const path = copyPath(this.#incarnation, copy);
      const stat = this.#disk.stat(path);
      if (stat === null) continue;
      if (stat.kind !== "file") throw oddEntry(this.#disk, path);
      const bytes = new Uint8Array(stat.size);
      const view = viewOf(bytes);
      const file = this.#disk.open(path, "read");
      file.read(bytes, 0, bytes.length, 0);
      file.close();
      let end = 0;
      let damaged = false;
      for (let at = 0; at < bytes.length; ) {
        const length = soundRecord(view, at, bytes.length);
        if (length === 0 || bytes[at + 23] !== KIND_REMOVED || u32(bytes, at + 8) !== this.#incarnation) {
          at += 8;
          continue;
        }
        damaged ||= at > end;
        visitRuns(bytes, at, length, (first, count) => runs.push([first, count]));
        at += aligned(length);
        end = at;
      }
      if (damaged) reports.push(`${path}: damaged; what the other copy holds is used`);
      this.#ends[copy] = end;
    }
    return { runs, reports };
  }

  /** Adds what either file says to a set, a record at a time. */
  async collect(into: SeqSet, slices: Slices): Promise<void> {
    let before: Uint8Array | null = null;
    for (const copy of COPIES) {
      const path = copyPath(this.#incarnation, copy);
      const size = this.#disk.stat(path)?.size ?? 0;
      if (size === 0) continue;
      const bytes = new Uint8Array(size);
      const view = viewOf(bytes);
      const file = this.#disk.open(path, "read");
      file.read(bytes, 0, size, 0);
      file.close();
      if (before !== null && Buffer.compare(before, bytes) === 0) return;
      before = bytes;
      for (let at = 0; at < size; ) {
        if (slices.due) await slices.pause();
        const length = soundRecord(view, at, size);
        const ours = length > 0 && bytes[at + 23] === KIND_REMOVED && u32(bytes, at + 8) === this.#incarnation;
        if (ours) visitRuns(bytes, at, length, (first, count) => into.add(first, count));
        at += ours ? aligned(length) : 8;
      }
    }
  }

  /** Appends runs to both files and syncs them. Returns whether a file was made: then the folder needs a sync. */
  append(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<boolean> {
    return this.#inTurn(() => this.#append(runs, slices));
  }

  /** Replaces the content of both files, one after the other, and syncs the folder. */
  replace(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<void> {
    return this.#inTurn(() => this.#replace(runs, slices));
  }

  /** A checkpoint and a truncation may want to write at the same time: one after the other. */
  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(run);
    this.#last = result.then(
      () => {},
      () => {}, // whoever asked for it knows
    );
    return result;
  }

  async #encode(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<ControlBuffer> {
    const control = new ControlBuffer();
    let encoded = 0;
    for (const [first, count] of runs) {
      if (++encoded % RUNS_PER_LOOK === 0 && slices.due) await slices.pause();
      control.addRun(this.#incarnation, first, count);
    }
    control.endRuns();
    return control;
  }

  async #append(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<boolean> {
    const control = await this.#encode(runs, slices);
    if (control.length === 0) return false;
    let made = false;
    for (const copy of COPIES) {
      const path = copyPath(this.#incarnation, copy);
      const exists = this.#ends[copy] >= 0;
      const file: DiskFile = this.#disk.open(path, exists ? "write" : "create");
      try {
        const end = exists ? this.#ends[copy] : 0;
        await writeAll(file, control, end, slices);
        await file.sync();
        this.#ends[copy] = end + control.length;
      } finally {
        file.close();
      }
      made ||= !exists;
    }
    return made;
  }

  async #replace(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<void> {
    const control = await this.#encode(runs, slices);
    for (const copy of COPIES) {
      const path = copyPath(this.#incarnation, copy);
      const fresh = `${path}.new`;
      if (this.#disk.stat(fresh) !== null) this.#disk.remove(fresh); // left by an interruption
      const file = this.#disk.open(fresh, "create");
      try {
        await writeAll(file, control, 0, slices);
        await file.sync();
      } finally {
        file.close();
      }
      this.#disk.rename(fresh, path);
      await this.#disk.syncFolder(streamFolder(this.#incarnation));
      this.#ends[copy] = control.length;
    }
  }
}

async function writeAll(file: DiskFile, { bytes, length }: ControlBuffer, to: number, slices: Slices): Promise<void> {
  for (let at = 0; at < length; at += WRITE_BYTES) {
    if (slices.due) await slices.pause();
    file.write(bytes, at, Math.min(length, at + WRITE_BYTES), to + at);
  }
}

/** Something stands where a file of ours belongs. */
export function oddEntry(disk: Disk, path: string): StoreError {
  return new StoreError("FOREIGN_FOLDER", `Cannot use ${path} in ${disk.name}: it is not a plain file. Move it away`);
}
