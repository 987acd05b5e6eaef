// Runs on a thread of its own, started by bcrypt-thread.ts: takes [password, hash], answers whether they belong together.
//
// On Linux a priority belongs to a thread, and from its second check on this one has the lowest: what reads and writes messages
// goes first, and the hashes get what that leaves over. A login now and then, which finds a new thread, is not held up so where
// others take all of the cores; logins that follow each other closely are a storm. Elsewhere a priority belongs to the whole
// process, and stays as it is.

import { constants, setPriority } from "node:os";
import { type MessagePort, parentPort } from "node:worker_threads";
import { verifySync } from "@node-rs/bcrypt";

if (parentPort !== null) serve(parentPort);

function serve(port: MessagePort): void {
  let isFirst = true;
  port.on("message", ([password, hash]: [string, string]) => {
    if (!isFirst && process.platform === "linux") lowerOwnPriority();
    isFirst = false;
    // A hash that is none is a no.
    port.postMessage(verifySync(password, hash));
  });
}

function lowerOwnPriority(): void {
  try {
    setPriority(0, constants.priority.PRIORITY_LOW); // 0 is the thread that asks
  } catch {
    // Some sandboxes forbid it. Logins work all the same, and others wait for them a little longer.
  }
}
