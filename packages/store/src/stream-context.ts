// What all streams of one store share.

import type { Clock } from "@myelin/platform";
import { RecordBody } from "./compress/record-body.ts";
import { Slices } from "./slices.ts";
import { Stamp } from "./stamp.ts";

/** Shared by all streams of one store. What an append uses of it is in the processor's caches, however many streams there are. */
export class StreamContext {
  /** Times of messages. */
  readonly stamp: Stamp;
  /** For long work. */
  readonly slices: Slices;
  /** The body of the message that is being stored. */
  readonly body: RecordBody = new RecordBody();

  constructor(clock: Clock) {
    this.stamp = new Stamp(clock);
    this.slices = new Slices(clock);
  }
}
