// Sees to it that the machine has memory to give. The hypervisor of a virtual machine may take back what the system does not use (free
// page reporting of a memory balloon): then the first touch of each page costs some 10 us again. What grows a file, and so the page
// cache, would pay for that or not by what ran before it.

import { freemem } from "node:os";
import { fileURLToPath } from "node:url";
import { runProcess } from "./load-process.ts";

const TOUCH_ENTRY = fileURLToPath(new URL("./touch-main.js", import.meta.url));
/** More than a measurement writes in two seconds. */
const BYTES = 2 * 1024 ** 3;

/**
 * Touches memory and gives it back to the system, which hands it out first now. Takes half a second, or six where none of it was there.
 * To be called right before each measurement that writes files: after a few seconds the hypervisor begins to take memory back.
 */
export async function touchMemory(): Promise<void> {
  await runProcess(TOUCH_ENTRY, { bytes: Math.min(BYTES, Math.floor(freemem() / 2)) });
}
