import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { ByteTable, hashBytes } from "./byte-table.ts";
import { IdStack } from "./id-stack.ts";
import { IndexBlock, traitsOf } from "./record-index.ts";
import { StreamIndex } from "./stream-index.ts";
import { SubjectFilter } from "./subject-filter.ts";
import { SubjectTable } from "./subject-table.ts";
import { filterTokens, matchesFilter, SubjectTrie } from "./subject-trie.ts";

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function plainMatch(filter: string, subject: string): boolean {
  const f = filter.split(".");
  const s = subject.split(".");
  for (let i = 0; i < f.length; i++) {
    if (f[i] === ">" && i === f.length - 1) return s.length > i;
    if (i >= s.length || (f[i] !== "*" && f[i] !== s[i])) return false;
  }
  return f.length === s.length;
}

function randomSubject(random: SimRandom): string {
  const tokens = Array.from({ length: 1 + (random.uint32() % 4) }, () => "abcd"[random.uint32() % 4]);
  return tokens.join(".");
}

function randomFilter(random: SimRandom): string {
  const tokens = randomSubject(random)
    .split(".")
    .map((token) => (random.uint32() % 3 === 0 ? "*" : token));
  if (random.uint32() % 3 === 0) tokens.push(">");
  return tokens.join(".");
}

test("ByteTable gives each key one id, and ids again after release", () => {
  const random = new SimRandom(3);
  const table = new ByteTable();
  const model = new Map<string, number>();
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    const key = `key${random.uint32() % 3000}`.repeat(1 + (random.uint32() % 5));
    const bytes = bytesOf(key);
    const hash = hashBytes(bytes, 0, bytes.length);
    const id = table.find(bytes, 0, bytes.length, hash);
    assert.equal(id, model.get(key) ?? -1);
    if (id >= 0 && random.uint32() % 2 === 0) {
      table.release(id);
      model.delete(key);
    } else if (id < 0) {
      const added = table.add(bytes, 0, bytes.length, hash);
      assert.equal(table.text(added), key);
      model.set(key, added);
      most = Math.max(most, model.size);
    }
  }
  assert.equal(table.size, model.size);
  assert.equal(new Set(model.values()).size, model.size);
  assert.equal(table.idEnd, most, "ids are given again");
});

test("SubjectTable.intern() gives each subject its id, in whatever order they come, go and come again", () => {
  const random = new SimRandom(11);
  const table = new SubjectTable();
  const model = new Map<string, number>();
  const names = Array.from({ length: 200 }, (_, i) => `a.${i}`);
  let at = 0;
  for (let i = 0; i < 20_000; i++) {
    // Mostly one behind the other, as ids are.
    at = random.uint32() % 8 === 0 ? random.uint32() % names.length : (at + 1) % names.length;
    const name = names[at]!;
    const bytes = bytesOf(name);
    const before = model.get(name);
    const action = random.uint32() % 16;
    if (before !== undefined && action === 0) {
      table.setMessages(before, 0);
      table.release(before);
      model.delete(name);
      continue;
    }
    const id = table.intern(bytes, 0, bytes.length);
    if (before !== undefined) assert.equal(id, before);
    assert.equal(table.text(id), name);
    model.set(name, id);
    table.setMessages(id, 1);
    if (action !== 1) continue;
    const fresh = table.retire(id);
    table.setMessages(fresh, 1);
    if (random.uint32() % 2 === 0) {
      table.setMessages(id, 0);
      table.free(id);
    }
    assert.equal(table.intern(bytes, 0, bytes.length), fresh);
    model.set(name, fresh);
  }
  assert.equal(table.size, model.size);
  assert.equal(new Set(model.values()).size, model.size);
});

test("SubjectTrie.match() and matchesFilter() agree with a plain matcher while subjects come and go", () => {
  const random = new SimRandom(4);
  const trie = new SubjectTrie();
  const model = new Map<string, number>();
  for (let i = 0; i < 4000; i++) {
    const subject = randomSubject(random);
    const bytes = bytesOf(subject);
    if (model.has(subject)) {
      trie.remove(bytes, 0, bytes.length);
      model.delete(subject);
    } else {
      trie.add(bytes, 0, bytes.length, i);
      model.set(subject, i);
    }
    const text = randomFilter(random);
    const filter = filterTokens(bytesOf(text));
    const found: number[] = [];
    trie.match(filter, Number.POSITIVE_INFINITY, (id) => found.push(id) > 0);
    const expected: number[] = [];
    for (const [name, id] of model) {
      if (plainMatch(text, name)) expected.push(id);
      assert.equal(matchesFilter(filter, bytesOf(name), 0, name.length), plainMatch(text, name), `${text} ${name}`);
    }
    const ascending = (a: number, b: number): number => a - b;
    assert.deepEqual(found.sort(ascending), expected.sort(ascending), text);
  }
});

test("StreamIndex agrees with a plain list under appends, removals of one and of many, truncation and filters", () => {
  const random = new SimRandom(5);
  const index = new StreamIndex();
  let model: { seq: number; subject: string }[] = [];
  const traits = traitsOf(false, false, false, 0);
  const filters = Array.from({ length: 12 }, () => {
    const text = randomFilter(random);
    return { text, filter: new SubjectFilter(index.subjects, [text]) };
  });
  let blocks = 0;
  for (let step = 0; step < 6000; step++) {
    const dice = random.uint32() % 100;
    if (dice < 55 || model.length === 0) {
      const seq = index.lastSeq + 1;
      const block = index.records.last;
      if (block === null || block.slots > 50) {
        block?.seal();
        index.records.push(new IndexBlock(++blocks, seq, 64));
      }
      const subject = randomSubject(random);
      const bytes = bytesOf(subject);
      index.add(seq, index.subjects.intern(bytes, 0, bytes.length), traits, 64);
      model.push({ seq, subject });
    } else if (dice < 92) {
      const at = dice < 70 ? 0 : random.uint32() % model.length;
      const { seq } = model.splice(at, 1)[0]!;
      const block = index.records.find(seq)!;
      index.remove(block, seq);
      if (block.live === 0 && block !== index.records.last) index.dropBlock(block);
    } else if (dice < 95) {
      const seq = index.firstSeq + (random.uint32() % 20);
      const before = index.messages;
      let went = 0;
      while (index.messages > 0 && index.firstSeq < seq)
        went += index.removeFront(seq, 1 + (random.uint32() % 9)).messages;
      model = model.filter((entry) => entry.seq >= seq);
      assert.equal(before - went, model.length);
    } else if (dice === 95 && index.records.find(index.lastSeq) !== null) {
      index.keepNewest();
      model = [model.at(-1)!];
    } else if (dice === 96) {
      const seq = Math.max(0, index.lastSeq - (random.uint32() % 30));
      for (let at = index.lastSeq; at > seq; ) at = index.removeBack(at, seq, 1 + (random.uint32() % 9)).nextSeq;
      index.cut(seq, () => false);
      model = model.filter((entry) => entry.seq <= seq);
      assert.equal(index.lastSeq, seq);
    } else {
      const { text, filter } = filters[random.uint32() % filters.length]!;
      const from = index.firstSeq + (random.uint32() % 60) - 5;
      const matching = model.filter((entry) => plainMatch(text, entry.subject));
      assert.equal(index.next(filter, from), matching.find((entry) => entry.seq >= from)?.seq ?? 0, `${text} ${from}`);
      assert.equal(index.previous(filter, from), matching.findLast((entry) => entry.seq <= from)?.seq ?? 0);
    }
    assert.equal(index.messages, model.length);
    assert.equal(index.firstSeq, model[0]?.seq ?? index.lastSeq + 1);
    const subject = model[random.uint32() % (model.length || 1)]?.subject;
    if (subject === undefined) continue;
    const own = model.filter((entry) => entry.subject === subject);
    const id = index.subjects.find(bytesOf(subject), 0, subject.length);
    assert.equal(index.subjects.messages(id), own.length);
    assert.equal(index.subjects.first(id), own[0]!.seq);
    assert.equal(index.lastOf(id), own.at(-1)!.seq);
    const from = own[random.uint32() % own.length]!.seq + (random.uint32() % 2);
    assert.equal(index.nextOf(id, from), own.find((entry) => entry.seq >= from)?.seq ?? 0);
  }
  assert.equal(index.subjects.size, new Set(model.map((entry) => entry.subject)).size);
});

test("IdStack gives back what was pushed, newest first, across its chunks", () => {
  const stack = new IdStack();
  assert.equal(stack.pop(), undefined);
  for (let round = 0; round < 2; round++) {
    for (let id = 0; id < 10_000; id++) stack.push(id * 3);
    for (let id = 9_999; id >= 0; id--) assert.equal(stack.pop(), id * 3);
  }
  assert.equal(stack.pop(), undefined);
});
