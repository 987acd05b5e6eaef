// Gathers what all streams do in a turn of the event loop, and writes it at the turn's end: the records of quiet streams and
// everything that is not a message as a batch of the journal, the records of busy streams to their own blocks.

import { u32 } from "../record.ts";
import type { Slices } from "../slices.ts";
import { ControlBuffer } from "./control.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { BATCH_HEADER_BYTES, type Journal } from "./journal.ts";

/** Streams that go the direct way in one turn: each costs a sync of its own. */
const DIRECT_STREAMS_MAX = 2;

/** The turn that is gathering. */
export class TurnWriter {
  /** Number of the turn that is gathering; those before it are written. */
  turn = 1;
  /** Something has happened in it. */
  dirty = false;
  /** Bytes that wait for its end. */
  bytes = 0;
  /** The turn cannot end before a checkpoint or a new segment makes room in the journal. */
  waitsForRoom = false;
  readonly controls: ControlBuffer = new ControlBuffer();
  /** Streams of written turns whose blocks the next round has to sync. */
  #direct: Set<FileBacking> = new Set();
  /** Streams whose tail has grown enough to be written, when there is time. */
  #ripe: Set<FileBacking> = new Set();
  #slices: Slices;
  #core: FileStoreCore;
  #journal!: Journal;
  #streams: FileBacking[] = [];
  #batch: Uint8Array = new Uint8Array(64 * 1024);
  #batchBytes = 0;
  #controlsTaken = 0;

  constructor(core: FileStoreCore, slices: Slices) {
    this.#core = core;
    this.#slices = slices;
  }

  /** The journal is there: turns can be written. */
  begin(journal: Journal): void {
    this.#journal = journal;
  }

  /** A number that stands for everything up to now. */
  get ticket(): number {
    return this.dirty ? this.turn : this.turn - 1;
  }

  enter(stream: FileBacking): void {
    if (stream.inTurn) return;
    stream.inTurn = true;
    this.#streams.push(stream);
  }

  /** Streams that went the direct way in turns since the last call. */
  takeDirect(): Set<FileBacking> {
    const direct = this.#direct;
    this.#direct = new Set();
    return direct;
  }

  /** The stream's files are going: nothing of it has to be written any more. */
  forget(stream: FileBacking): void {
    this.#streams = this.#streams.filter((other) => other !== stream);
    this.#ripe.delete(stream);
    this.#direct.delete(stream);
  }

  /** Takes a stream's records of this turn into the batch before the turn ends. Those that cannot go there stay in the tail. */
  take(stream: FileBacking): void {
    const bytes = stream.tail.turnBytes;
    if (bytes === 0 || this.#mustDirect(bytes) || stream.tail.prefersDirect || !this.#fits(bytes)) return;
    this.#makeRoom(bytes);
    this.#move(stream, bytes);
  }

  /**
   * Ends the turn: writes everything it has gathered.
   *
   * @returns False when the journal has no room for all of it: then the turn goes on until it has.
   */
  end(): boolean {
    this.waitsForRoom = !this.#write();
    if (this.waitsForRoom) return false;
    this.dirty = false;
    this.bytes = 0;
    this.turn++;
    return true;
  }

  #write(): boolean {
    if (this.waitsForRoom && !this.#journal.hasRoom(this.#batchBytes)) return false;
    let direct = 0;
    for (const stream of this.#streams) {
      const bytes = stream.tail.turnBytes;
      if (bytes === 0) continue;
      const mustDirect = this.#mustDirect(bytes);
      if (
        (mustDirect || (stream.tail.prefersDirect && direct < DIRECT_STREAMS_MAX)) &&
        this.#writeDirect(stream, mustDirect)
      ) {
        direct++;
        continue;
      }
      if (!this.#makeRoom(bytes)) return false;
      this.#move(stream, bytes);
    }
    // With a thousand streams in a turn, looking at each of them once more costs as much as what they have.
    for (const stream of this.#streams) if (stream.hasControls) stream.takeControls(this.controls);
    if (!this.#moveControls() || !this.#emitBatch()) return false;
    for (const stream of this.#streams) {
      stream.endTurn();
      if (stream.tail.directTurn) this.#direct.add(stream);
      if (stream.tail.ripe) this.#ripe.add(stream);
    }
    this.#streams = [];
    // Has the first segment made also where everything goes the direct way: a purge that makes room on a full disk needs it.
    this.#journal.hasRoom(0);
    this.#writeRipe();
    return true;
  }

  /** A thousand streams may be ripe in one turn; writing them all, or making their files, would hold the event loop. */
  #writeRipe(): void {
    if (this.#ripe.size === 0) return;
    this.#slices.begin();
    for (const stream of this.#ripe) {
      this.#ripe.delete(stream);
      this.writeLazy(stream);
      if (this.#slices.due) return;
    }
  }

  /** Writes what a stream has kept back, if that has grown; on a disk that is full it keeps it. */
  writeLazy(stream: FileBacking): void {
    try {
      stream.writeLazy();
    } catch (error) {
      this.#core.writeFailed(error); // the records are in the journal, and stay in the tail
    }
  }

  /** Returns false when the disk is full and the journal can take the records instead. */
  #writeDirect(stream: FileBacking, must: boolean): boolean {
    try {
      stream.flushTail();
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (must || (code !== "ENOSPC" && code !== "EDQUOT")) throw error;
      this.#core.writeFailed(error);
      return false;
    }
  }

  /** Whether so much of one stream is more than the journal should take. */
  #mustDirect(bytes: number): boolean {
    return bytes > this.#core.options.segmentBytes / 4;
  }

  /** Copies the turn's records of a stream to the batch, which has room for them. */
  #move(stream: FileBacking, bytes: number): void {
    stream.tail.moveTurn(this.#batch, BATCH_HEADER_BYTES + this.#batchBytes);
    this.#batchBytes += bytes;
  }

  /** Whether a segment could take the batch with so many more bytes. */
  #fits(bytes: number): boolean {
    return BATCH_HEADER_BYTES + this.#batchBytes + bytes <= this.#core.options.segmentBytes;
  }

  /** Makes sure that so many bytes fit in the batch, writing what it holds if they do not. */
  #makeRoom(bytes: number): boolean {
    if (this.#batchBytes > 0 && !this.#fits(bytes) && !this.#emitBatch()) return false;
    const needed = BATCH_HEADER_BYTES + this.#batchBytes + bytes;
    if (needed > this.#batch.length) {
      const larger = new Uint8Array(Math.max(needed, this.#batch.length * 2));
      larger.set(this.#batch.subarray(0, BATCH_HEADER_BYTES + this.#batchBytes));
      this.#batch = larger;
    }
    return true;
  }

  #moveControls(): boolean {
    const { controls } = this;
    while (this.#controlsTaken < controls.length) {
      const length = Math.ceil(u32(controls.bytes, this.#controlsTaken + 4) / 8) * 8;
      if (!this.#makeRoom(length)) return false;
      const piece = controls.bytes.subarray(this.#controlsTaken, this.#controlsTaken + length);
      this.#batch.set(piece, BATCH_HEADER_BYTES + this.#batchBytes);
      this.#batchBytes += length;
      this.#controlsTaken += length;
    }
    controls.clear();
    this.#controlsTaken = 0;
    return true;
  }

  #emitBatch(): boolean {
    if (this.#batchBytes === 0) return true;
    if (!this.#journal.hasRoom(this.#batchBytes)) return false;
    this.#journal.write(this.#batch, this.#batchBytes);
    this.#batchBytes = 0;
    return true;
  }
}
