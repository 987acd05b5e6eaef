// Where a stream keeps its records: in memory, or in files with a journal. The stream decides what happens; its backing keeps it.

import type { IndexBlock } from "./index/record-index.ts";
import type { MessageView } from "./message-view.ts";

/** The keeping half of a stream. Calls come from the stream only, in the order in which things happen. */
export interface StreamBacking {
  /** Goes into every record, so that no other stream's bytes are ever taken for this one's. */
  readonly incarnation: number;
  /** Set by `reserve`: the record is to be written into `bytes` at `at`. */
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Of the same bytes: numbers are written through it. */
  readonly numbers: DataView;
  /** Goes into the record: how far its block is known to be durable. */
  readonly synced: number;

  /**
   * The stream is being truncated: messages that left the index are not gone before {@link truncated} has resolved, so their
   * records have to stay. The stream sets it.
   */
  truncating: boolean;

  /** Reads what the next record will need; see `StreamLog.prefetch`. */
  prefetch(): number;

  /** @throws StoreError when nothing may be written now. */
  checkWritable(): void;

  /**
   * Makes room for a record of `length` bytes (a multiple of 8) with that sequence at the end of the newest block,
   * beginning a new block where needed.
   *
   * @returns The index block it belongs in, with `seq` as its next slot.
   */
  reserve(length: number, seq: number): IndexBlock;
  /** Bytes of a record behind its payload: what {@link seal} puts there. */
  readonly sealBytes: number;
  /** The record at `at` has everything but its checksum, and what else the backing adds. `length` as in its header. */
  seal(length: number): void;
  /** The record that was reserved is complete. */
  commit(length: number): void;

  /**
   * Shows a record.
   *
   * @returns False when it is damaged.
   */
  view(block: IndexBlock, slot: number, view: MessageView): boolean;

  /** Bytes of a message as the stream's state counts them; `dataBytes` has {@link sealBytes} in it. */
  storedBytes(dataBytes: number, hasHeaders: boolean): number;

  /** A message between others was taken away. */
  removed(seq: number): void;
  /** Sequences behind the last one are given, and never get a message. */
  skipped(first: number, count: number): void;
  /** Resolves when what was taken away up to now can be written: long work must not pile up what has to be written in one go. */
  room(): Promise<void>;
  /** `firstSeq` or `lastSeq` changed by anything but an append: take both from the index. */
  boundsMoved(): void;
  /** A block that is not the newest has no messages any more and is out of the index. */
  blockEmptied(block: IndexBlock): void;
  /** There is no older block: files of those that could not be read go, unless something before that block still counts as lost. */
  oldestIs(block: IndexBlock): void;
  /** All blocks are out of the index. */
  cleared(): void;
  /** Overwrite a record that was just taken away, once that is durable. */
  erase(block: IndexBlock, slot: number): void;
  /** Everything after `seq` is out of the index. Resolves when that is durable. */
  truncated(seq: number): Promise<void>;

  /** A consumer was made, saved or deleted (then its state is null). */
  consumerChanged(name: string, state: Uint8Array | null): void;
}
