import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { plainMatch } from "../testing/plain-stream.ts";
import { FEW, SubjectFilter } from "./subject-filter.ts";
import { SubjectTable } from "./subject-table.ts";

/** Of few, of many, of some hundreds; where the tree shows it, and where too much of it would have to be looked at. */
const FILTERS: readonly (readonly string[])[] = [
  ["a.*"],
  ["*.z"],
  ["*.7"],
  ["*.7", "a.3"],
  ["*.nobody"],
  ["few.>"],
  ["mid.*"],
  ["mid.*", "few.>", "a.1"],
  ["*.*.x"],
];

/** A table of subjects and what should be in it. */
class World {
  readonly table: SubjectTable = new SubjectTable();
  readonly random: SimRandom = new SimRandom(9);
  readonly there: Map<string, number> = new Map();

  pick(count: number): number {
    return this.random.uint32() % count;
  }

  subject(): string {
    const dice = this.pick(20);
    if (dice === 0) return `few.${this.pick(40)}.x`;
    if (dice === 1) return `mid.${this.pick(300)}`;
    if (dice === 2) return `${this.pick(60)}.7`;
    return dice % 2 === 0 ? `a.${this.pick(4000)}` : `${this.pick(4000)}.z`;
  }

  add(subject: string): void {
    if (this.there.has(subject)) return;
    const bytes = Buffer.from(subject);
    const id = this.table.intern(bytes, 0, bytes.length);
    this.table.setMessages(id, 1);
    this.there.set(subject, id);
  }

  remove(subject: string): void {
    const id = this.there.get(subject);
    if (id === undefined) return;
    this.table.setMessages(id, 0);
    this.table.release(id);
    this.there.delete(subject);
  }

  retire(subject: string): void {
    const id = this.there.get(subject);
    if (id === undefined) return;
    const now = this.table.retire(id);
    this.table.setMessages(now, 1);
    this.there.set(subject, now);
  }

  free(): void {
    for (const id of this.table.retired) {
      this.table.setMessages(id, 0);
      this.table.free(id);
    }
  }

  /** From no change to more than a filter is told of. */
  change(): void {
    const dice = this.pick(12);
    const times = [1, 1, 5, 40, 400][this.pick(5)]!;
    if (dice === 0) {
      this.table.clear();
      this.there.clear();
    } else if (dice === 1) {
      this.free();
    } else {
      for (let i = 0; i < times; i++) {
        if (dice < 7) this.add(this.subject());
        else if (dice < 11) this.remove(this.subject());
        else this.retire(this.subject());
      }
    }
    if (this.there.size < 100) for (let i = 0; i < 4000; i++) this.add(this.subject());
  }
}

function assertFilter(world: World, filter: SubjectFilter, texts: readonly string[]): void {
  const what = texts.join();
  const few = filter.few();
  const matches = filter.matches();
  const expected: number[] = [];
  for (const [subject, id] of world.there) {
    const isMatch = texts.some((text) => plainMatch(text, subject));
    if (isMatch) expected.push(id);
    assert.equal(matches.has(id), isMatch, `${what}: ${subject}`);
  }
  expected.sort((a, b) => a - b);
  if (few !== null) {
    const there = few.filter((id) => world.table.messages(id) > 0);
    assert.deepEqual(
      [...there].sort((a, b) => a - b),
      expected,
      what,
    );
    assert.ok(few.length <= FEW);
  }
  const found = matches.find()?.sort((a, b) => a - b) ?? null;
  if (found !== null) assert.deepEqual(found, expected, what);
}

test("SubjectFilter knows what matches while subjects come and go", () => {
  const world = new World();
  const filters = FILTERS.map((texts) => new SubjectFilter(world.table, texts));
  for (let i = 0; i < 4000; i++) world.add(world.subject());
  for (let step = 0; step < 250; step++) {
    world.change();
    // Not all of them each time: some are told of much at once.
    for (const [i, texts] of FILTERS.entries()) if (world.pick(4) === 0) assertFilter(world, filters[i]!, texts);
  }
});

test("SubjectFilter finds what many literals match without looking at other subjects", () => {
  const world = new World();
  for (let i = 0; i < 4000; i++) world.add(`a.${i}`);
  const texts = Array.from({ length: 3000 }, (_, i) => `a.${2 * i}`);
  const filter = new SubjectFilter(world.table, texts);
  assert.equal(filter.few(), null);
  assert.equal(filter.matches().find()?.length, 2000);
  for (const [subject, id] of world.there) assert.equal(filter.matches().has(id), Number(subject.slice(2)) % 2 === 0);
});

test("SubjectFilter does not look at all subjects to be ready, and knows few ones when it is told of them", () => {
  const table = new SubjectTable();
  const add = (subject: string): number => {
    const id = table.intern(Buffer.from(subject), 0, subject.length);
    table.setMessages(id, 1);
    return id;
  };
  for (let i = 0; i < 3000; i++) add(`${i}.s`);
  const filter = new SubjectFilter(table, ["*.7"]);
  assert.equal(filter.few(), null, "the tree is too large");
  const matches = filter.matches();
  const before = table.createdCount;
  const other = add("t.7");
  assert.equal(filter.few(), null, "they are not known to be few");
  filter.learnFew([], matches, before);
  assert.deepEqual(filter.few(), [other], "what came since is looked at");
  assert.deepEqual(new SubjectFilter(table, ["t.*"]).few(), [other]);
});
