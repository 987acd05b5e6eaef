import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { IndexSnapshot } from "./index-snapshot.ts";
import { IndexBlock, traitsOf } from "./record-index.ts";
import { StreamIndex } from "./stream-index.ts";
import { SubjectFilter } from "./subject-filter.ts";

interface Entry {
  readonly seq: number;
  readonly subject: string;
}

/** An index and the plain list of what is in it. */
class World {
  readonly index: StreamIndex = new StreamIndex();
  readonly random: SimRandom;
  entries: Entry[] = [];
  #blocks = 0;

  constructor(seed: number) {
    this.random = new SimRandom(seed);
  }

  pick(count: number): number {
    return this.random.uint32() % count;
  }

  append(subject: string): void {
    const { index } = this;
    const seq = index.lastSeq + 1;
    let block = index.records.last;
    if (block === null || block.slots > 9 || seq - block.lastSeq > 4) {
      block?.seal();
      block = new IndexBlock(++this.#blocks, seq, 64);
      index.records.push(block);
    }
    while (block.lastSeq + 1 < seq) block.addAbsent();
    const bytes = Buffer.from(subject);
    index.add(seq, index.subjects.intern(bytes, 0, bytes.length), traitsOf(false, false, false, 0), 64);
    this.entries.push({ seq, subject });
  }

  remove(at: number): void {
    const { index } = this;
    const [entry] = this.entries.splice(at, 1);
    if (entry === undefined) return;
    const block = index.records.find(entry.seq)!;
    index.remove(block, entry.seq);
    this.#dropIfEmpty(block);
  }

  /** What a rollup of the newest message's subject does. */
  retire(): void {
    const { index } = this;
    const newest = this.entries.at(-1);
    if (newest === undefined || newest.seq !== index.lastSeq) return;
    const id = index.subjects.find(Buffer.from(newest.subject), 0, newest.subject.length);
    if (index.subjects.messages(id) < 2 || index.subjects.messages(id) === index.messages) return;
    index.retire(id);
    this.entries = this.entries.filter(({ seq, subject }) => seq === newest.seq || subject !== newest.subject);
  }

  giveBack(count: number): void {
    const { index } = this;
    for (let i = 0; i < count; i++) {
      const [id] = index.subjects.retired;
      if (id === undefined) return;
      const block = index.records.at(index.subjects.first(id));
      index.removeRetired(id, block);
      this.#dropIfEmpty(block);
    }
  }

  #dropIfEmpty(block: IndexBlock): void {
    if (block.live === 0 && block !== this.index.records.last) this.index.dropBlock(block);
  }

  step(): void {
    const { index } = this;
    const dice = this.pick(100);
    if (dice < 55) this.append("abcdefghij".slice(0, 1 + this.pick(10)));
    else if (dice < 70) this.remove(this.pick(this.entries.length || 1));
    else if (dice < 76) this.remove(this.entries.length - 1);
    else if (dice < 80) this.retire();
    else if (dice < 88) this.giveBack(1 + this.pick(4));
    else if (dice < 91) index.skipTo(index.lastSeq + this.pick(7));
    else if (dice < 94) this.#removeFront();
    else if (dice < 98) this.truncate(Math.max(0, this.index.lastSeq - this.pick(20)));
    else if (dice === 98) this.#clear();
    else this.#keepNewest();
  }

  #removeFront(): void {
    const { index } = this;
    const seq = index.firstSeq + this.pick(8);
    this.giveBack(Number.POSITIVE_INFINITY);
    while (index.messages > 0 && index.firstSeq < seq) index.removeFront(seq, 1 + this.pick(5));
    for (let oldest = index.records.blocks[0]; oldest !== undefined; oldest = index.records.blocks[0]) {
      if (oldest.live > 0 || oldest === index.records.last) break;
      index.dropBlock(oldest);
    }
    this.entries = this.entries.filter((entry) => entry.seq >= seq);
  }

  truncate(seq: number): void {
    const { index } = this;
    this.giveBack(Number.POSITIVE_INFINITY);
    for (let at = index.lastSeq; at > seq && index.messages > 0; )
      at = index.removeBack(at, seq, 1 + this.pick(9)).nextSeq;
    // As if something of it were lost: then dead slots before it go as well.
    const someLost = this.pick(2) === 0;
    index.cut(seq, () => someLost);
    this.entries = this.entries.filter((entry) => entry.seq <= seq);
  }

  #clear(): void {
    this.index.clear();
    this.entries = [];
  }

  #keepNewest(): void {
    const newest = this.entries.at(-1);
    if (newest === undefined || newest.seq !== this.index.lastSeq) return;
    this.index.keepNewest();
    this.entries = [newest];
  }
}

function assertIs(snapshot: IndexSnapshot, entries: readonly Entry[]): void {
  const found = new Map<string, readonly number[]>();
  for (let id = 0; id < snapshot.idEnd; id++) {
    const messages = snapshot.messagesOf(id);
    if (messages === 0) continue;
    const last = snapshot.lastOf(id);
    assert.ok(snapshot.lastBound(id) >= last);
    found.set(snapshot.subjects.text(id), [messages, snapshot.firstOf(id), last]);
  }
  const expected = new Map<string, readonly number[]>();
  for (const { seq, subject } of entries) {
    const [messages, first] = expected.get(subject) ?? [0, seq];
    expected.set(subject, [messages! + 1, first!, seq]);
  }
  assert.deepEqual(found, expected);
  const live: Entry[] = [];
  for (const [at, block] of snapshot.records.blocks.entries()) {
    for (let slot = 0; slot < block.slots && block.firstSeq + slot <= snapshot.lastSeq; slot++) {
      if (!snapshot.isLive(at, slot) || snapshot.isRetired(block.subject(slot))) continue;
      live.push({ seq: block.firstSeq + slot, subject: snapshot.subjects.text(block.subject(slot)) });
    }
  }
  assert.deepEqual(live, entries);
}

test("IndexSnapshot stays what it was while the index changes", () => {
  const world = new World(8);
  let held: { snapshot: IndexSnapshot; entries: readonly Entry[]; steps: number }[] = [];
  for (let step = 0; step < 6000; step++) {
    world.step();
    if (step % 5 === 0 && held.length < 3) {
      const snapshot = new IndexSnapshot(world.index, new SubjectFilter(world.index.subjects, ["*"]));
      snapshot.hold();
      held.push({ snapshot, entries: [...world.entries], steps: world.pick(60) });
    }
    // Not always: what is found for one question is not looked for again.
    for (const { snapshot, entries, steps: left } of held)
      if (left === 0 || world.pick(20) === 0) assertIs(snapshot, entries);
    held = held.filter(({ snapshot, steps }, i) => {
      if (steps > 0) {
        held[i]!.steps--;
        return true;
      }
      snapshot.release();
      return false;
    });
    // As if for nobody: ids are given again, and the index is what it would be without snapshots.
    assert.equal(world.index.messages, world.entries.length);
    assert.equal(world.index.subjects.size, new Set(world.entries.map(({ subject }) => subject)).size);
  }
  assert.ok(world.index.subjects.idEnd < 200, `${world.index.subjects.idEnd} ids for ten subjects`);
});

test("IndexSnapshot keeps ids only for itself: they are given again although there is always somebody who holds one", () => {
  const world = new World(1);
  world.append("a");
  let before: IndexSnapshot | null = null;
  for (let i = 0; i < 2000; i++) {
    const snapshot = new IndexSnapshot(world.index, new SubjectFilter(world.index.subjects, []));
    snapshot.hold();
    before?.release();
    before = snapshot;
    for (let n = 0; n < 4; n++) world.append(`${i}.${n}`);
    for (let n = 0; n < 4; n++) world.remove(1);
  }
  assert.ok(world.index.subjects.idEnd < 50, `${world.index.subjects.idEnd} ids`);
});

test("IndexSnapshot finds a last message that was to be looked for beyond the end of the stream", () => {
  const world = new World(1);
  for (const subject of ["a", "a", "b", "b", "b", "b", "a"]) world.append(subject);
  world.truncate(4);
  const snapshot = new IndexSnapshot(world.index, new SubjectFilter(world.index.subjects, ["*"]));
  snapshot.hold();
  const entries = [...world.entries];
  world.remove(0);
  for (const subject of ["b", "a"]) world.append(subject);
  assertIs(snapshot, entries);
  snapshot.release();
});
