// A stream as plainly as it can be written: an array of messages and the rules. What every store is compared with.

import { StoreError } from "../errors.ts";
import { FILE_RECORD_HEADERS_OVERHEAD, FILE_RECORD_OVERHEAD, type StreamLimits, type SubjectState } from "../store.ts";

/** Limits that the plain model knows without a clock. */
export const MODEL_LIMITS: readonly Partial<StreamLimits>[] = [
  {},
  { maxMsgs: 20 },
  { maxBytes: 1500 },
  { maxMsgsPerSubject: 2 },
  { maxMsgs: 20, discard: "new" },
  { maxBytes: 2000, discard: "new", maxMsgsPerSubject: 3 },
  { maxMsgsPerSubject: 2, discard: "new", discardNewPerSubject: true },
];

/** A message of the model. */
export interface PlainMessage {
  readonly seq: number;
  readonly subject: string;
  readonly headers: string;
  readonly payload: string;
}

/** What to append. */
export interface PlainDraft {
  readonly subject: string;
  readonly headers: string;
  readonly payload: string;
  readonly rollup: "none" | "subject" | "all";
}

/** Whether a subject matches a filter, straight from the definition. */
export function plainMatch(filter: string, subject: string): boolean {
  if (filter === "" || filter === ">") return true;
  const wanted = filter.split(".");
  const tokens = subject.split(".");
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === ">" && i === wanted.length - 1) return tokens.length > i;
    if (i >= tokens.length || (wanted[i] !== "*" && wanted[i] !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}

/** The model. Sizes are those of a file store. */
export class PlainStream {
  messages: PlainMessage[] = [];
  lastSeq = 0;
  limits: StreamLimits;
  #firstWhenEmpty = 1;

  constructor(limits: StreamLimits) {
    this.limits = limits;
  }

  get firstSeq(): number {
    return this.messages[0]?.seq ?? this.#firstWhenEmpty;
  }

  get bytes(): number {
    return this.messages.reduce((sum, message) => sum + plainSize(message), 0);
  }

  matching(filter: string, from = 0): PlainMessage[] {
    return this.messages.filter((message) => message.seq >= from && plainMatch(filter, message.subject));
  }

  append(draft: PlainDraft): number {
    if (this.limits.discard === "new") this.#checkDiscardNew(draft);
    const seq = ++this.lastSeq;
    const { subject, headers, payload } = draft;
    this.messages.push({ seq, subject, headers, payload });
    this.#enforce([subject]);
    if (draft.rollup === "all") this.#keep((message) => message.seq === seq);
    if (draft.rollup === "subject") this.#keep((message) => message.seq === seq || message.subject !== subject);
    return seq;
  }

  skip(count: number): void {
    this.lastSeq += count;
    if (this.messages.length === 0) this.#firstWhenEmpty = this.lastSeq + 1;
  }

  setLimits(limits: StreamLimits): void {
    this.limits = limits;
    this.#enforce([]);
    this.#enforce([...new Set(this.messages.map((message) => message.subject))]);
  }

  remove(seq: number): boolean {
    const before = this.messages.length;
    this.#keep((message) => message.seq !== seq);
    return this.messages.length < before;
  }

  purge(filter: string, seq: number, keep: number): number {
    if (seq === 1) return 0;
    const before = this.messages.length;
    if ((filter === "" || filter === ">") && keep === 0 && seq > this.lastSeq) return this.compact(seq);
    let going = this.matching(filter);
    if (keep > 0) going = going.slice(0, Math.max(0, going.length - keep));
    const gone = new Set(going.filter((message) => seq === 0 || message.seq < seq).map((message) => message.seq));
    this.#keep((message) => !gone.has(message.seq));
    return before - this.messages.length;
  }

  compact(seq: number): number {
    const before = this.messages.length;
    this.#keep((message) => seq > 0 && message.seq >= seq);
    if (seq > this.lastSeq) this.skip(seq - 1 - this.lastSeq);
    return before - this.messages.length;
  }

  truncate(seq: number): void {
    if (seq >= this.lastSeq) return;
    this.lastSeq = seq;
    this.messages = this.messages.filter((message) => message.seq <= seq);
    this.#firstWhenEmpty = seq + 1;
  }

  subjectState(subject: string): SubjectState {
    const own = this.messages.filter((message) => message.subject === subject);
    return { messages: own.length, first: own[0]?.seq ?? 0, last: own.at(-1)?.seq ?? 0 };
  }

  multiLast(filters: string[], upToSeq: number): number[] {
    const last = new Map<string, number>();
    for (const { seq, subject } of this.messages) {
      if (upToSeq !== 0 && seq > upToSeq) continue;
      if (filters.some((filter) => plainMatch(filter, subject))) last.set(subject, seq);
    }
    return [...last.values()].sort((a, b) => a - b);
  }

  #checkDiscardNew(draft: PlainDraft): void {
    const { limits } = this;
    const own = this.messages.filter((message) => message.subject === draft.subject);
    const replaces = limits.maxMsgsPerSubject > 0 && own.length >= limits.maxMsgsPerSubject;
    if (replaces && limits.discardNewPerSubject && draft.rollup === "none") {
      throw new StoreError("MAX_MSGS_PER_SUBJECT", "model");
    }
    if (limits.maxMsgs > 0 && this.messages.length >= limits.maxMsgs && !replaces)
      throw new StoreError("MAX_MSGS", "model");
    if (limits.maxBytes > 0 && this.bytes + plainSize(draft) > limits.maxBytes) {
      if (!replaces || plainSize(own[0] as PlainMessage) < plainSize(draft)) throw new StoreError("MAX_BYTES", "model");
    }
  }

  #enforce(subjects: string[]): void {
    const { limits } = this;
    if (limits.maxMsgsPerSubject > 0) {
      for (const subject of subjects) {
        const own = this.messages.filter((message) => message.subject === subject);
        const gone = new Set(own.slice(0, Math.max(0, own.length - limits.maxMsgsPerSubject)));
        this.#keep((message) => !gone.has(message));
      }
    }
    if (limits.discard !== "old") return;
    while (limits.maxMsgs > 0 && this.messages.length > limits.maxMsgs) this.#dropFirst();
    while (limits.maxBytes > 0 && this.bytes > limits.maxBytes && this.messages.length > 0) this.#dropFirst();
  }

  #dropFirst(): void {
    const first = this.messages[0] as PlainMessage;
    this.#keep((message) => message !== first);
  }

  #keep(wanted: (message: PlainMessage) => boolean): void {
    this.messages = this.messages.filter(wanted);
    if (this.messages.length === 0) this.#firstWhenEmpty = Math.max(this.#firstWhenEmpty, this.lastSeq + 1);
  }
}

function plainSize(message: { subject: string; headers: string; payload: string }): number {
  const data = message.subject.length + message.headers.length + message.payload.length;
  return data + FILE_RECORD_OVERHEAD + (message.headers.length > 0 ? FILE_RECORD_HEADERS_OVERHEAD : 0);
}
