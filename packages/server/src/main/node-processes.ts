// The processes of this machine, for `--signal`. Loaded only when a signal is to be sent.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Processes } from "./signal-command.ts";

/** Longer names are cut in the process table, and pgrep looks there. */
const PROCESS_NAME_LENGTH_MAX = 15;

/** The real ones. */
export const NODE_PROCESSES: Processes = {
  ownPid: process.pid,
  readFile: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Not a file: then it is a number, or it is refused as none.
      return null;
    }
  },
  find: (name) => {
    const { status, stdout } = spawnSync("pgrep", [name.slice(0, PROCESS_NAME_LENGTH_MAX)], { encoding: "utf8" });
    // pgrep ends with 1 when it finds nothing; anything else, or no pgrep at all, is no answer.
    if (status !== 0 && status !== 1) return null;
    return stdout.split("\n").filter(Boolean).map(Number);
  },
  signal: (pid, signal) => {
    process.kill(pid, signal);
  },
};
