// An account: a closed world of subjects. Every connection belongs to one; nothing crosses unless it is exported and imported.
// `$G` is where connections go that nobody put elsewhere, `$SYS` is the server's own.

import { Sublist } from "./sublist.ts";
import type { Subscription } from "./subscription.ts";

/** Name of the account for connections that belong to no other. */
export const GLOBAL_ACCOUNT = "$G";
/** Name of the account in which servers talk about themselves. */
export const SYSTEM_ACCOUNT = "$SYS";

/** Message counters, in both directions; bytes are headers and payload without line ends. */
export interface Traffic {
  inMsgs: number;
  inBytes: number;
  outMsgs: number;
  outBytes: number;
}

/** Counters at zero. */
export function noTraffic(): Traffic {
  return { inMsgs: 0, inBytes: 0, outMsgs: 0, outBytes: 0 };
}

/** Sets counters back to zero. */
export function clearTraffic(traffic: Traffic): void {
  traffic.inMsgs = 0;
  traffic.inBytes = 0;
  traffic.outMsgs = 0;
  traffic.outBytes = 0;
}

/** One account: its name, who wants what in it, and its counters. */
export class Account {
  readonly name: string;
  readonly isSystem: boolean;
  readonly sublist: Sublist;
  readonly traffic: Traffic = noTraffic();
  /** Clients that are in it now. */
  connections = 0;
  slowConsumers = 0;
  /** What has to wait until the message under way has been delivered; see {@link afterDelivery}. */
  #afterwards: (() => void)[] = [];

  /**
   * @param seed - For the sublist's hashing: any number that peers cannot know.
   * @param isSystem - Whether it is the one account in which servers talk about themselves.
   */
  constructor(name: string, seed: number, isSystem: boolean = name === SYSTEM_ACCOUNT) {
    this.name = name;
    this.isSystem = isSystem;
    this.sublist = new Sublist(seed);
  }

  /** Removes a subscription after the delivery that is under way: until then routing walks over the lists. */
  retire(subscription: Subscription): void {
    this.afterDelivery(() => this.sublist.remove(subscription));
  }

  /**
   * Has `act` called after the delivery that is under way, and before the next message is taken: for a subscriber inside the server that
   * changes what routing walks over, or answers at once, which is routing as well. It must not throw.
   */
  afterDelivery(act: () => void): void {
    this.#afterwards.push(act);
  }

  /** Does what waited for the end of a delivery. Called by routing after each message that was delivered; costs a look when nothing waits. */
  sweep(): void {
    const afterwards = this.#afterwards;
    if (afterwards.length === 0) return;
    this.#afterwards = []; // what is done now may deliver, and sweep
    for (const act of afterwards) act();
  }
}
