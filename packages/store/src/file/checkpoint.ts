// What the two store files say: which folder this is, and what a checkpoint made durable in the streams' own files.
//
//   body   0  u32  epoch of the journal's batches that count
//          4  u32  lowest incarnation not given yet
//          8  u64  first batch of the journal that is not in the streams' own files
//         16  u32  number of streams
//         20  u32  flags: 1 the store was stopped in order, the journal has nothing from the first batch on; 2 the store is encrypted
//         24  u32  number of the journal's segments
//         28  u32  size of each of them
//         32  80 bytes for each stream, in order of incarnation:
//                    u32 incarnation
//                    u32 newest block, u32 how far it is durable; blocks before it are as a whole
//                    u32 0
//                    u64 first sequence, u64 last sequence
//                    u64 last sequence with a record in the blocks; 0: there is none
//                    u64 time of the last message stored, as in a record; all bits set: none ever was
//                    u64 generation of meta, u64 generation of consumers; 0: there is none
//                    u32 number of the last record of the tombstone files; 0: there is none
//                    u32 0
//             u32  for each segment: its number
//
// The generations, the tombstone record and the segments are durable when the checkpoint is written: what is older on opening, or missing,
// was put there by nothing that the store does.

import { viewOf } from "../checksum.ts";
import { type LastTime, putTime, putU32, putU64, timeMsAt, timeSubNsAt, u32, u64 } from "../record.ts";

const HEADER_BYTES = 32;
const STREAM_BYTES = 80;
const SEGMENT_BYTES = 4;
const FLAG_CLEAN = 1;
const FLAG_ENCRYPTED = 2;

/** How far a stream's messages are durable in its own files. */
export interface StreamReach extends LastTime {
  readonly incarnation: number;
  readonly block: number;
  readonly offset: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastRecordSeq: number;
}

/** What else of a stream is durable in its own files, and cannot be older on opening. */
export interface StreamVouched {
  readonly metaGeneration: number;
  /** 0: there is no such file. */
  readonly consumersGeneration: number;
  /** Number of the last record of the tombstone files; 0: there is none. */
  readonly tombstone: number;
}

/** What a checkpoint says of a stream. */
export interface StreamCheckpoint extends StreamReach, StreamVouched {}

/** Files of the journal that there must be unless the store was stopped in order. */
export interface VouchedSegments {
  readonly numbers: readonly number[];
  /** Of each of them. */
  readonly bytes: number;
}

export interface Checkpoint {
  readonly epoch: number;
  readonly nextIncarnation: number;
  readonly firstBatch: number;
  /** Nothing was written to the journal since: the store was stopped in order. */
  readonly clean: boolean;
  readonly streams: readonly StreamCheckpoint[];
  readonly segments: VouchedSegments;
  /** The store has a key (seal/key-file.ts), and nothing of it can be used without. */
  readonly encrypted: boolean;
}

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { streams, segments } = checkpoint;
  const bytes = new Uint8Array(HEADER_BYTES + streams.length * STREAM_BYTES + segments.numbers.length * SEGMENT_BYTES);
  const numbers = viewOf(bytes);
  putU32(bytes, 0, checkpoint.epoch);
  putU32(bytes, 4, checkpoint.nextIncarnation);
  putU64(bytes, 8, checkpoint.firstBatch);
  putU32(bytes, 16, checkpoint.streams.length);
  putU32(bytes, 20, (checkpoint.clean ? FLAG_CLEAN : 0) | (checkpoint.encrypted ? FLAG_ENCRYPTED : 0));
  putU32(bytes, 24, segments.numbers.length);
  putU32(bytes, 28, segments.bytes);
  let at = HEADER_BYTES;
  for (const stream of streams) {
    putU32(bytes, at, stream.incarnation);
    putU32(bytes, at + 4, stream.block);
    putU32(bytes, at + 8, stream.offset);
    putU64(bytes, at + 16, stream.firstSeq);
    putU64(bytes, at + 24, stream.lastSeq);
    putU64(bytes, at + 32, stream.lastRecordSeq);
    putTime(numbers, at + 40, stream.lastTimeMs, stream.lastTimeSubNs);
    putU64(bytes, at + 48, stream.metaGeneration);
    putU64(bytes, at + 56, stream.consumersGeneration);
    putU32(bytes, at + 64, stream.tombstone);
    at += STREAM_BYTES;
  }
  for (const number of segments.numbers) {
    putU32(bytes, at, number);
    at += SEGMENT_BYTES;
  }
  return bytes;
}

/** Reads what {@link encodeCheckpoint} made; the checksum has been checked. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const streams: StreamCheckpoint[] = [];
  for (let i = 0; i < u32(bytes, 16); i++) {
    const at = HEADER_BYTES + i * STREAM_BYTES;
    streams.push({
      incarnation: u32(bytes, at),
      block: u32(bytes, at + 4),
      offset: u32(bytes, at + 8),
      firstSeq: u64(bytes, at + 16),
      lastSeq: u64(bytes, at + 24),
      lastRecordSeq: u64(bytes, at + 32),
      lastTimeMs: timeMsAt(bytes, at + 40),
      lastTimeSubNs: timeSubNsAt(bytes, at + 40),
      metaGeneration: u64(bytes, at + 48),
      consumersGeneration: u64(bytes, at + 56),
      tombstone: u32(bytes, at + 64),
    });
  }
  const segmentsAt = HEADER_BYTES + streams.length * STREAM_BYTES;
  const numbers = Array.from({ length: u32(bytes, 24) }, (_, i) => u32(bytes, segmentsAt + i * SEGMENT_BYTES));
  const flags = u32(bytes, 20);
  return {
    epoch: u32(bytes, 0),
    nextIncarnation: u32(bytes, 4),
    firstBatch: u64(bytes, 8),
    clean: (flags & FLAG_CLEAN) !== 0,
    encrypted: (flags & FLAG_ENCRYPTED) !== 0,
    streams,
    segments: { numbers, bytes: u32(bytes, 28) },
  };
}
