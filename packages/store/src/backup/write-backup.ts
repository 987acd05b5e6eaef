// Writes a backup: the streams of a store as they are at one moment, while the store goes on.
//
//   step, step, ...  each in one go: copies what has not been copied yet, up to some size; what it made is handed out between
//   last step        nothing was left to copy: in the same go it writes what each stream is now
//
// So the moment is the last step's. What was copied before and has gone since is listed in the streams' holes; consumers, limits and
// configurations are read in that step. Nothing is pinned and nothing waits for the backup: messages are read once, in order.

import { viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { MessageView } from "../message-view.ts";
import { putU32, putU64 } from "../record.ts";
import type { Store, StreamLog } from "../store.ts";
import {
  CHUNK_BYTES,
  FrameWriter,
  KIND_BEGIN,
  KIND_CONSUMER,
  KIND_HOLES,
  KIND_MESSAGES,
  KIND_STREAM,
  KIND_STREAM_END,
  KIND_STREAM_GONE,
} from "./frame.ts";
import {
  BACKUP_MAGIC,
  BACKUP_VERSION,
  encodeConsumer,
  encodeHoles,
  encodeSection,
  encodeSectionEnd,
  messageBytes,
  putMessage,
  sectionHead,
} from "./sections.ts";

/** A step copies no more than about this: some milliseconds. */
const STEP_BYTES = 256 * 1024;

/** What to back up. */
export interface BackupOptions {
  /** Names of streams; absent: all there are at the moment of the backup. */
  readonly streams?: readonly string[];
}

/**
 * Backs streams up, as chunks of about 128 KiB that belong to the caller. The next one is made when the caller asks for it.
 *
 * What it holds is the state of all its streams at one moment, the same for all of them: shortly before the last chunk, when
 * everything had been copied. Changes before it are in it, also those made since the backup began; later ones are not. The last
 * chunk comes when that state is durable, so that a backup never knows more than the store would after a crash.
 *
 * Memory: some chunks; for streams that lost messages meanwhile also some bytes for each of their holes. It ends when it has caught up
 * with the appends: a caller that takes chunks more slowly than messages come waits for a quieter time. Bytes of a message
 * that is erased after it was copied stay in the backup, where restoring leaves them out.
 *
 * @throws StoreError `STREAM_NOT_FOUND` for a name that is not there, also when it goes meanwhile; `BUSY` when a stream is truncated
 *   meanwhile: begin again; what `durable()` rejects with.
 * @example
 * for await (const chunk of writeBackup(store)) file.write(chunk);
 */
export async function* writeBackup(store: Store, options: BackupOptions = {}): AsyncGenerator<Uint8Array> {
  const writer = new BackupWriter(store, options.streams ?? null);
  while (!writer.step()) {
    yield* writer.takeChunks();
    // Others may have something to do, also when the caller never waits.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await store.durable();
  yield* writer.takeChunks();
}

/** A stream that is being copied. */
interface Section {
  readonly number: number;
  readonly log: StreamLog;
  readonly truncations: number;
  /** The first sequence that has not been looked at. */
  next: number;
  /** Messages copied. */
  copied: number;
}

class BackupWriter {
  readonly #store: Store;
  readonly #names: readonly string[] | null;
  readonly #frames: FrameWriter = new FrameWriter();
  readonly #sections: Map<StreamLog, Section> = new Map();
  readonly #view: MessageView = new MessageView();
  #nextNumber = 1;
  /** Where in the list of streams the next step begins: one that is always busy must not keep the others waiting. */
  #at = 0;
  /** Records for the next frame: in the first so many bytes. */
  #records: Uint8Array = new Uint8Array(0);
  #recordsView: DataView = viewOf(this.#records);
  #recordBytes = 0;
  #stepBytes = 0;

  constructor(store: Store, names: readonly string[] | null) {
    this.#store = store;
    this.#names = names;
    const version = new Uint8Array(4);
    putU32(version, 0, BACKUP_VERSION);
    this.#frames.add(KIND_BEGIN, Buffer.from(BACKUP_MAGIC, "latin1"), version);
  }

  takeChunks(): Uint8Array[] {
    return this.#frames.takeChunks();
  }

  /** Returns whether everything is copied, the end included. */
  step(): boolean {
    this.#stepBytes = 0;
    const logs = this.#wanted();
    this.#dropGone(logs);
    for (let i = 0; i < logs.length; i++) {
      const position = (this.#at + i) % logs.length;
      if (this.#copy(this.#sectionOf(logs[position]!))) continue;
      this.#at = position;
      return false;
    }
    this.#end();
    return true;
  }

  #wanted(): StreamLog[] {
    if (this.#names === null) return this.#store.streams();
    return [...new Set(this.#names)].map((name) => {
      const log = this.#store.stream(name);
      if (log !== null) return log;
      throw new StoreError(
        "STREAM_NOT_FOUND",
        `Cannot back up the stream ${JSON.stringify(name)}: there is none of that name`,
      );
    });
  }

  /** Streams that were deleted since the last step: what was copied of them does not count. */
  #dropGone(logs: readonly StreamLog[]): void {
    const there = new Set(logs);
    for (const section of [...this.#sections.values()]) {
      if (there.has(section.log)) continue;
      this.#frames.add(KIND_STREAM_GONE, sectionHead(section.number));
      this.#sections.delete(section.log);
    }
  }

  #sectionOf(log: StreamLog): Section {
    const known = this.#sections.get(log);
    if (known !== undefined) return known;
    const { firstSeq } = log.state();
    const { compression } = log.limits;
    const made: Section = { number: this.#nextNumber++, log, truncations: log.truncations, next: firstSeq, copied: 0 };
    this.#sections.set(log, made);
    this.#frames.add(KIND_STREAM, encodeSection({ section: made.number, firstSeq, name: log.name, compression }));
    return made;
  }

  /** Copies what is left of a stream. Returns false when the step has copied enough before its end. */
  #copy(section: Section): boolean {
    const { log, number } = section;
    if (log.truncations !== section.truncations) {
      throw new StoreError(
        "BUSY",
        `Cannot go on with the backup: the stream ${JSON.stringify(log.name)} was truncated meanwhile. Begin again`,
      );
    }
    for (;;) {
      const view = log.next("", section.next, this.#view);
      if (view === null) {
        this.#endMessages(number);
        return true;
      }
      const bytes = messageBytes(view);
      if (this.#recordBytes + bytes > CHUNK_BYTES) this.#endMessages(number);
      if (this.#recordBytes === 0) {
        this.#records = new Uint8Array(Math.max(CHUNK_BYTES, bytes));
        this.#recordsView = viewOf(this.#records);
      }
      putMessage(this.#records, this.#recordsView, this.#recordBytes, number, view);
      this.#recordBytes += bytes;
      this.#stepBytes += bytes;
      section.next = view.seq + 1;
      section.copied++;
      if (this.#stepBytes < STEP_BYTES) continue;
      this.#endMessages(number);
      return false;
    }
  }

  #endMessages(section: number): void {
    if (this.#recordBytes > 0)
      this.#frames.add(KIND_MESSAGES, sectionHead(section), this.#records.subarray(0, this.#recordBytes));
    this.#recordBytes = 0;
  }

  /** Writes what every stream is at this moment. */
  #end(): void {
    let messages = 0;
    for (const section of this.#sections.values()) messages += this.#endSection(section);
    const body = new Uint8Array(16);
    putU32(body, 0, this.#sections.size);
    putU64(body, 8, messages);
    this.#frames.end(body);
  }

  /** Returns how many messages the stream has. */
  #endSection({ log, number, copied }: Section): number {
    for (const { name, state } of log.consumers()) {
      if (state !== null) this.#frames.add(KIND_CONSUMER, encodeConsumer(number, name, state));
    }
    const { firstSeq, lastSeq, lastTimeNs, messages } = log.state();
    // Whatever is there was copied: as many messages are the same messages.
    if (messages < copied) {
      for (const piece of encodeHoles(holesOf(log, firstSeq), CHUNK_BYTES)) {
        this.#frames.add(KIND_HOLES, sectionHead(number), piece);
      }
    }
    const { limits, config, outdated } = log;
    const end = { firstSeq, lastSeq, messages, lastTimeNs, limits, config, outdated };
    this.#frames.add(KIND_STREAM_END, encodeSectionEnd(number, end));
    return messages;
  }
}

function* holesOf(log: StreamLog, firstSeq: number): Generator<readonly [number, number]> {
  if (firstSeq > 1) yield [1, firstSeq - 1];
  yield* log.deletedRanges();
}
