// Sees to it that a child process and its folder do not outlive the test process, however that ends, `kill -9` included.
//
// A guard is a process of its own that holds one end of a pipe. Each line tells it which process to end, an empty one none; the
// line "end" sends it home. When the pipe closes before, because this process is gone, it ends that process and removes the folder.

import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";

const SHELL_GUARD = `
pid=
while read -r next; do [ "$next" = end ] && exit; pid=$next; done
[ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
rm -rf -- "$1"
`;

/** Windows has no shell to rely on. */
const NODE_GUARD = `
let pid = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => {
  const lines = text.split("\\n");
  if (lines.length > 1) pid = lines.at(-2);
});
process.stdin.on("end", () => {
  if (pid === "end") return;
  try { if (pid !== "") process.kill(Number(pid), "SIGKILL"); } catch {}
  require("node:fs").rmSync(process.argv[1], { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
`;

/** Guards one child process after another, and one folder. */
export class Guard {
  readonly #process: ChildProcess;
  readonly #pipe: Writable;

  /** @param folder - Is removed if nobody calls {@link dismiss}. */
  constructor(folder: string) {
    const [command, args] =
      process.platform === "win32"
        ? [process.execPath, ["-e", NODE_GUARD, folder]]
        : ["/bin/sh", ["-c", SHELL_GUARD, "guard", folder]];
    const { NODE_OPTIONS: _, ...env } = process.env;
    // In a process group of its own: Ctrl-C, which reaches the whole group of the test process, must not reach it.
    this.#process = spawn(command, args, { env, detached: true, stdio: ["pipe", "ignore", "ignore"] });
    this.#pipe = this.#process.stdin as Writable;
    // A guard that cannot be had, or was killed: what it would do at a normal end is done by ourselves.
    this.#process.on("error", () => {});
    this.#pipe.on("error", () => {});
    this.#process.unref();
    (this.#pipe as Socket).unref();
  }

  /** From now on this process is the one to end. */
  watch(pid: number): void {
    this.#pipe.write(`${pid}\n`);
  }

  /** The process has ended; its number may be given to another. */
  forget(): void {
    this.#pipe.write("\n");
  }

  /** Nothing is left to guard. Resolves when the guard is gone. */
  async dismiss(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => {
      this.#process.once("exit", () => resolve());
      this.#process.once("error", () => resolve());
    });
    this.#process.ref();
    this.#pipe.end("end\n");
    await gone;
  }
}
