// Streams in memory: the same streams as in files, on a backing that forgets.

import type { Clock } from "@myelin/platform";
import type { StreamBacking } from "./backing.ts";
import { viewOf } from "./checksum.ts";
import { StoreError } from "./errors.ts";
import { GAP_SLOTS_MAX, IndexBlock } from "./index/record-index.ts";
import { StreamIndex } from "./index/stream-index.ts";
import { checkLimits, checkName, checkSequence, notUnpublished } from "./limits.ts";
import type { MessageView } from "./message-view.ts";
import {
  MEMORY_RECORD_OVERHEAD,
  NO_LIMITS,
  type Store,
  type StoreHealth,
  type StreamLimits,
  type StreamLog,
} from "./store.ts";
import { Stream } from "./stream.ts";
import { StreamContext } from "./stream-context.ts";

/** Blocks begin small and double up to this; a larger record gets a block of its own. */
const BLOCK_BYTES = 1024 * 1024;
const BLOCK_BYTES_START = 4096;

/** The bytes of a block. */
class MemoryBlock {
  bytes: Uint8Array;
  numbers: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.numbers = viewOf(this.bytes);
  }

  grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, Math.min(BLOCK_BYTES, this.bytes.length * 2)));
    larger.set(this.bytes);
    this.bytes = larger;
    this.numbers = viewOf(larger);
  }
}

class MemoryBacking implements StreamBacking {
  readonly incarnation: number;
  readonly synced = 0;
  readonly sealBytes = 0;
  truncating = false;
  bytes: Uint8Array = new Uint8Array(0);
  numbers: DataView = viewOf(this.bytes);
  at = 0;
  #index: StreamIndex;
  #blocks: Map<number, MemoryBlock> = new Map();
  #nextBlock = 1;

  constructor(incarnation: number, index: StreamIndex) {
    this.incarnation = incarnation;
    this.#index = index;
  }

  prefetch(): number {
    return this.at;
  }

  checkWritable(): void {}

  reserve(length: number, seq: number): IndexBlock {
    let block = this.#index.records.last;
    if (
      block === null ||
      (block.endOffset > 0 && block.endOffset + length > BLOCK_BYTES) ||
      seq - block.lastSeq > GAP_SLOTS_MAX
    ) {
      block = this.#newBlock(seq, length);
    }
    while (block.lastSeq + 1 < seq) block.addAbsent();
    this.at = block.endOffset;
    const memory = this.#blocks.get(block.number)!;
    if (memory.bytes.length < this.at + length) memory.grow(this.at + length);
    this.bytes = memory.bytes;
    this.numbers = memory.numbers;
    return block;
  }

  /** No checksum: nobody else writes to these bytes. */
  seal(length: number): void {
    this.numbers.setUint32(this.at + 4, length, true);
  }

  commit(): void {}

  view(block: IndexBlock, slot: number, view: MessageView): boolean {
    const { bytes, numbers } = this.#blocks.get(block.number)!;
    return view.show(bytes, numbers, block.offset(slot), block.recordLength(slot));
  }

  storedBytes(dataBytes: number): number {
    return dataBytes + MEMORY_RECORD_OVERHEAD;
  }

  removed(): void {}
  async room(): Promise<void> {}
  skipped(): void {}

  boundsMoved(): void {}

  oldestIs(): void {}
  consumerChanged(): void {}

  blockEmptied(block: IndexBlock): void {
    this.#blocks.delete(block.number);
  }

  cleared(): void {
    this.#blocks.clear();
  }

  erase(block: IndexBlock, slot: number): void {
    const start = block.offset(slot);
    this.#blocks.get(block.number)!.bytes.fill(0, start, start + block.slotBytes(slot));
  }

  async truncated(): Promise<void> {
    const last = this.#index.records.last?.number ?? 0;
    for (const number of this.#blocks.keys()) if (number > last) this.#blocks.delete(number);
  }

  #newBlock(seq: number, length: number): IndexBlock {
    const last = this.#index.records.last;
    if (last !== null) {
      last.seal();
      if (last.live === 0) {
        this.#index.dropBlock(last);
        this.blockEmptied(last);
      }
    }
    const block = new IndexBlock(this.#nextBlock++, seq, 0);
    this.#index.records.push(block);
    this.#blocks.set(block.number, new MemoryBlock(Math.max(length, BLOCK_BYTES_START)));
    return block;
  }
}

/** A store in memory. Every change is as durable as it will ever be when the call returns. */
export class MemoryStore implements Store {
  onDurable: ((ticket: number) => void) | null = null;
  onFailure: ((error: StoreError) => void) | null = null;
  readonly durableTicket: number = 0;
  readonly #streamContext: StreamContext;
  #streams: Map<string, Stream> = new Map();
  #unpublished: Set<Stream> = new Set();
  #nextIncarnation = 1;
  #stopped = false;

  constructor(clock: Clock) {
    this.#streamContext = new StreamContext(clock);
  }

  async createStream(name: string, limits: StreamLimits, config: Uint8Array, firstSeq = 1): Promise<StreamLog> {
    return this.#create(name, limits, config, firstSeq);
  }

  async createUnpublished(
    name: string,
    firstSeq = 1,
    compression: StreamLimits["compression"] = "none",
  ): Promise<StreamLog> {
    const stream = this.#create(name, { ...NO_LIMITS, compression }, new Uint8Array(0), firstSeq);
    this.#unpublished.add(stream);
    return stream;
  }

  async publishStream(
    name: string,
    limits: StreamLimits,
    config: Uint8Array,
    lastTimeNs: bigint | null = null,
    outdated = false,
  ): Promise<void> {
    const stream = this.#streams.get(name);
    if (stream === undefined || !this.#unpublished.delete(stream)) throw notUnpublished(name);
    stream.setLastTime(lastTimeNs);
    await stream.describe(limits, config, outdated);
  }

  #create(name: string, limits: StreamLimits, config: Uint8Array, firstSeq: number): Stream {
    this.#checkOpen();
    checkName("stream", name);
    checkLimits(limits);
    checkSequence(name, firstSeq);
    if (this.#streams.has(name)) {
      throw new StoreError(
        "STREAM_EXISTS",
        `Cannot create the stream ${JSON.stringify(name)}: there is one of that name`,
      );
    }
    const index = new StreamIndex();
    const backing = new MemoryBacking(this.#nextIncarnation++, index);
    const stream = new Stream(name, limits, config, backing, index, this.#streamContext);
    if (firstSeq > 1) stream.startAt(firstSeq);
    this.#streams.set(name, stream);
    return stream;
  }

  stream(name: string): StreamLog | null {
    const stream = this.#streams.get(name);
    return stream === undefined || this.#unpublished.has(stream) ? null : stream;
  }

  streams(): StreamLog[] {
    return [...this.#streams.values()].filter((stream) => !this.#unpublished.has(stream));
  }

  async deleteStream(name: string): Promise<void> {
    this.#checkOpen();
    const stream = this.#streams.get(name);
    if (stream === undefined) return;
    stream.close();
    this.#streams.delete(name);
    this.#unpublished.delete(stream);
  }

  ticket(): number {
    return 0;
  }

  endTurn(): void {}

  async durable(): Promise<void> {}

  health(): StoreHealth {
    return { failure: null, diskFull: false, reports: [], scrub: null };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const stream of this.#streams.values()) stream.stop();
    this.#streams.clear();
  }

  #checkOpen(): void {
    if (this.#stopped) throw new StoreError("CLOSED", "Cannot use the store: it is stopped");
  }
}
