// What a store is: streams of messages with subjects and sequences, and a promise about when they are durable.
// It knows nothing of accounts, connections or replication. `MemoryStore` and `FileStore` implement it; the suite in
// `@myelin/store/testing` says in tests what this file says in words.
//
// Calls that change something take effect at once for every later call, and are durable later: take a `ticket()` after the
// change and wait for it. All changes of a turn of the event loop, over all streams, become durable together.

import type { ConsumerLog } from "./consumer-log.ts";
import type { StoreError } from "./errors.ts";
import type { SeqRun } from "./index/lost-runs.ts";
import type { SubjectFilter } from "./index/subject-filter.ts";
import type { MessageDraft } from "./message-draft.ts";
import type { MessageView } from "./message-view.ts";

/** What a stream may hold. Zero means no limit, and so do negative numbers of messages and bytes, as in the reference. */
export interface StreamLimits {
  readonly maxMsgs: number;
  /** As `StreamState.bytes` counts. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly maxMsgsPerSubject: number;
  /** At a limit of messages or bytes: the oldest go, or the new one is refused. */
  readonly discard: "old" | "new";
  /** With `discard: "new"`: refuse also at `maxMsgsPerSubject`, instead of dropping the subject's oldest. */
  readonly discardNewPerSubject: boolean;
  /** When the last message of a subject expires, a marker takes its place for so long; 0: none. Whole seconds, at least one, as in the reference. */
  readonly subjectDeleteMarkerTtlMs: number;
  /**
   * Whether headers and payloads of new messages are compressed, each message by itself, where that saves an eighth or more.
   * `StreamState.bytes` and `maxBytes` then count what is stored.
   */
  readonly compression: "none" | "s2";
}

/** No limits at all. */
export const NO_LIMITS: StreamLimits = Object.freeze({
  maxMsgs: 0,
  maxBytes: 0,
  maxAgeMs: 0,
  maxMsgsPerSubject: 0,
  discard: "old",
  discardNewPerSubject: false,
  subjectDeleteMarkerTtlMs: 0,
  compression: "none",
});

/** A stream as a whole. */
export interface StreamState {
  readonly messages: number;
  /**
   * The reference's count: subject, headers and payload plus its overhead per record (30, with headers 34; in memory 16).
   * After a rollup of many messages of one subject it comes down while their slots are emptied, 0.3 us each.
   */
  readonly bytes: number;
  /** First sequence with a message; `lastSeq + 1` when there is none. */
  readonly firstSeq: number;
  /** Null when there is no message. */
  readonly firstTimeNs: bigint | null;
  /** Last sequence given, whether or not its message is still there. */
  readonly lastSeq: number;
  /** Time of the last message stored, whether or not it is still there; null when there never was one. */
  readonly lastTimeNs: bigint | null;
  readonly subjects: number;
  /** Sequences between first and last without a message. */
  readonly deleted: number;
  /**
   * Sequences whose messages were lost to damage, as runs `[first, last]` in order, of which no two touch: one damaged place may cost
   * millions. Where nothing tells which of them ever had a message, all of them count.
   */
  readonly lost: readonly SeqRun[];
  readonly consumers: number;
}

/** Some messages of a stream: those of one subject, or those that match a filter. */
export interface SubjectState {
  readonly messages: number;
  /** First and last sequence; 0 when there is no message. */
  readonly first: number;
  readonly last: number;
}

/** A subject of a stream and what it has. */
export interface SubjectDetail extends SubjectState {
  /** One character per byte. */
  readonly subject: string;
}

/** Some of the subjects that match a filter. */
export interface SubjectPage {
  /** How many match in all. */
  readonly total: number;
  /** In the order of their bytes. */
  readonly subjects: readonly SubjectDetail[];
}

/** Which messages to take away: those that match `filter`, below `seq`, except the last `keep`. */
export interface PurgeOptions {
  readonly filter?: string;
  /** Only sequences below this one; 0 or absent: all. Cannot be combined with `keep`. */
  readonly seq?: number;
  readonly keep?: number;
}

/** Told what goes from a stream for whatever reason, so that totals and consumers can follow. Must not call the stream. */
export interface StreamListener {
  /** One message went. */
  removed(seq: number, bytes: number): void;
  /** All messages below `firstSeq` went, `messages` of them. */
  purged(firstSeq: number, messages: number, bytes: number): void;
}

/** A filter for one stream, prepared by {@link StreamLog.filter}; or text. */
export type FilterLike = string | SubjectFilter;

/**
 * The log of one stream. Sequences begin at 1, grow, and are never given twice (except after {@link truncate}). A sequence that is not a
 * whole number is refused with `INVALID_SEQUENCE` by whatever reads or takes away; one that was never given has no message.
 */
export interface StreamLog {
  readonly name: string;
  readonly limits: StreamLimits;
  /** Bytes that the owner keeps with the stream: its configuration, say. Not to be changed. */
  readonly config: Uint8Array;
  /**
   * Limits and configuration are older than those that were confirmed last: their files were replaced by older copies. Until
   * {@link update} says what they should be, the limits of messages, bytes, age and messages per subject do not apply, since they might take
   * away what should stay. An owner that describes all its streams anew when it starts must not do so here unasked.
   */
  readonly outdated: boolean;
  listener: StreamListener | null;
  /** How often {@link truncate} was called: who reads along compares, since sequences are given again. */
  readonly truncations: number;

  /**
   * Stores a message under the next sequence and enforces the limits.
   *
   * @returns Its sequence. Durable when a ticket taken now is.
   * @throws StoreError `MAX_MSGS`, `MAX_BYTES`, `MAX_MSGS_PER_SUBJECT`, `MSG_TOO_LARGE`, `INVALID_TIME`, `SEQUENCE_MISMATCH`,
   *   `READ_ONLY`, `DISK_FULL`, `BUSY`, `CLOSED`; then nothing has changed.
   */
  append(draft: MessageDraft): number;

  /**
   * Reads what the next append will need, and changes nothing. For whoever is about to append to several streams, one after the other: called
   * for all of them first, it has the processor wait for their memory once instead of once for each, which saves a sixth of the
   * time with a thousand streams.
   *
   * @returns A number without a meaning. Somebody has to add it up: reads whose result nobody takes are left out by the compiler.
   */
  prefetch(): number;

  /**
   * Gives `count` sequences that will never have a message. `expectedSeq` as in a draft.
   *
   * @throws StoreError `INVALID_SEQUENCE` beyond 2^52, and those of appends.
   */
  skip(count: number, expectedSeq?: number): void;

  /** Replaces limits and configuration, and enforces the new limits. Resolves when durable. */
  update(limits: StreamLimits, config: Uint8Array): Promise<void>;

  /**
   * Prepares filters for repeated use; the result belongs to this stream. An empty list matches everything. Takes no longer than a
   * millisecond: what it does not know then, up to two bits per subject, it learns where it is used.
   */
  filter(filters: readonly string[]): SubjectFilter;

  /**
   * Reads a message.
   *
   * @param view - Filled and returned; a new one when absent.
   * @returns Null when the sequence has no message, or when its record proves to be damaged (then the state lists it as lost).
   * @throws StoreError when its file cannot be read now, as all that read messages do: `BUSY` when too many files are open, `CLOSED` when
   *   the stream was deleted, `DAMAGED` when the file is gone, say.
   */
  load(seq: number, view?: MessageView): MessageView | null;
  /**
   * The first message at or after `from` that matches; null when there is none. With wildcards that match more than a few subjects, it looks
   * at each message on the way, 3 ns each, and 60 ns at the first one of a subject that this filter has not met before.
   *
   * @param to - Looks no further: whoever may have to go far does so in steps, a turn of the event loop for each.
   */
  next(filter: FilterLike, from: number, view?: MessageView, to?: number): MessageView | null;
  /** The last message at or before `from`, and not before `to`, that matches; null when there is none. Costs what {@link next} does. */
  previous(filter: FilterLike, from: number, view?: MessageView, to?: number): MessageView | null;
  /** The last message that matches; as {@link previous} from the end. */
  last(filter: FilterLike, view?: MessageView): MessageView | null;

  /** Takes a message away. Returns whether it was there. Works in a full disk. */
  remove(seq: number): boolean;
  /** Takes a message away and overwrites its bytes, once the removal is durable. */
  erase(seq: number): boolean;
  /**
   * Takes many away; resolves to how many, when they are gone. Everything goes in the call itself. Anything else goes in slices, so that the
   * event loop is not held: everything below a sequence costs about 60 ns per message, and 1 us for the last one of a subject;
   * messages between others, by subject or to keep some, 0.3 us each. What is stored meanwhile stays, `keep` counts what was there when
   * it was asked, and other calls see it half done: whoever needs an order waits for it before the next change.
   *
   * @throws StoreError `INVALID_PURGE` for `seq` and `keep` together, `INVALID_SEQUENCE`, and those of appends but for the limits'.
   */
  purge(options?: PurgeOptions): Promise<number>;
  /**
   * Takes everything below `seq` away, as {@link purge} does; beyond the last sequence, `seq` becomes the next one given, in the call itself.
   * Resolves to how many went.
   *
   * @param seq - 0 to 2^52; 0: everything goes.
   * @throws StoreError as {@link purge}.
   */
  compact(seq: number): Promise<number>;
  /**
   * Takes everything after `seq` away and gives those sequences again. Resolves when durable; meanwhile all changes are refused
   * with `BUSY`, and reads may see a part of what goes. For a replica that has to follow another leader.
   *
   * @param seq - 0 to 2^52; from the last sequence on, nothing happens.
   * @throws StoreError as {@link purge}.
   */
  truncate(seq: number): Promise<void>;

  state(): StreamState;
  /** Sequences between first and last without a message, as ranges `[first, last]`, in order. */
  deletedRanges(): Generator<readonly [number, number]>;

  // The four questions that follow are answered in slices where they take long, so that the event loop is not held. Each answer is that
  // of the moment of the call, whatever changes while it is being worked out: who counts along, from that moment on, misses nothing and
  // counts nothing twice. What takes less than a slice is answered in the call itself: then the promise is resolved already. Meanwhile a
  // change of the stream costs 0.1 us more for each question under way, which also keeps up to 24 bytes per subject that changed.
  // They reject with `INVALID_SEQUENCE`, and with `CLOSED` when the store is stopped meanwhile.

  /**
   * How many messages at or after `from` match; with `lastPerSubject` only the last of each subject count.
   *
   * Costs little for a subject by itself, for a few, and for all. Else, up to 60 ns for each subject of the stream the first time with a
   * filter, 10 ns later; from the middle of a stream 3 ns for each sequence on the shorter side of it.
   * Afterwards {@link next} knows all subjects with that filter: ask this, with a prepared one, before following a stream.
   */
  pending(filter: FilterLike, from: number, lastPerSubject?: boolean): Promise<number>;
  /** The messages at or after `from` that match. Costs what {@link pending} does, but from the middle 3 ns for each sequence after it. */
  filteredState(filter: FilterLike, from?: number): Promise<SubjectState>;
  /**
   * The sequence of the last message of every subject that matches, in order, as the caller's own array. Costs what {@link pending} does, and
   * 0.1 us and for a while 16 bytes for each that is found; up to a sequence, also 3 ns for each message on the way back to what is found.
   *
   * @param upToSeq - Messages after it count as not there; 0: none do.
   * @throws StoreError `TOO_MANY_RESULTS` as soon as there are more than `max` (above 0).
   */
  multiLast(filter: FilterLike, upToSeq?: number, max?: number): Promise<Float64Array>;
  /**
   * The subjects that match with the state of each, in the order of their bytes, a page at a time: what one reply can carry. Each page is of
   * a moment of its own, and is looked for among all that match: 4 bytes, and up to 0.5 us, for each of these.
   *
   * @param offset - How many to leave out.
   * @param limit - 1 to 100,000, which is also what is taken when it is absent.
   * @throws StoreError `INVALID_PAGE`.
   */
  subjectStates(filter: FilterLike, offset?: number, limit?: number): Promise<SubjectPage>;

  /**
   * The first sequence whose message was stored at that time or later; `lastSeq + 1` when there is none.
   *
   * @param time - Nanoseconds since 1970 as a bigint, or milliseconds as a number, with a fraction.
   */
  seqAtTime(time: bigint | number): number;

  /** Makes a consumer's state, or opens the one that is there. */
  consumer(name: string): ConsumerLog;
  consumers(): ConsumerLog[];
}

/** How a store does. */
export interface StoreHealth {
  /** Set once nothing more can be written: a failed write or sync. */
  readonly failure: StoreError | null;
  readonly diskFull: boolean;
  /** What was found damaged or odd, newest last; each names a file and what was lost. */
  readonly reports: readonly string[];
  /** Null where nothing is scrubbed. */
  readonly scrub: ScrubState | null;
}

/** How far the reading of all messages in the background is. Counters grow as long as the store is open. */
export interface ScrubState {
  /** Complete passes. */
  readonly passes: number;
  /** Messages that were read and sound, and their bytes. */
  readonly messages: number;
  readonly bytes: number;
  /** Messages that were found damaged: lost now. */
  readonly damaged: number;
  /** The stream that is being read; null: none. */
  readonly stream: string | null;
  /** Wall time at which the last pass ended; null: none has. */
  readonly lastPassEndMs: number | null;
}

/** Streams that become durable together. */
export interface Store {
  /**
   * Makes a stream. Resolves when it is durable.
   *
   * @param name - Any well-formed text of 1 to 255 bytes; it is never used as a file name.
   * @param firstSeq - 1 to 2^52.
   * @throws StoreError `STREAM_EXISTS`, `INVALID_NAME`, `INVALID_LIMITS`, `INVALID_SEQUENCE` and those of appends.
   */
  createStream(name: string, limits: StreamLimits, config: Uint8Array, firstSeq?: number): Promise<StreamLog>;
  stream(name: string): StreamLog | null;
  streams(): StreamLog[];
  /**
   * Deletes a stream with all its messages and consumers. Resolves when that is durable. Whoever still has the stream gets `CLOSED` for every
   * change, and for reads once its files are gone.
   */
  deleteStream(name: string): Promise<void>;

  /**
   * Makes a stream without limits, but for its compression, that nobody finds by name or in the list until it is published; its name is taken, and
   * {@link deleteStream} works. A crash, or stopping the store, takes it away. For restoring.
   *
   * @throws StoreError as {@link createStream}.
   */
  createUnpublished(name: string, firstSeq?: number, compression?: StreamLimits["compression"]): Promise<StreamLog>;
  /**
   * Gives such a stream its limits and its configuration, and lets everybody find it. Resolves when that is durable.
   *
   * @param lastTimeNs - When its last message was stored, whether or not it is there; null: as the messages that are there say.
   * @param outdated - What its limits and its configuration are: {@link StreamLog.outdated}. False by default.
   * @throws StoreError `STREAM_NOT_FOUND`, `INVALID_LIMITS` and those of appends.
   */
  publishStream(
    name: string,
    limits: StreamLimits,
    config: Uint8Array,
    lastTimeNs?: bigint | null,
    outdated?: boolean,
  ): Promise<void>;

  /** A number that stands for every change made so far. */
  ticket(): number;
  /** The highest ticket that is durable: compare with it before answering. */
  readonly durableTicket: number;
  /**
   * Ends the turn that is gathering, now instead of at the end of the event loop's: what does not wait for a sync is durable when this
   * returns, unless the journal has no room at the moment. For who answers in the middle of a read, so that the other side works meanwhile.
   * Each turn costs a write or more; small ones cost more than they bring.
   */
  endTurn(): void;
  /** Called when `durableTicket` has grown. One listener; it must not throw. */
  onDurable: ((ticket: number) => void) | null;
  /** Resolves when everything up to now is durable; rejects when it will never be. */
  durable(): Promise<void>;

  health(): StoreHealth;
  /** Called once when the store fails. One listener; it must not throw. */
  onFailure: ((error: StoreError) => void) | null;

  /** Makes everything durable and lets go of the disk. From the call on, streams refuse to be read or changed with `CLOSED`. */
  stop(): Promise<void>;
}

/** Subject, headers and payload of a stored message as the reference counts them. */
export const FILE_RECORD_OVERHEAD = 30;
export const FILE_RECORD_HEADERS_OVERHEAD = 4;
export const MEMORY_RECORD_OVERHEAD = 16;
