// Everything a stream knows about its messages without reading them: which sequences live, where they are, what each subject has.
// Kept in memory, rebuilt from the records when a store is opened.

import type { IndexSnapshot } from "./index-snapshot.ts";
import { LostRuns } from "./lost-runs.ts";
import type { IndexBlock, Totals } from "./record-index.ts";
import { RecordIndex } from "./record-index.ts";
import type { SubjectFilter } from "./subject-filter.ts";
import type { SubjectMatches } from "./subject-matches.ts";
import { SubjectTable } from "./subject-table.ts";

/** Index of one stream. */
export class StreamIndex {
  readonly subjects: SubjectTable = new SubjectTable();
  readonly records: RecordIndex = new RecordIndex(this.subjects.retired);
  /** Without those that were retired: for everybody but {@link removeRetired}, they are gone. */
  messages = 0;
  /** First live sequence; `lastSeq + 1` when there is no message. */
  firstSeq = 1;
  /** Last sequence given, live or not. */
  lastSeq = 0;
  /** Lost to damage. */
  readonly lost: LostRuns = new LostRuns();
  readonly #snapshots: Set<IndexSnapshot> = new Set();

  /** Everything below is gone for good. What was lost at the front is not: it may be read again one day. */
  get floor(): number {
    return Math.min(this.firstSeq, this.lost.first);
  }

  /** The last sequence that has a record, or had one: its message may have been taken away, or be lost. 0: there is none. */
  get lastRecord(): number {
    return Math.max(this.lost.last, this.records.lastRecord);
  }

  /** Whether a block may go: it has no messages, none is to come, and none of it was lost, which may be read again one day. */
  isDroppable(block: IndexBlock): boolean {
    return block.live === 0 && block !== this.records.last && !this.holdsLost(block);
  }

  /** Whether something that was lost may stand in a block: also between it and its neighbours, where nobody knows in which of them. */
  holdsLost(block: IndexBlock): boolean {
    if (this.lost.last === 0) return false;
    const { blocks } = this.records;
    const at = blocks.indexOf(block);
    return this.lost.overlaps((blocks[at - 1]?.lastSeq ?? -1) + 1, (blocks[at + 1]?.firstSeq ?? this.lastSeq + 1) - 1);
  }

  /** Adds the next record to the newest block, as `IndexBlock.add` does. The block exists and `seq` is its next slot. */
  add(seq: number, subject: number, place: number, bytes: number): void {
    const { subjects } = this;
    const block = this.records.last!;
    // Before the record is there: a last one that has to be looked for must not be found in it.
    const messages = subjects.messages(subject);
    const last = messages === 0 ? 0 : this.lastOf(subject);
    block.add(subject, place, bytes);
    if (last === 0) {
      subjects.setFirst(subject, seq);
    } else {
      const lastBlock = last >= block.firstSeq ? block : this.records.find(last)!;
      lastBlock.setLink(last - lastBlock.firstSeq, seq - last);
    }
    subjects.setLast(subject, seq);
    subjects.setMessages(subject, messages + 1);
    if (this.messages === 0) this.firstSeq = seq;
    this.messages++;
    this.lastSeq = seq;
  }

  /** Reads what {@link add} will need; see `StreamLog.prefetch`. */
  prefetch(): number {
    return (this.records.last?.prefetch() ?? 0) + this.subjects.prefetch();
  }

  /** Sequences up to `lastSeq` are given and have no message. */
  skipTo(lastSeq: number): void {
    this.lastSeq = lastSeq;
    if (this.messages === 0) this.firstSeq = lastSeq + 1;
  }

  /**
   * The message is gone.
   *
   * @param block - Where its record is.
   */
  remove(block: IndexBlock, seq: number): void {
    const slot = seq - block.firstSeq;
    const subject = block.subject(slot);
    this.#tellRemoval(seq);
    block.remove(slot);
    this.messages--;
    this.#removeFromSubject(subject, block, seq);
    if (seq === this.firstSeq) {
      const next = this.messages === 0 ? 0 : this.records.nextLive(seq + 1);
      this.firstSeq = next === 0 ? this.lastSeq + 1 : next;
    }
  }

  /** The last live sequence of a subject that has messages. */
  lastOf(subject: number): number {
    const last = this.subjects.last(subject);
    if (last > 0) return last;
    // It was removed, and nobody has asked since. The new last one is seldom far away.
    const found = this.records.previousOf(subject, this.subjects.first(subject), -last - 1);
    this.subjects.settleLast(subject, found);
    const block = this.records.find(found)!;
    // What follows in the chain is dead; the next message of the subject is linked from here.
    block.setLink(found - block.firstSeq, 0);
    return found;
  }

  /** First live sequence in `[from, to]` whose subject matches, or 0. */
  next(filter: SubjectFilter, from: number, to: number = this.lastSeq): number {
    if (this.messages === 0 || from > this.lastSeq) return 0;
    const start = Math.max(from, this.firstSeq);
    if (filter.all) {
      const found = this.records.nextLive(start);
      return found <= to ? found : 0;
    }
    if (filter.literal !== null) {
      const subject = this.subjects.find(filter.literal, 0, filter.literal.length);
      return subject < 0 ? 0 : this.nextOf(subject, start, to);
    }
    const few = filter.few();
    if (few === null) return this.#scan(filter.matches(), start, to);
    let best = 0;
    for (const subject of few) {
      if (this.subjects.messages(subject) === 0) continue;
      const found = this.nextOf(subject, start, best === 0 ? to : best - 1);
      if (found !== 0) best = found;
    }
    return best;
  }

  /** Last live sequence in `[to, from]` whose subject matches, or 0. */
  previous(filter: SubjectFilter, from: number, to: number = this.firstSeq): number {
    if (this.messages === 0 || from < this.firstSeq) return 0;
    const start = Math.min(from, this.lastSeq);
    if (filter.all) {
      const found = this.records.previousLive(start);
      return found >= to ? found : 0;
    }
    if (filter.literal !== null) {
      const subject = this.subjects.find(filter.literal, 0, filter.literal.length);
      return subject < 0 ? 0 : this.#previousOf(subject, to, start);
    }
    const few = filter.few();
    if (few === null) return this.#scanBack(filter.matches(), start, to);
    let best = 0;
    for (const subject of few) {
      if (this.subjects.messages(subject) === 0) continue;
      const found = this.#previousOf(subject, Math.max(to, best + 1), start);
      if (found !== 0) best = found;
    }
    return best;
  }

  /** First live sequence of a subject in `[from, to]`, or 0. */
  nextOf(subject: number, from: number, to: number = this.lastSeq): number {
    const first = this.subjects.first(subject);
    if (from <= first) return first <= to ? first : 0;
    const last = this.lastOf(subject);
    if (from > last) return 0;
    // Right after one of its own records the link says where the next one is.
    const before = this.records.find(from - 1);
    if (before !== null && before.subject(from - 1 - before.firstSeq) === subject) {
      const next = from - 1 + before.link(from - 1 - before.firstSeq);
      if (next >= from && next <= last && this.records.find(next) !== null) return next <= to ? next : 0;
    }
    return this.records.nextOf(subject, from, Math.min(to, last));
  }

  /**
   * Takes away the oldest messages below `seq`, those of at most `slotsMax` slots of one block. There is one.
   * Costs about 60 ns per message, and 1 us for one that was the last of its subject. Blocks without messages stay.
   */
  removeFront(seq: number, slotsMax: number): Totals {
    const { records, subjects } = this;
    const block = records.find(this.firstSeq)!;
    const from = this.firstSeq - block.firstSeq;
    const to = Math.min(from + slotsMax, block.slots, seq - block.firstSeq);
    const totals = block.liveTotals(from, to);
    for (let slot = from; slot < to; slot++) {
      if (!block.isLive(slot)) continue;
      const subject = block.subject(slot);
      this.#tellRemoval(block.firstSeq + slot);
      block.remove(slot);
      const count = subjects.messages(subject) - 1;
      subjects.setMessages(subject, count);
      // The last of the stretch, for now: what comes after it is looked for once.
      if (count > 0) subjects.setFirst(subject, block.firstSeq + slot);
      else subjects.release(subject);
    }
    for (let slot = from; slot < to; slot++) {
      const subject = block.subject(slot);
      const at = block.firstSeq + slot;
      // A slot that had no message before has anybody's id, or none.
      if (!subjects.has(subject) || subjects.messages(subject) === 0 || subjects.first(subject) !== at) continue;
      subjects.setFirst(subject, this.#following(subject, block, at));
    }
    this.messages -= totals.messages;
    const next = this.messages === 0 ? 0 : records.nextLive(block.firstSeq + to);
    this.firstSeq = next === 0 ? this.lastSeq + 1 : next;
    return totals;
  }

  /**
   * Takes away the messages in `(seq, at]`, those of at most `slotsMax` slots of one block, newest first. `firstSeq` stays: when there
   * are no messages any more, {@link cut} sets it.
   *
   * @returns What went, and where to go on.
   */
  removeBack(at: number, seq: number, slotsMax: number): Totals & { readonly nextSeq: number } {
    const { records, subjects } = this;
    let position = records.position(at);
    if (position === records.blocks.length || records.blocks[position]!.firstSeq > at) position--;
    const block = records.blocks[position];
    if (block === undefined) return { messages: 0, dataBytes: 0, withHeaders: 0, nextSeq: 0 };
    const to = Math.min(at - block.firstSeq + 1, block.slots);
    const from = Math.max(0, to - slotsMax, seq + 1 - block.firstSeq);
    const totals = block.liveTotals(from, to);
    for (let slot = to - 1; slot >= from; slot--) {
      if (!block.isLive(slot)) continue;
      const subject = block.subject(slot);
      this.#tellRemoval(block.firstSeq + slot);
      block.remove(slot);
      const count = subjects.messages(subject) - 1;
      subjects.setMessages(subject, count);
      if (count === 0) subjects.release(subject);
      else subjects.setLast(subject, -(block.firstSeq + slot));
    }
    this.messages -= totals.messages;
    return { ...totals, nextSeq: block.firstSeq + Math.min(from, to) - 1 };
  }

  /**
   * Takes all messages of a subject away but the newest, which is that of the last sequence: at once, for everybody who asks. Their slots
   * go on to hold them under the subject's old id, until {@link removeRetired} has been called for each.
   *
   * @returns The id that the subject has now.
   */
  retire(subject: number): number {
    const { records, subjects } = this;
    const gone = subjects.messages(subject) - 1;
    const id = subjects.retire(subject);
    subjects.setMessages(subject, gone);
    records.last!.renameLast(id);
    subjects.setMessages(id, 1);
    subjects.setFirst(id, this.lastSeq);
    subjects.setLast(id, this.lastSeq);
    this.messages -= gone;
    this.firstSeq = records.nextLive(this.firstSeq);
    return id;
  }

  /**
   * Empties the slot of the first message of a retired subject.
   *
   * @param block - Where it is.
   */
  removeRetired(subject: number, block: IndexBlock): void {
    const { subjects } = this;
    const seq = subjects.first(subject);
    const count = subjects.messages(subject) - 1;
    this.#tellRemoval(seq);
    block.remove(seq - block.firstSeq);
    subjects.setMessages(subject, count);
    if (count > 0) subjects.setFirst(subject, this.#following(subject, block, seq));
    else subjects.free(subject);
  }

  /**
   * Makes `seq` the last sequence; there are no messages after it any more.
   *
   * @param someLost - Whether any of these sequences is lost. Nobody knows then where the first record that goes begins, and it must not be
   *   read one day, when its sequence has been given again: what is not live right before it goes as well.
   */
  cut(seq: number, someLost: (first: number, last: number) => boolean): void {
    for (const snapshot of this.#snapshots) snapshot.cutting(seq);
    while ((this.records.last?.firstSeq ?? 0) > seq) this.records.pop();
    const block = this.records.last;
    if (block !== null && block.lastSeq > seq) {
      const slot = seq - block.firstSeq;
      block.cut(slot + 1, someLost(seq + 1, block.lastSeq) ? block.previousLive(slot) + 1 : slot + 1);
    }
    this.lastSeq = seq;
    if (this.messages === 0) this.firstSeq = seq + 1;
  }

  /**
   * All messages go but the newest, which is that of the last sequence. Costs a few nanoseconds for each slot of the newest block.
   *
   * @returns The blocks that have none any more.
   */
  keepNewest(): IndexBlock[] {
    const { records, subjects } = this;
    const block = records.last!;
    for (const snapshot of this.#snapshots) snapshot.emptying(block);
    const old = block.subject(block.slots - 1);
    const start = subjects.keyStart(old);
    const name = subjects.keyBytes(old).slice(start, start + subjects.keyLength(old));
    const emptied = records.takeOlder();
    subjects.clear();
    const subject = subjects.intern(name, 0, name.length);
    block.keepNewest(subject);
    subjects.setMessages(subject, 1);
    subjects.setFirst(subject, this.lastSeq);
    subjects.setLast(subject, this.lastSeq);
    this.messages = 1;
    this.firstSeq = this.lastSeq;
    return emptied;
  }

  /** All messages go; sequences go on. */
  clear(): void {
    this.records.clear();
    this.subjects.clear();
    this.messages = 0;
    this.firstSeq = this.lastSeq + 1;
  }

  /** Takes a block without messages out. */
  dropBlock(block: IndexBlock): void {
    this.records.drop(block);
  }

  /** From now on tells a snapshot of what changes. */
  addSnapshot(snapshot: IndexSnapshot): void {
    this.#snapshots.add(snapshot);
    this.subjects.watch(snapshot);
  }

  dropSnapshot(snapshot: IndexSnapshot): void {
    this.#snapshots.delete(snapshot);
    this.subjects.unwatch(snapshot);
  }

  #tellRemoval(seq: number): void {
    if (this.#snapshots.size === 0) return;
    for (const snapshot of this.#snapshots) snapshot.removing(seq);
  }

  #removeFromSubject(subject: number, block: IndexBlock, seq: number): void {
    const subjects = this.subjects;
    const count = subjects.messages(subject) - 1;
    subjects.setMessages(subject, count);
    if (count === 0) {
      subjects.release(subject);
      return;
    }
    if (subjects.first(subject) === seq) subjects.setFirst(subject, this.#following(subject, block, seq));
    if (Math.abs(subjects.last(subject)) === seq) subjects.setLast(subject, -seq);
  }

  /** The next live record of a subject after one that was just removed; there is one. */
  #following(subject: number, from: IndexBlock, seq: number): number {
    let block: IndexBlock | null = from;
    for (let at = seq; ; ) {
      const distance: number = block.link(at - block.firstSeq);
      if (!Number.isFinite(distance) || distance === 0) break;
      at += distance;
      const position = this.records.position(at);
      block = this.records.blocks[position] ?? null;
      // The chain may lead through a block that was dropped meanwhile: then look for the record instead.
      if (block === null || at < block.firstSeq) break;
      if (block.subject(at - block.firstSeq) !== subject) break;
      if (block.isLive(at - block.firstSeq)) return at;
    }
    return this.records.nextOf(subject, seq + 1, this.lastSeq);
  }

  #previousOf(subject: number, to: number, from: number): number {
    return this.records.previousOf(subject, Math.max(to, this.subjects.first(subject)), from);
  }

  #scan(matches: SubjectMatches, from: number, to: number): number {
    const { blocks } = this.records;
    const { retired } = this.subjects;
    for (let i = this.records.position(from); i < blocks.length && blocks[i]!.firstSeq <= to; i++) {
      const block = blocks[i]!;
      if (block.live === 0) continue;
      const slots = Math.min(block.slots, to - block.firstSeq + 1);
      for (let slot = Math.max(0, from - block.firstSeq); slot < slots; slot++) {
        if (!block.isLive(slot) || !matches.has(block.subject(slot))) continue;
        if (retired.size === 0 || !retired.has(block.subject(slot))) return block.firstSeq + slot;
      }
    }
    return 0;
  }

  #scanBack(matches: SubjectMatches, from: number, to: number): number {
    const { blocks } = this.records;
    const { retired } = this.subjects;
    for (let i = Math.min(this.records.position(from), blocks.length - 1); i >= 0; i--) {
      const block = blocks[i]!;
      if (block.lastSeq < to) break;
      if (block.live === 0) continue;
      const last = Math.max(0, to - block.firstSeq);
      for (let slot = Math.min(block.slots - 1, from - block.firstSeq); slot >= last; slot--) {
        if (!block.isLive(slot) || !matches.has(block.subject(slot))) continue;
        if (retired.size === 0 || !retired.has(block.subject(slot))) return block.firstSeq + slot;
      }
    }
    return 0;
  }
}
