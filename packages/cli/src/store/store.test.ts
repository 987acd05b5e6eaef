// myelin store: its words and exit codes, on folders that are sound and damaged.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NodeClock, NodeDisk, NodeRandom } from "@myelin/platform/node";
import { FileStore, type FileStoreOptions, MessageDraft, NO_LIMITS } from "@myelin/store";
import type { Ended } from "../testing/cli-process.ts";
import { CliRun } from "../testing/cli-run.ts";

function myelin(...args: string[]): Promise<Ended> {
  return new CliRun(args).ended();
}

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "myelin-cli-store-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A folder with a stream of ten messages. */
async function folderWithStream(t: TestContext, options: FileStoreOptions = {}): Promise<string> {
  const folder = temporary(t);
  const store = await FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom(), options);
  const log = await store.createStream("ORDERS", NO_LIMITS, new Uint8Array(0));
  for (let i = 1; i <= 10; i++) log.append(new MessageDraft().set("orders", `order ${i}`));
  await store.stop();
  return folder;
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

test("verify and repair: sound, damaged, repaired", async (t) => {
  const folder = await folderWithStream(t);
  const sound = await myelin("store", "verify", folder);
  assert.deepEqual([sound.code, sound.stderr], [0, ""]);
  assert.match(sound.stdout, /"ORDERS": 10 messages, sequences 1 to 10\n\nNothing is wrong\./);

  const stream = join(folder, "streams/00000001");
  const block = readdirSync(stream).find((name) => name.endsWith(".blk")) as string;
  const content = readFileSync(join(stream, block));
  flip(join(stream, block), content.indexOf("order 4"));
  flip(join(stream, "meta.1"), 40);
  const damaged = await myelin("store", "verify", folder);
  assert.equal(damaged.code, 2);
  assert.match(damaged.stdout, /streams\/00000001\/00000001\.blk at \d+, \d+ bytes: .*"ORDERS" loses sequences 4\n/);
  assert.match(damaged.stdout, /streams\/00000001\/meta\.1 at 0, .*the other copy is whole\n/);
  assert.match(damaged.stderr, /^myelin: error: 2 of 2 problems want a repair: run `myelin store repair .*`\n$/);
  const json = JSON.parse((await myelin("store", "verify", folder, "--json")).stdout) as { problems: unknown[] };
  assert.equal(json.problems.length, 2);

  const repaired = await myelin("store", "repair", folder);
  assert.equal(repaired.code, 2);
  assert.match(repaired.stdout, /"ORDERS": 9 messages, .*; lost: sequences 4\n/);
  assert.match(repaired.stdout, /meta\.1: made whole from its other copy/);
  assert.match(repaired.stderr, /1 sequences are lost; .*quarantine/);
  assert.ok(readdirSync(join(folder, "quarantine")).length >= 2);

  const after = await myelin("store", "verify", folder);
  assert.equal(after.code, 0, after.stdout + after.stderr);
  assert.match(after.stdout, /the bytes are in quarantine already/);
});

test("backup and restore, into a new folder and into one that has the stream", async (t) => {
  const folder = await folderWithStream(t);
  const other = temporary(t);
  const file = join(other, "orders.backup");
  const backup = await myelin("store", "backup", folder, file, "--stream", "ORDERS");
  assert.deepEqual([backup.code, backup.stderr], [0, ""]);
  const restored = await myelin("store", "restore", join(other, "new"), file);
  assert.deepEqual([restored.code, restored.stderr], [0, ""]);
  assert.match(restored.stdout, /"ORDERS": 10 messages\n.*1 streams with 10 messages restored/);
  assert.match((await myelin("store", "verify", join(other, "new"))).stdout, /Nothing is wrong/);

  const again = await myelin("store", "restore", folder, file);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /"ORDERS": there is one of that name/);
  assert.match((await myelin("store", "backup", folder, file)).stderr, /not overwritten/);
  flip(file, 200);
  const refused = await myelin("store", "restore", join(other, "newer"), file);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Cannot read the backup at byte \d+/);
  assert.match((await myelin("store", "verify", join(other, "newer"))).stdout, /No streams/);
  const none = await myelin("store", "backup", folder, join(other, "none"), "--stream", "NONE");
  assert.match(none.stderr, /there is none of that name/);
  assert.ok(!readdirSync(other).includes("none"), "no half file");
});

test("folders and files that are not there, or not a store's, are named and left alone", async (t) => {
  const folder = temporary(t);
  writeFileSync(join(folder, "notes.txt"), "notes");
  for (const command of ["verify", "repair"]) {
    const { code, stderr } = await myelin("store", command, folder);
    assert.equal(code, 1);
    assert.match(stderr, /there is no store in it/);
  }
  assert.match((await myelin("store", "backup", folder, "x")).stderr, /there is no store in it/);
  assert.match((await myelin("store", "verify", join(folder, "none"))).stderr, /there is no folder/);
  assert.match((await myelin("store", "repair", join(folder, "notes.txt"))).stderr, /is not a folder/);
  assert.match((await myelin("store", "restore", folder, join(folder, "none"))).stderr, /cannot read/);
  assert.deepEqual(readdirSync(folder), ["notes.txt"]);
});

test("a plain store moves into an encrypted one by backup and restore, and its key can be changed", async (t) => {
  const folder = await folderWithStream(t);
  const other = temporary(t);
  const [file, sealed, one, two] = ["b", "sealed", "one.key", "two.key"].map((name) => join(other, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(one, "the first key, which nobody guesses\n");
  writeFileSync(two, "the second key, which nobody guesses");
  const plain = await myelin("store", "verify", folder, "--key-file", one);
  assert.equal(plain.code, 1);
  assert.match(plain.stderr, /it is not encrypted.*myelin store restore/);
  await myelin("store", "backup", folder, file);
  assert.equal((await myelin("store", "restore", sealed, file, "--key-file", one, "--cipher", "aes")).code, 0);
  const block = join(sealed, "streams/00000001/00000001.blk");
  assert.ok(!readFileSync(block).includes("order"));
  assert.equal((await myelin("store", "verify", sealed, "--key-file", one)).code, 0);
  const without = await myelin("store", "verify", sealed);
  assert.equal(without.code, 1);
  assert.match(without.stderr, /it is encrypted, and no key is given/);
  assert.ok(!without.stdout.includes("No streams"), "nobody knows");
  const wrong = await myelin("store", "repair", sealed, "--key-file", two);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /not the one that it was made with/);
  assert.ok(!wrong.stderr.includes("nobody guesses"));
  assert.equal((await myelin("store", "repair", sealed, "--key-file", two, "--previous-key-file", one)).code, 0);
  const back = await myelin("store", "backup", sealed, `${file}2`, "--key-file", two);
  assert.equal(back.code, 0);
  assert.match(back.stderr, /is not encrypted/);
  assert.match((await myelin("store", "verify", sealed, "--key-file", one)).stderr, /not the one/);
  for (const flags of [
    ["--cipher", "aes"],
    ["--key-file", join(other, "none")],
    ["--key-file", one, "--cipher", "x"],
  ]) {
    assert.equal((await myelin("store", "verify", sealed, ...flags)).code, 1, flags.join(" "));
  }
});
