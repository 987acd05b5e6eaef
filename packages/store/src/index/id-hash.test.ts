import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { IdHash } from "./id-hash.ts";

/** A table, with the hashes of its ids. */
class Table {
  readonly hashes: number[] = [];
  /** How often a hash was asked for. */
  asked = 0;
  readonly hash: IdHash = new IdHash((id) => {
    this.asked++;
    return this.hashes[id]!;
  });

  insert(hash: number): number {
    const id = this.hashes.push(hash) - 1;
    this.hash.insert(hash, id);
    return id;
  }

  has(id: number): boolean {
    const hash = this.hashes[id]!;
    const slots = this.hash.shard(hash);
    for (let i = hash & (slots.length - 1); slots[i] !== 0; i = (i + 1) & (slots.length - 1))
      if (slots[i] === id + 1) return true;
    return false;
  }
}

/** Hashes that are spread, that fall in few shards, and that are all the same. */
const HASHES: Record<string, (random: SimRandom) => number> = {
  "spread hashes": (random) => random.uint32() | 0,
  "hashes that agree in their lower bits": (random) => (random.uint32() << 16) | 5,
  "hashes that agree in their upper bits": (random) => random.uint32() & 0xfff,
};

for (const [what, hashOf] of Object.entries(HASHES)) {
  test(`each id is found by its hash while others come and go: ${what}`, () => {
    const random = new SimRandom(1);
    const table = new Table();
    const there = new Set<number>();
    for (let i = 0; i < 12_000; i++) {
      there.add(table.insert(hashOf(random)));
      if (random.uint32() % 3 > 0) continue;
      const id = random.uint32() % table.hashes.length;
      if (there.delete(id)) table.hash.remove(table.hashes[id]!, id);
    }
    for (let id = 0; id < table.hashes.length; id++) assert.equal(table.has(id), there.has(id), `id ${id}`);
    for (const id of there) table.hash.remove(table.hashes[id]!, id);
    for (const id of there) assert.equal(table.has(id), false);
  });
}

test("many ids have the same hash", () => {
  const table = new Table();
  for (let i = 0; i < 3000; i++) table.insert(77);
  for (let id = 0; id < 3000; id++) assert.ok(table.has(id));
});

test("growing is the work of many inserts: none moves more than a few thousand ids, and few do in a row", () => {
  const random = new SimRandom(1);
  const table = new Table();
  let most = 0;
  let mostInRow = 0;
  const before: number[] = [];
  for (let i = 0; i < 300_000; i++) {
    const asked = table.asked;
    before.push(asked);
    table.insert(random.uint32() | 0);
    most = Math.max(most, table.asked - asked);
    mostInRow = Math.max(mostInRow, table.asked - before[Math.max(0, i - 999)]!);
  }
  assert.ok(most <= 2048, `${most} ids at once`);
  assert.ok(mostInRow <= 8192, `${mostInRow} ids for a thousand inserts`);
});
