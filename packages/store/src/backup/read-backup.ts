// Reads a backup back into a store: its streams, or, where anything is wrong, nothing.
//
// Streams are made unpublished: nobody finds them, and a crash takes them away. They are published when the last frame has been read.

import { viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { checkName } from "../limits.ts";
import { MessageDraft } from "../message-draft.ts";
import { MessageView } from "../message-view.ts";
import { aligned, FLAG_HEADERS, FLAG_TTL, soundMessage, u32, u64 } from "../record.ts";
import type { Store, StreamLog } from "../store.ts";
import {
  damaged,
  type Frame,
  KIND_BEGIN,
  KIND_CONSUMER,
  KIND_END,
  KIND_HOLES,
  KIND_MESSAGES,
  KIND_STREAM,
  KIND_STREAM_END,
  KIND_STREAM_GONE,
  readFrames,
} from "./frame.ts";
import {
  BACKUP_MAGIC,
  BACKUP_VERSION,
  decodeConsumer,
  decodeHoles,
  decodeSection,
  decodeSectionEnd,
  need,
  type SectionEnd,
} from "./sections.ts";

/** Bytes appended before the disk is waited for. */
const AHEAD_BYTES_MAX = 1024 * 1024;

/** What a backup held. */
export interface RestoreSummary {
  readonly streams: readonly { readonly name: string; readonly messages: number }[];
  readonly messages: number;
}

/**
 * Restores the streams of a backup into a store: one of any kind, whatever kind the backup came from. Sequences, times, times to live,
 * limits, configurations and states of consumers are as they were; limits are enforced again when a stream is there, so that
 * messages that are too old by now go.
 *
 * Either all streams of the backup are there and durable when it resolves, or, when it rejects, none. A crash before the last frame
 * leaves none; one while they are published, right at the end, may leave some, each of them whole.
 *
 * @param chunks - As {@link writeBackup} made them, in pieces of any size. Read to the end; memory: a few of them, or the
 *   longest message.
 * @throws StoreError `BACKUP_DAMAGED` for anything that is not as it was written, also a backup that was cut;
 *   `UNSUPPORTED_VERSION`; `STREAM_EXISTS`; those of appends.
 */
export async function readBackup(store: Store, chunks: AsyncIterable<Uint8Array>): Promise<RestoreSummary> {
  const reader = new BackupReader(store);
  try {
    for await (const frame of readFrames(chunks)) await reader.frame(frame);
    return await reader.publish();
  } catch (error) {
    await reader.discard(error);
    throw error;
  }
}

/** So many messages are stored in one turn of the event loop, some 1 us each, but 30 before the code is compiled. */
const MESSAGES_PER_TURN = 256;
/** Messages that went while the backup was made: so many are taken away in one turn, some 3 us each. */
const REMOVALS_PER_TURN = 512;

/** A stream that is being restored. */
interface Section {
  readonly name: string;
  readonly log: StreamLog;
  lastSeq: number;
  messages: number;
  hasTtl: boolean;
  end: SectionEnd | null;
}

class BackupReader {
  readonly #store: Store;
  readonly #sections: Map<number, Section> = new Map();
  readonly #draft: MessageDraft = new MessageDraft();
  readonly #view: MessageView = new MessageView();
  /** Made and not published, by name. */
  readonly #unpublished: Set<string> = new Set();
  #begun = false;
  #aheadBytes = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  async frame({ kind, body }: Frame): Promise<void> {
    if (!this.#begun) {
      checkBegin(kind, body);
      this.#begun = true;
      return;
    }
    switch (kind) {
      case KIND_STREAM:
        return this.#stream(body);
      case KIND_MESSAGES:
        return this.#messages(this.#open(body), body);
      case KIND_CONSUMER: {
        const { name, state } = decodeConsumer(body);
        this.#open(body).log.consumer(name).save(state);
        return;
      }
      case KIND_HOLES:
        return this.#holes(this.#open(body), body);
      case KIND_STREAM_END:
        this.#sectionEnd(this.#open(body), body);
        return;
      case KIND_STREAM_GONE:
        return this.#gone(body);
      case KIND_END:
        this.#end(body);
        return;
      default:
        throw damaged(null, `a frame of kind ${kind} is not known`);
    }
  }

  /** Shows the streams, all of which are complete. */
  async publish(): Promise<RestoreSummary> {
    const streams: { name: string; messages: number }[] = [];
    let messages = 0;
    await this.#store.durable();
    for (const { name, end } of this.#sections.values()) {
      const { limits, config, lastTimeNs, outdated } = end!;
      await this.#store.publishStream(name, limits, config, lastTimeNs, outdated);
      streams.push({ name, messages: end!.messages });
      messages += end!.messages;
    }
    this.#unpublished.clear();
    return { streams, messages };
  }

  /** Takes away what was made. Where that fails, too, the store has failed, and takes it away when it is opened. */
  async discard(cause: unknown): Promise<void> {
    for (const name of this.#unpublished) {
      try {
        await this.#store.deleteStream(name);
      } catch (error) {
        if (this.#store.health().failure === null) throw new AggregateError([cause, error], String(cause));
        return;
      }
    }
  }

  async #stream(body: Uint8Array): Promise<void> {
    const { section, firstSeq, name, compression } = decodeSection(body);
    checkName("stream", name);
    if (this.#sections.has(section)) throw damaged(null, `stream ${section} stands in it twice`);
    if (!Number.isSafeInteger(firstSeq) || firstSeq < 1) throw damaged(null, `${firstSeq} is not a first sequence`);
    const log = await this.#store.createUnpublished(name, firstSeq, compression);
    this.#unpublished.add(name);
    this.#sections.set(section, { name, log, lastSeq: firstSeq - 1, messages: 0, hasTtl: false, end: null });
  }

  /** The stream that a frame belongs to. */
  #open(body: Uint8Array): Section {
    need(body, 8);
    const section = this.#sections.get(u32(body, 0));
    if (section === undefined) throw damaged(null, `stream ${u32(body, 0)} has not begun`);
    if (section.end !== null) throw damaged(null, `stream ${u32(body, 0)} has ended already`);
    return section;
  }

  async #messages(section: Section, body: Uint8Array): Promise<void> {
    const number = u32(body, 0);
    const view = viewOf(body);
    for (let at = 8; at < body.length; ) {
      const length = soundMessage(view, at, body.length, number, 0, 0);
      if (length === 0 || (body[at + 22]! & ~(FLAG_HEADERS | FLAG_TTL)) !== 0)
        throw damaged(null, `message ${section.messages + 1} of ${JSON.stringify(section.name)} is not one`);
      this.#append(section, body, view, at, length);
      if (section.messages % MESSAGES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      this.#aheadBytes += length;
      at += aligned(length);
      if (this.#aheadBytes < AHEAD_BYTES_MAX) continue;
      await this.#store.durable();
      this.#aheadBytes = 0;
    }
  }

  #append(section: Section, body: Uint8Array, numbers: DataView, at: number, length: number): void {
    const { log } = section;
    const view = this.#view;
    view.show(body, numbers, at, length);
    const { seq } = view;
    if (!Number.isSafeInteger(seq) || seq <= section.lastSeq) {
      throw damaged(null, `sequence ${seq} of ${JSON.stringify(section.name)} follows ${section.lastSeq}`);
    }
    if (seq > section.lastSeq + 1) log.skip(seq - section.lastSeq - 1);
    const draft = this.#draft;
    draft.subjectBytes = body;
    draft.subjectStart = view.subjectStart;
    draft.subjectEnd = view.headersStart;
    draft.bodyBytes = body;
    draft.headersStart = view.headersStart;
    draft.payloadStart = view.payloadStart;
    draft.bodyEnd = view.end;
    draft.ttlSeconds = view.ttlSeconds;
    draft.timeMs = view.timeMs;
    draft.timeSubNs = view.timeSubNs;
    draft.expectedSeq = seq;
    log.append(draft);
    section.lastSeq = seq;
    section.messages++;
    section.hasTtl ||= view.ttlSeconds !== 0;
  }

  /** Messages that went while the backup was made. */
  async #holes({ log, lastSeq }: Section, body: Uint8Array): Promise<void> {
    let removed = 0;
    for (const [first, last] of decodeHoles(body, 8)) {
      // Only what is there: a hole may be longer than anybody could walk.
      for (let seq = first; ; seq++) {
        const view = log.next("", seq, this.#view);
        if (view === null || view.seq > Math.min(last, lastSeq)) break;
        seq = view.seq;
        log.remove(seq);
        // A purge while the backup was made may have taken millions.
        if (++removed % REMOVALS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  #sectionEnd(section: Section, body: Uint8Array): void {
    const { log, name } = section;
    const end = decodeSectionEnd(body);
    if (end.lastSeq < section.lastSeq || !Number.isSafeInteger(end.lastSeq)) {
      throw damaged(null, `${JSON.stringify(name)} ends at ${end.lastSeq}, before its message ${section.lastSeq}`);
    }
    if (end.lastSeq > section.lastSeq) log.skip(end.lastSeq - section.lastSeq);
    const { messages, firstSeq } = log.state();
    // A message may have reached its time to live meanwhile.
    const agrees = section.hasTtl ? messages <= end.messages : messages === end.messages && firstSeq === end.firstSeq;
    if (!agrees) throw damaged(null, `${JSON.stringify(name)} has ${messages} messages instead of ${end.messages}`);
    section.end = end;
  }

  async #gone(body: Uint8Array): Promise<void> {
    const { name } = this.#open(body);
    this.#sections.delete(u32(body, 0));
    await this.#store.deleteStream(name);
    this.#unpublished.delete(name);
  }

  #end(body: Uint8Array): void {
    need(body, 16);
    let messages = 0;
    for (const { name, end } of this.#sections.values()) {
      if (end === null) throw damaged(null, `the stream ${JSON.stringify(name)} is not complete`);
      messages += end.messages;
    }
    if (this.#sections.size !== u32(body, 0) || messages !== u64(body, 8)) {
      throw damaged(null, `${u32(body, 0)} streams with ${u64(body, 8)} messages were to be in it`);
    }
  }
}

function checkBegin(kind: number, body: Uint8Array): void {
  const magic = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, BACKUP_MAGIC.length)).toString(
    "latin1",
  );
  if (kind !== KIND_BEGIN || magic !== BACKUP_MAGIC || body.length < BACKUP_MAGIC.length + 4) {
    throw damaged(null, "it does not begin as a backup of a store");
  }
  const version = u32(body, BACKUP_MAGIC.length);
  if (version > BACKUP_VERSION) {
    throw new StoreError(
      "UNSUPPORTED_VERSION",
      `Cannot read the backup: format version ${version}, this program reads up to ${BACKUP_VERSION}. Use a newer one`,
    );
  }
}
