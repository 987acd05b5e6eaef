// Devices that have gone bad in places.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiskFile } from "@myelin/platform";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { FILLED_OPTIONS, type FilledEnd, type FilledStore, filledStore } from "../testing/filled-store.ts";
import { seqsOf } from "../testing/seqs-of.ts";
import { repairStore } from "./check/repair.ts";
import { verifyStore } from "./check/verify.ts";
import { FileStore } from "./file-store.ts";
import { readAround } from "./read-around.ts";

test("readAround() makes zeros of the sectors that cannot be read, and reads the rest", () => {
  const file: Pick<DiskFile, "read" | "size"> = {
    size: () => 20_000,
    read(into, start, length, position) {
      if (position < 9000 && position + length > 8192) throw Object.assign(new Error("bad"), { code: "EIO" });
      into.fill(1, start, start + Math.min(length, 20_000 - position));
      return Math.min(length, 20_000 - position);
    },
  };
  const into = new Uint8Array(30_000);
  const told: number[][] = [];
  assert.equal(
    readAround(file as DiskFile, into, 10, 25_000, 100, (offset, length) => told.push([offset, length])),
    19_900,
  );
  assert.deepEqual(told, [[8192, 4096]]);
  const zeros = [...into.entries()].filter(([, byte]) => byte === 0).map(([at]) => at);
  assert.deepEqual([zeros[9], zeros[10], zeros[10 + 4095], zeros[10 + 4096]], [9, 8102, 8102 + 4095, 19_910]);
  const busy = (): never => {
    throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
  };
  assert.throws(() => readAround({ ...file, read: busy } as unknown as DiskFile, into, 0, 1, 0), /too many/);
});

/** A disk on which a file cannot be read. */
function badDisk(filled: FilledStore, bad: string): SimDisk {
  const disk = new SimDisk({ image: filled.image, record: false });
  disk.fault = (call, path) => (call === "read" && path === bad ? "EIO" : null);
  return disk;
}

/** Messages that cannot be had, all of which the state has to list; those that can be had are right. */
function missing(store: FileStore, filled: FilledStore): number {
  let count = 0;
  for (const [name, messages] of filled.streams) {
    const log = store.stream(name)!;
    for (const [seq, payload] of messages) {
      const message = log.load(seq);
      if (message === null) count++;
      else assert.equal(Buffer.from(message.payload).toString(), payload);
      if (message === null) assert.ok(seqsOf(log.state().lost).includes(seq), `${name} ${seq}`);
    }
    assert.equal(log.consumers().length, 1);
  }
  return count;
}

function filesOf(filled: FilledStore): string[] {
  return [...filled.image]
    .filter(([path, bytes]) => (bytes?.length ?? 0) > 0 && path !== "ballast")
    .map(([path]) => path);
}

for (const end of ["stopped", "synced"] satisfies FilledEnd[]) {
  test(`a file that the device cannot read costs no more than what is in it, and is told of: ${end}`, async () => {
    // Some turns go the direct way: what they wrote is in a block only, and no checkpoint knows of it.
    const filled = await filledStore(end, 14, { ...FILLED_OPTIONS, directBytes: 300 });
    const refused = new Set<string>();
    for (const bad of filesOf(filled)) {
      // Of a store that was stopped in order nobody reads the journal.
      if (bad.startsWith("journal/") && end === "stopped") continue;
      const disk = badDisk(filled, bad);
      const verdict = await verifyStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
      assert.ok(
        verdict.problems.some(({ path }) => path === bad) || verdict.refusal?.message.includes(bad),
        `verify finds ${bad}`,
      );
      const opened = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS).catch(
        (error: unknown) => error,
      );
      if (!(opened instanceof FileStore)) {
        // What no checkpoint vouches for may be a torn end, or confirmed.
        assert.ok(
          opened instanceof StoreError && /\.(blk|seg)$/.test(bad) && end === "synced",
          `${bad}: ${String(opened)}`,
        );
        assert.equal(opened.code, "DAMAGED");
        assert.match(opened.message, new RegExp(`${bad} cannot be read at \\d+.*Copy the folder`));
        assert.equal(verdict.refusal?.message, opened.message);
        assert.deepEqual(disk.image().get(bad), filled.image.get(bad), "not cut");
        refused.add(bad.slice(-4));
        continue;
      }
      const lost = missing(opened, filled);
      assert.ok(bad.endsWith(".blk") || lost === 0, `${bad} costs ${lost}`);
      await opened.stop();
      if (bad.endsWith(".blk")) continue;
      const { restored, streams } = await repairStore(
        badDisk(filled, bad),
        new SimClock(),
        new SimRandom(1),
        FILLED_OPTIONS,
      );
      assert.deepEqual(restored, /\.[01]$/.test(bad) ? [bad] : []);
      assert.deepEqual(
        streams.flatMap((stream) => stream.lost),
        [],
      );
    }
    assert.deepEqual([...refused].sort(), end === "synced" ? [".blk", ".seg"] : []);
  });
}

test("what cannot be read under an open store is lost and nothing else, for readers and for the scrub", async () => {
  const filled = await filledStore("stopped", 15);
  const bad = filesOf(filled).find((path) => /00000001\/.*\.blk$/.test(path)) as string;
  for (const scrub of [null, { bytesPerSecond: 1e9, everyMs: 1000 }]) {
    const disk = badDisk(filled, "");
    const clock = new SimClock();
    const store = await FileStore.open(disk, clock, new SimRandom(1), { ...FILLED_OPTIONS, scrub });
    disk.fault = (call, path) => (call === "read" && path === bad ? "EIO" : null);
    if (scrub === null) assert.ok(missing(store, filled) > 0);
    for (let i = 0; i < 10; i++) clock.advance(100);
    assert.equal(store.health().failure, null);
    if (scrub !== null) assert.equal(store.health().scrub!.damaged, seqsOf(store.stream("A")!.state().lost).length);
    assert.ok(store.stream("A")!.state().lost.length > 0);
    assert.ok(
      store.health().reports.some((line) => line.startsWith(bad) && line.includes("the system cannot read it")),
    );
    disk.fault = () => null;
    await store.stop();
  }
});
