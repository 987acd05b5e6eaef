// The room that is kept for a disk that is full.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimDisk } from "@myelin/platform/sim";
import { Ballast } from "./ballast.ts";

function noReport(line: string): void {
  assert.fail(line);
}

test("make() makes a ballast anew whose making was interrupted, or that was made for less", async () => {
  for (const size of [0, 4095]) {
    const disk = new SimDisk({ image: new Map([["ballast", new Uint8Array(size)]]), record: false });
    assert.equal(await new Ballast(disk, 4096, noReport).make(), true);
    assert.equal(disk.stat("ballast")?.size, 4096);
  }
});

test("make() keeps a ballast that is large enough, and needs as much room again for a new one", async () => {
  const disk = new SimDisk({
    image: new Map([["ballast", new Uint8Array(5000)]]),
    capacityBytes: 12_000,
    record: false,
  });
  const ballast = new Ballast(disk, 4096, noReport);
  assert.equal(await ballast.make(), true);
  assert.equal(disk.stat("ballast")?.size, 5000);
  assert.equal(ballast.drop(), true);
  assert.equal(ballast.drop(), false);
  disk.open("other", "create").write(new Uint8Array(4000), 0, 4000, 0);
  assert.equal(await ballast.make(), false);
  assert.equal(disk.stat("ballast"), null);
});
