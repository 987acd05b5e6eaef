// Plants durability bugs in a copy of the compiled store, one at a time, and checks that the tests notice each of them.
//
//   node packages/store/planted-bugs.mjs [number]     after a build; about two minutes for all
//
// A bug is a piece of text and what takes its place. One that no longer applies is an error: then the list has to follow the code.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const store = dirname(fileURLToPath(import.meta.url));

/** What is wrong, in which file, the right text, the wrong text; the test that is for it, where it is not one of {@link TESTS}. */
const BUGS = [
  ["acknowledges before the sync", "file/sync-rounds.js", "await Promise.all(syncs);", "void Promise.all(syncs);"],
  [
    "believes a batch that has sound records, whichever they are",
    "file/record-chain.js",
    "return found === chain;",
    "return true;",
    "file/record-chain.test.js",
  ],
  ["a round does not wait for the one before it", "file/sync-rounds.js", "await before;", ""],
  [
    "does not sync the journal",
    "file/sync-rounds.js",
    "this.#journal.takeDirty().map((segment) => segment.file.sync())",
    "this.#journal.takeDirty().map(() => Promise.resolve())",
  ],
  [
    "does not sync the blocks of a direct turn",
    "file/block-files.js",
    "...[...this.byNumber.values()].map((file) => file.sync()), this.syncFolder()",
    "this.syncFolder()",
  ],
  [
    "syncs only the newest block of a direct turn",
    "file/block-files.js",
    "[...this.byNumber.values()].map((file) => file.sync())",
    "[...this.byNumber.values()].slice(-1).map((file) => file.sync())",
  ],
  ["does not sync the folder of a new block", "file/block-files.js", "if (!this.folderDirty)", "if (true)"],
  [
    "frees the journal before the blocks are synced",
    "file/stream-saver.js",
    "for (const file of [...blocks.byNumber.values()])\n            await file.sync();",
    "",
  ],
  [
    "does not keep tombstones at a checkpoint",
    "file/stream-saver.js",
    "const made = await tombstones.append(going, slices);",
    "const made = false;",
  ],
  [
    "frees the journal without a checkpoint",
    "file/checkpointer.js",
    "await writeTwin(disk, STORE_FILE",
    "void writeTwin(disk, STORE_FILE",
  ],
  [
    "does not check the tail of a block",
    "record.js",
    "return checksum(view, at + 4, at + length) === view.getUint32(at, true) ? length : 0;",
    "return length;",
  ],
  [
    "does not check the body of a batch",
    "file/journal-reader.js",
    "const bodySound = hasChain(view, start, start + bodyBytes, u32(bytes, at + 36));",
    "const bodySound = true;",
  ],
  [
    "replays across a gap",
    "file/recovering-stream.js",
    "if (!fits || !rebuilt.explained(index.lastSeq + 1, seq - gap - 1)) {",
    "if (!fits) {",
  ],
  [
    "cuts damage instead of keeping it",
    "file/stream-scan.js",
    "if (offset >= durableEnd && !this.#provenSynced(number, found, offset, later))",
    "if (true)",
  ],
  [
    "removes a block before that is durable",
    "file/file-backing.js",
    "this.#later(async () => {\n            const file = this.blocks.byNumber.get(number);\n            if (file === undefined)\n                return;\n            if (number",
    "void (async () => {\n            const file = this.blocks.byNumber.get(number);\n            if (file === undefined)\n                return;\n            if (number",
  ],
  [
    "makes a stream without syncing its folder",
    "file/stream-folder.js",
    "disk.rename(making, folder);\n    await disk.syncFolder(STREAMS_FOLDER);",
    "disk.rename(making, folder);",
  ],
  ["writes one copy of what must not be lost", "file/twin-file.js", "const COPIES = [0, 1];", "const COPIES = [0];"],
  [
    "tries a failed sync again",
    "file/sync-rounds.js",
    "syncs = this.#journal.takeDirty().map((segment) => segment.file.sync());",
    "syncs = this.#journal.takeDirty().map((segment) => segment.file.sync().catch(() => segment.file.sync()));",
  ],
  [
    "counts on a segment whose name is not durable",
    "file/journal.js",
    "await this.#disk.syncFolder(JOURNAL_FOLDER);",
    "",
  ],
  [
    "believes an index file without its checksum",
    "file/index-chunk.js",
    "checksum(viewOf(bytes), at + 4, at + length) !== u32(bytes, at) || ",
    "",
  ],
  [
    "believes an index file whose records are not in the block",
    "file/stream-scan.js",
    "return record !== null && u32(record, 0) === checksum && u64(record, 24) === seq ? record : null;",
    "return record ?? new Uint8Array(80);",
  ],
  [
    "forgets what was taken away from what index files tell",
    "file/rebuilt-index.js",
    "seq < floor || this.#tombstones.has(seq)",
    "seq < floor",
  ],
  [
    "takes a removal that was not confirmed from an index file",
    "file/rebuilt-index.js",
    "const record = readRecord(block.endOffset, bytes);",
    "const record = readRecord(block.endOffset, bytes);\n                block.addAbsent(bytes);\n                continue;",
  ],
  ["keeps an erased subject in an index file", "file/file-backing.js", "await file.index.wipe();", ""],
  [
    "says that it was stopped in order when it was not",
    "file/checkpointer.js",
    "const clean = this.stopping;",
    "const clean = true;",
  ],
  ["reuses a nonce", "seal/sealer.js", "this.#low = (this.#low + 1) >>> 0;", "", "seal/encryption.test.js"],
  [
    "begins to count nonces at the same place",
    "seal/sealer.js",
    "this.#low = u32(start, 0);\n        this.#high = u32(start, 4);",
    "this.#low = 0;\n        this.#high = 0;",
    "seal/encryption.test.js",
  ],
  [
    "derives nonces from nothing that an opening changes",
    "seal/vault.js",
    "new NonceSource(epoch, random.fillSecret(new Uint8Array(8)))",
    "new NonceSource(0, new Uint8Array(8))",
    "seal/encryption.test.js",
  ],
  [
    "makes new keys for a store that the key does not open",
    "seal/vault.js",
    "await openKeyFile(disk, keys, random, options)",
    "await openKeyFile(disk, keys, random, options).catch(() => makeKeyFile(disk, storeId, random, options))",
    "seal/encryption.test.js",
  ],
  [
    "makes new keys for a store whose key files are gone",
    "seal/vault.js",
    "if (store !== null && keys === null) {",
    "if (false) {",
    "seal/encryption.test.js",
  ],
  [
    "opens a plain store with a key",
    "seal/vault.js",
    "if (store !== null && !store.encrypted) {",
    "if (false) {",
    "seal/encryption.test.js",
  ],
  [
    "does not bind a seal to its record",
    "seal/sealer.js",
    "bound.set(bytes.subarray(at + 20, at + 44), 8);",
    "",
    "seal/sealer.test.js",
  ],
  ["does not check seals", "seal/sealer.js", "decipher.final();", "", "seal/encryption.test.js"],
  [
    "journals consumers in the clear",
    "file/stream-changes.js",
    "control.consumer(incarnation, name, state, sealer)",
    "control.consumer(incarnation, name, state, null)",
    "seal/encryption.test.js",
  ],
  [
    "writes index files in the clear",
    "file/indexer.js",
    "backing.sealer === null ? chunk : sealChunk(chunk, backing.sealer)",
    "chunk",
    "seal/encryption.test.js",
  ],
  [
    "ends a backup before its tail",
    "backup/write-backup.js",
    "this.#at = position;\n            return false;",
    "continue;",
    "memory-store.test.js",
  ],
  [
    "backs up what went meanwhile",
    "backup/write-backup.js",
    "if (messages < copied) {",
    "if (false) {",
    "memory-store.test.js",
  ],
  ["takes a backup that was cut", "backup/frame.js", "if (!ended)", "if (false)", "memory-store.test.js"],
  [
    "shows a stream before it is restored",
    "file/file-store.js",
    "firstSeq, published: false, outdated: false });",
    "firstSeq, published: true, outdated: false });",
    "file-store.test.js",
  ],
  [
    "keeps half a restored stream after a crash",
    "file/recovery.js",
    "if (!one.meta.published) {",
    "if (false) {",
    "backup/restore-crash.test.js",
  ],
  [
    "scrubs without checking bodies",
    "scrubber.js",
    "log.load(seq, this.#view)",
    "{ end: 1, subjectStart: 0 }",
    "file/check/check.test.js",
  ],
  [
    "scrubs as fast as it can",
    "scrubber.js",
    "this.#schedule((bytes / bytesPerSecond) * 1000)",
    "this.#schedule(0)",
    "file/check/check.test.js",
  ],
  [
    "verifies by opening the folder",
    "file/check/verify.js",
    "new OverlayDisk(disk)",
    "disk",
    "file/check/check.test.js",
  ],
  [
    "repairs without keeping what was damaged",
    "file/check/repair.js",
    "await keepFile(disk, path, readWhole(disk, path));",
    "void 0;",
    "file/check/check.test.js",
  ],
  [
    "fills a full disk with half a segment",
    "file/journal.js",
    "const file = await this.#createZeroed(segmentPath(number));",
    "const file = await this.#disk.createZeroed(segmentPath(number), this.segmentBytes);",
    "file/faults.test.js",
  ],
  [
    "takes half a ballast for a whole one",
    "file/ballast.js",
    "there !== null && there.size >= this.#bytes",
    "there !== null",
    "file/ballast.test.js",
  ],
  [
    "cuts what the device cannot read",
    "file/stream-scan.js",
    "if (offset + count <= durableEnd)",
    "if (true)",
    "file/read-around.test.js",
  ],
  [
    "empties folders before it has looked at all of them",
    "file/recovery.js",
    "await checkContents(disk, slices);",
    "",
    "file/folder-check.test.js",
  ],
  [
    "does not vouch for tombstones",
    "file/stream-saver.js",
    "tombstone: this.#backing.tombstones.last",
    "tombstone: 0",
    "file/rollback.test.js",
  ],
  [
    "does not vouch for consumers",
    "file/stream-saver.js",
    "this.consumersDurable = this.consumersGeneration;",
    ";",
    "file/rollback.test.js",
  ],
  [
    "applies the limits of an older description",
    "file/recovery.js",
    "if (meta.outdated)",
    "if (false)",
    "file/older-description.test.js",
  ],
  [
    "forgets that a description is older once it has been told",
    "file/recovery.js",
    "Math.max(durableGeneration(meta, metaGeneration), metaGeneration)",
    "durableGeneration(meta, metaGeneration)",
    "file/older-description.test.js",
  ],
  [
    "forgets the time of a last message that is gone",
    "file/stream-changes.js",
    "? { lastSeq, lastTime }",
    "? { lastSeq, lastTime: NO_LAST_TIME }",
    "file/last-time.test.js",
  ],
  [
    "opens without the journal's segments",
    "file/rollback.js",
    "if (missing.length > 0)",
    "if (false)",
    "file/rollback.test.js",
  ],
  [
    "confirms in an epoch that its files do not name",
    "file/file-store.js",
    "if (!this.#checkpoints.epochDurable)\n            return this.#startCheckpoint();",
    "",
    "file/rollback.test.js",
  ],
  [
    "leaves half of an interrupted first write",
    "file/twin-file.js",
    "if (generation === 1)",
    "if (false)",
    "file/twin-file.test.js",
  ],
  [
    "counts plain bytes of what it compresses",
    "stream.js",
    "const dataBytes = otherBytes + body.end - body.start;",
    "const dataBytes = otherBytes + draft.bodyEnd - draft.headersStart;",
    "memory-store.test.js",
  ],
  [
    "frees the journal of a rollup before its effect is kept",
    "file/stream-saver.js",
    "while (backing.index.subjects.retired.size > 0)",
    "while (false)",
  ],
  [
    "takes away what an append that is lost would have taken",
    "file/recovery.js",
    "if (synced || dependsOn(body, at) <= recovering.lastSeq)",
    "if (true)",
  ],
  [
    "makes an index file of a block of which something was lost",
    "file/indexer.js",
    "index.holdsLost(block)",
    "false",
    "file/lost.test.js",
  ],
  [
    "does not put a header of the journal right",
    "file/journal-reader.js",
    "at === next && correctHeader(view, at, store, epoch)",
    "false",
  ],
  [
    "writes a block anew without what a truncation has not taken away yet",
    "file/compaction.js",
    " || backing.truncating",
    "",
    "file/compaction.test.js",
  ],
  ["opens a folder that another store has open", "file/folder-lock.js", "if (claim.held)", "if (true)"],
  [
    "forgets a confirmed removal below messages that went since",
    "file/stream-saver.js",
    "seqs.from(firstSeq)",
    "seqs.from(this.#backing.index.firstSeq)",
  ],
  [
    "takes a block that was cut while it was written anew for whole",
    "file/compaction.js",
    " && block.slots === slots",
    "",
  ],
  [
    "leaves an erased message in a block that was written anew",
    "file/file-backing.js",
    "overwriteRecord(file.file()",
    "0 && overwriteRecord(file.file()",
  ],
  [
    "keeps no tombstones of sequences that never had a message",
    "stream.js",
    "this.#backing.skipped(",
    "0 && this.#backing.skipped(",
    "file/gaps.test.js",
  ],
  ["takes a removal that never counted for an explanation", "file/recovery.js", "one.unmetBeyond < end &&", "false &&"],
  [
    "keeps no tombstones of what a replayed removal explains",
    "file/recovering-stream.js",
    "this.backing.addUnsavedTombstones(first, count);",
    "",
  ],
  [
    "leaves out tombstones below a first message that is not durable",
    "file/stream-saver.js",
    "const from = this.#durableFirstSeq;",
    "const from = firstSeq;",
    "file/stream-saver.test.js",
  ],
  [
    "gives up what was lost at the front",
    "index/stream-index.js",
    "return Math.min(this.firstSeq, this.lost.first);",
    "return this.firstSeq;",
    "file/lost.test.js",
  ],
  [
    "gives up what was lost at the end",
    "index/stream-index.js",
    "Math.max(this.lost.last, ",
    "Math.max(0, ",
    "file/lost.test.js",
  ],
  [
    "removes a block because what it held was lost",
    "index/stream-index.js",
    " && !this.holdsLost(block)",
    "",
    "file/lost.test.js",
  ],
  [
    "writes a block anew of which something was lost",
    "file/compaction.js",
    "if (backing.index.holdsLost(block))",
    "if (false)",
    "file/lost.test.js",
  ],
  [
    "takes what was lost for removed when it truncates",
    "file/gone-runs.js",
    "index.lost.outside(from, to)",
    "[[from, to]]",
    "file/lost.test.js",
  ],
  [
    "prefers a record from before a truncation to the one that came later",
    "file/stream-scan.js",
    "await this.#preferTo(block, u64(bytes, at + 24));",
    ";",
    "file/rollback.test.js",
  ],
  [
    "gives up the journal where the last record before it is damaged",
    "file/recovering-stream.js",
    "scan.isDurableEnd(block, offset)",
    "false",
    "file/lost.test.js",
  ],
  [
    "does not write what has been removed",
    "file/file-backing.js",
    "this.hasControls = true;\n        this.changes.removed(seq);",
    "this.changes.removed(seq);",
  ],
  [
    "does not write new states of consumers",
    "file/file-backing.js",
    "this.hasControls = true;\n        this.changes.consumerChanged(name, state);",
    "this.changes.consumerChanged(name, state);",
  ],
];

const TESTS = [
  "file/lock.test.js",
  "file/checkpoint.test.js",
  "file/faults.test.js",
  "file/index-file.test.js",
  "file/damage.test.js",
  "file/crash.test.js",
];

function caught(number) {
  const [name, file, right, wrong, own] = BUGS[number];
  const folder = mkdtempSync(join(tmpdir(), "myelin-planted-"));
  try {
    cpSync(join(store, "dist"), join(folder, "dist"), { recursive: true });
    cpSync(join(store, "package.json"), join(folder, "package.json"));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(join(store, "../../node_modules/@myelin"), join(folder, "node_modules/@myelin"));
    const path = join(folder, "dist", file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(right))
      throw new Error(`Cannot plant "${name}": ${file} has changed; bring the list up to date`);
    writeFileSync(
      path,
      text.replace(right, () => wrong),
    );
    for (const test of own === undefined ? TESTS : [own]) {
      const run = spawnSync(process.execPath, ["--test", "--test-reporter=dot", join(folder, "dist", test)], {
        env: { ...process.env, MYELIN_CRASH_STATES: process.env.MYELIN_CRASH_STATES ?? "3000" },
        timeout: 60_000,
      });
      if (run.status !== 0) return test;
    }
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const chosen = process.argv[2] === undefined ? BUGS.map((_, i) => i) : [Number(process.argv[2])];
let missed = 0;
for (const number of chosen) {
  const by = caught(number);
  if (by === null) missed++;
  console.log(
    `${by === null ? "MISSED" : "caught"}  ${String(number).padStart(2)}  ${BUGS[number][0]}${by === null ? "" : `  (${by})`}`,
  );
}
process.exitCode = missed > 0 ? 1 : 0;
