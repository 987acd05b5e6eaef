// One subscription of one party: what it wants, and under which number.

import type { SublistNode } from "./sublist-node.ts";
import type { Subscriber } from "./subscriber.ts";

/** Sids up to this length are kept as two words, with a blank on either side, as they stand in a MSG line. */
const PACKED_SID_BYTES_MAX = 6;

/** A subscription. Subject, queue and sid are the latin1 reading of the client's bytes. */
export class Subscription {
  readonly subscriber: Subscriber;
  readonly subject: string;
  /** The queue group, or null for a plain subscription. */
  readonly queue: string | null;
  readonly sid: string;
  /** The first and the second four bytes of ` sid `, lowest byte first, when {@link sidPacked}. */
  readonly sidHead: number;
  readonly sidTail: number;
  readonly sidPacked: boolean;

  /** Messages delivered so far, over the life of the subscription. */
  delivered = 0;
  /** With the delivery of this number the subscription ends; 0: no such number. */
  max = 0;
  /** Its party has to be asked for each message whether it may have it: a permission forbids a part of the subject. */
  filtered = false;
  /** It takes no more messages: unsubscribed, its number reached, or its party gone. */
  closed = false;

  /** Where it stands in its account's sublist; set and cleared by the sublist. */
  node: SublistNode | null = null;
  /** Its index among the plain subscriptions of the node, or among the members of its queue group. */
  position = -1;

  constructor(subscriber: Subscriber, subject: string, queue: string | null, sid: string) {
    this.subscriber = subscriber;
    this.subject = subject;
    this.queue = queue;
    this.sid = sid;
    this.sidPacked = sid.length <= PACKED_SID_BYTES_MAX;
    this.sidHead = pack(` ${sid} `, 0);
    this.sidTail = pack(` ${sid} `, 4);
  }
}

/** Up to four characters from `at` on, as one 32-bit number. */
function pack(text: string, at: number): number {
  let packed = 0;
  for (let i = 0; i < 4 && at + i < text.length; i++) packed |= text.charCodeAt(at + i) << (8 * i);
  return packed;
}
