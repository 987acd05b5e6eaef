// Two stores on one folder: the second is refused, by a message that says what to do, and changes nothing.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NodeClock, NodeDisk, NodeRandom } from "@myelin/platform/node";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { NO_LIMITS } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { FileStore } from "./file-store.ts";

test("a second store on a folder is refused with folder, holder and remedy, until the first one stops", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "myelin-store-lock-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const open = (): Promise<FileStore> =>
    FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom(), FILLED_OPTIONS);
  const store = await open();
  await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  await assert.rejects(open, (error: Error & { code: string }) => {
    assert.equal(error.code, "LOCKED");
    assert.ok(error.message.includes(folder), error.message);
    assert.ok(error.message.includes(`process ${process.pid} has it open`), error.message);
    assert.match(error.message, /stop it; or choose another folder/);
    return true;
  });
  await store.stop();
  assert.ok(!readdirSync(folder).includes("lock"));
  const again = await open();
  assert.notEqual(again.stream("S"), null);
  await again.stop();
});

test("a store that could not be opened gives the folder up", async () => {
  const disk = new SimDisk({ record: false });
  const open = (): Promise<FileStore> => FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  disk.fault = (call) => (call === "sync" ? "EIO" : null);
  await assert.rejects(open, /EIO/);
  disk.fault = () => null;
  const store = await open();
  await assert.rejects(open, { code: "LOCKED" });
  await store.stop();
});
