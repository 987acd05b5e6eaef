// What a command is given: where its words go, where input comes from, and when it is to stop.

import type { Interrupts } from "./interrupts.ts";
import type { Output } from "./output.ts";

/** Handed to every command. */
export interface Outside {
  readonly output: Output;
  readonly stdin: NodeJS.ReadableStream;
  readonly interrupts: Interrupts;
}
