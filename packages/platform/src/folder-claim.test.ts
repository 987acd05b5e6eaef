// Claiming a folder: one owner at a time, and a killed one stands in nobody's way.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Disk, DiskClaim } from "./disk.ts";
import { NodeDisk } from "./node/disk.ts";
import { SimDisk } from "./sim/disk.ts";

const DISK_MODULE = fileURLToPath(new URL("./node/disk.js", import.meta.url));

function temporaryFolder(t: { after(run: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "myelin-claim-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function release(claim: DiskClaim): Promise<void> {
  assert.ok(claim.held);
  assert.equal(claim.weakness, null);
  await claim.release();
}

for (const form of ["NodeDisk", "SimDisk"]) {
  test(`${form}: claim() is refused while somebody holds the folder, and leaves nothing behind`, async (t) => {
    const folder = temporaryFolder(t);
    const sim = new SimDisk();
    const disk = (): Disk => (form === "SimDisk" ? sim : new NodeDisk(folder));
    const first = await disk().claim("lock");
    const second = await disk().claim("lock");
    assert.ok(!second.held);
    assert.match(second.holder, form === "SimDisk" ? /this process/ : new RegExp(`process ${process.pid}`));
    assert.match(second.remedy, /stop it/);
    await release(first);
    await release(await disk().claim("lock"));
    assert.deepEqual(disk().list(""), []);
  });
}

test("NodeDisk: of many that claim at the same moment at most one succeeds", async (t) => {
  const folder = temporaryFolder(t);
  for (let round = 0; round < 5; round++) {
    const claims = await Promise.all(Array.from({ length: 8 }, () => new NodeDisk(folder).claim("lock")));
    const held = claims.filter((claim) => claim.held);
    assert.ok(held.length <= 1, `${held.length} hold it`);
    for (const claim of held) await release(claim);
  }
});

test("NodeDisk: claim() works below a path that is too long for a socket", async (t) => {
  const folder = join(temporaryFolder(t), "a".repeat(120));
  mkdirSync(folder);
  const first = await new NodeDisk(folder).claim("lock");
  assert.equal((await new NodeDisk(folder).claim("lock")).held, false);
  await release(first);
});

test("NodeDisk: another process is refused, and a killed one leaves nothing that counts", async (t) => {
  const folder = temporaryFolder(t);
  const program = `
    import { NodeDisk } from ${JSON.stringify(DISK_MODULE)};
    const claim = await new NodeDisk(process.argv[1]).claim("lock");
    process.stdout.write(claim.held ? "held" : "refused");
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  assert.equal(said.toString(), "held");
  const refused = await new NodeDisk(folder).claim("lock");
  assert.ok(!refused.held);
  assert.equal(refused.holder, `process ${child.pid}`);
  child.kill("SIGKILL");
  await once(child, "exit");
  if (process.platform !== "win32") assert.equal(readdirSync(join(folder, "lock")).length, 1, "the dead one's socket");
  await release(await new NodeDisk(folder).claim("lock"));
  assert.equal(existsSync(join(folder, "lock")), false);
});
