// kill -9 of a real process on a real disk, again and again on the same folder. MYELIN_KILLS makes it longer.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { NodeClock, NodeDisk, NodeRandom } from "@myelin/platform/node";
import { SimRandom } from "@myelin/platform/sim";
import { KILL_OPTIONS, Told } from "../testing/told.ts";
import { FileStore } from "./file-store.ts";
import type { FileStoreOptions } from "./options.ts";

const KILLS = Number(process.env["MYELIN_KILLS"] ?? 6);
const CHILD = fileURLToPath(new URL("../testing/kill-child.js", import.meta.url));

/** Runs the child for so many steps, kills it in the middle of the next ones, and notes what it wrote. */
async function runAndKill(
  folder: string,
  toldFile: string,
  seed: number,
  steps: number,
  told: Told,
  more: FileStoreOptions,
): Promise<void> {
  const child = spawn(process.execPath, [CHILD, folder, toldFile, String(seed), JSON.stringify(more)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let seen = 0;
  child.stdout.setEncoding("latin1");
  for await (const chunk of child.stdout) {
    seen += (chunk as string).split("\n").length - 1;
    if (seen >= steps) child.kill("SIGKILL");
  }
  await exited;
  told.note(readFileSync(toldFile, "latin1"));
}

const FORMS: Record<string, { readonly kills: number; readonly more: FileStoreOptions }> = {
  plain: { kills: KILLS, more: {} },
  encrypted: { kills: Math.ceil(KILLS / 3), more: { encryption: { key: "a key that nobody guesses" } } },
};

for (const [form, { kills, more }] of Object.entries(FORMS)) {
  test(`a killed process loses nothing that it called durable: ${form}`, () => killAgainAndAgain(kills, more));
}

async function killAgainAndAgain(kills: number, more: FileStoreOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "myelin-store-kill-"));
  const random = new SimRandom(1);
  const told = new Told();
  try {
    for (let kill = 0; kill < kills; kill++) {
      await runAndKill(folder, `${folder}.told`, kill + 1, 2 + (random.uint32() % 80), told, more);
      const store = await FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom(), {
        ...KILL_OPTIONS,
        ...more,
      });
      told.assertKept(store, `kill ${kill}`);
      await store.stop();
    }
    assert.ok(told.appends > 50);
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(`${folder}.told`);
  }
}
