// Takes the power from a real file system while a process works on a store in it, and looks at what is left.
//
//   node packages/store/power-loss.mjs [losses] [encrypted]     after a build; as root, on Linux; 20 losses unless told otherwise
//
// An ext4 file system in a file, mounted through a loop device. While kill-child.ts works, EXT4_IOC_SHUTDOWN without flushing the log
// cuts the file system off from its device: what was not synced is gone, as after a loss of power, file names included. Then
// the process is killed, the file system mounted again, which replays its journal, and the store opened and compared with what the
// process had been told. Where any of this cannot be had, it says so and ends.
//
// A sync that is under way in that moment may report success although its bytes are gone: a plain loop of write and fdatasync sees
// that, too. So only what had been told before the power went counts as told.

import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NodeClock, NodeDisk, NodeRandom } from "@myelin/platform/node";
import { FileStore } from "@myelin/store";
import { KILL_OPTIONS, Told } from "./dist/testing/told.js";

const IMAGE_BYTES = 512 * 1024 * 1024;
const CHILD = fileURLToPath(new URL("./dist/testing/kill-child.js", import.meta.url));
/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: an ioctl, which Node does not have. */
const SHUTDOWN = `import fcntl, os, struct, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
print(os.path.getsize(sys.argv[2]), flush=True)
fcntl.ioctl(folder, 0x8004587D, struct.pack("I", 2))`;
const STEPS_MAX = 60;
/** What recovery may say after a crash; anything else would be damage. */
const USUAL = /never confirmed|cut at|other copy is used|read instead/;

const losses = Number(process.argv[2] ?? 20);
const more = process.argv[3] === "encrypted" ? { encryption: { key: "a key that nobody guesses" } } : {};

/** Why it cannot be done here; null when it can. */
function obstacle() {
  if (process.platform !== "linux") return `it needs Linux, this is ${process.platform}`;
  if (process.getuid() !== 0) return "it needs root, to mount";
  for (const program of ["mkfs.ext4", "mount", "umount", "python3"]) {
    try {
      execFileSync("which", [program], { stdio: "pipe" });
    } catch {
      return `it needs ${program}`;
    }
  }
  return null;
}

function run(program, ...args) {
  return execFileSync(program, args, { stdio: "pipe", encoding: "latin1" });
}

/** Leaves of what was told after the power had gone only which removals were asked for. */
function forgetLate(toldFile, toldBytes) {
  const text = readFileSync(toldFile, "latin1");
  const end = text.lastIndexOf("\n", toldBytes - 1) + 1;
  const asked = text
    .slice(end)
    .split("\n")
    .slice(0, -1)
    .filter((line) => line.startsWith("r "));
  writeFileSync(toldFile, text.slice(0, end) + asked.map((line) => `${line}\n`).join(""), "latin1");
}

/** Lets the process work for some steps, takes the power, then kills it. */
async function workAndLose(mountPoint, toldFile, seed, steps) {
  const child = spawn(
    process.execPath,
    [CHILD, join(mountPoint, "store"), toldFile, String(seed), JSON.stringify(more)],
    {
      // Its complaints about a disk that is gone are what is wanted.
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let seen = 0;
  let lost = false;
  let toldBytes = 0;
  child.stdout.setEncoding("latin1");
  for await (const chunk of child.stdout) {
    seen += chunk.split("\n").length - 1;
    if (seen < steps || lost) continue;
    lost = true;
    toldBytes = Number(run("python3", "-c", SHUTDOWN, mountPoint, toldFile));
    child.kill("SIGKILL");
  }
  await exited;
  if (!lost) throw new Error(`The process ended by itself after ${seen} steps, seed ${seed}`);
  forgetLate(toldFile, toldBytes);
}

async function audit(mountPoint, told, what) {
  const store = await FileStore.open(new NodeDisk(join(mountPoint, "store")), new NodeClock(), new NodeRandom(), {
    ...KILL_OPTIONS,
    ...more,
  });
  told.assertKept(store, what);
  const alarms = store.health().reports.filter((report) => !USUAL.test(report));
  if (alarms.length > 0) throw new Error(`${what}: ${alarms.join("\n")}`);
  await store.stop();
}

async function main() {
  const why = obstacle();
  if (why !== null) {
    console.log(`SKIPPED: power loss on a real file system is not tested: ${why}`);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "myelin-power-loss-"));
  const image = join(folder, "disk.img");
  const mountPoint = join(folder, "mounted");
  const toldFile = join(folder, "told");
  const mount = () => run("mount", "-o", "loop", image, mountPoint);
  const file = openSync(image, "w");
  ftruncateSync(file, IMAGE_BYTES);
  closeSync(file);
  mkdirSync(mountPoint);
  try {
    run("mkfs.ext4", "-q", "-F", image);
    try {
      mount();
    } catch (error) {
      console.log(`SKIPPED: power loss on a real file system is not tested: ${String(error.stderr ?? error).trim()}`);
      return;
    }
    mkdirSync(join(mountPoint, "store"));
    run("sync", "-f", mountPoint);
    const told = new Told();
    for (let loss = 1; loss <= losses && !interrupted; loss++) {
      const steps = 1 + ((loss * 7919) % STEPS_MAX);
      await workAndLose(mountPoint, toldFile, loss, steps);
      run("umount", mountPoint);
      mount();
      told.note(readFileSync(toldFile, "latin1"));
      await audit(mountPoint, told, `loss ${loss}`);
      console.log(`loss ${loss} after ${steps} steps: ${told.appends} confirmed appends, all there`);
    }
  } finally {
    try {
      run("umount", "-l", mountPoint);
    } catch (error) {
      console.error(`${mountPoint} is not unmounted: ${error.message}`);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

// Interrupted, it ends after the loss that is under way, and unmounts.
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    interrupted = true;
  });
}
await main();
