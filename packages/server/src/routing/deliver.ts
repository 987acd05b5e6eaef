// Hands a message to everybody whom the sublist found: each plain subscription gets it, and one member of each queue group.
// Called by connection/dispatch.ts; calls Subscriber.deliver, which writes into the receiver's outbound buffer.

import type { Random } from "@myelin/platform";
import type { Publication } from "@myelin/protocol";
import type { QueueGroup, SublistNode } from "./sublist-node.ts";
import type { Subscriber } from "./subscriber.ts";
import type { Subscription } from "./subscription.ts";

/**
 * Delivers to the subscriptions of `nodes[0, count)`.
 *
 * @param from - Who published; null for the server itself.
 * @param random - Chooses among the members of a queue group.
 * @returns Whether anybody took it.
 */
export function deliver(
  message: Publication,
  nodes: readonly SublistNode[],
  count: number,
  from: Subscriber | null,
  random: Random,
): boolean {
  let taken = false;
  let groupNodes = 0;
  for (let n = 0; n < count; n++) {
    const node = nodes[n] as SublistNode;
    const plain = node.plain;
    for (let i = 0; i < plain.length; i++) {
      const subscription = plain[i] as Subscription;
      if (subscription.subscriber.deliver(message, subscription, from)) taken = true;
    }
    if (node.groups.length > 0) groupNodes++;
  }
  if (groupNodes === 0) return taken;
  if (groupNodes === 1) return deliverToGroupsOfOne(message, nodes, count, from, random) || taken;
  return deliverToMergedGroups(message, nodes, count, from, random) || taken;
}

/** The usual case: only one of the nodes has queue groups. */
function deliverToGroupsOfOne(
  message: Publication,
  nodes: readonly SublistNode[],
  count: number,
  from: Subscriber | null,
  random: Random,
): boolean {
  let taken = false;
  for (let n = 0; n < count; n++) {
    const { groups } = nodes[n] as SublistNode;
    for (let g = 0; g < groups.length; g++) {
      if (deliverToOne(message, (groups[g] as QueueGroup).members, from, random)) taken = true;
    }
  }
  return taken;
}

/** The same queue name under several subjects that match is one group for this message (sublist.go addNodeToResults). */
function deliverToMergedGroups(
  message: Publication,
  nodes: readonly SublistNode[],
  count: number,
  from: Subscriber | null,
  random: Random,
): boolean {
  const merged = new Map<string, readonly Subscription[]>();
  for (let n = 0; n < count; n++) {
    for (const { name, members } of (nodes[n] as SublistNode).groups) {
      const others = merged.get(name);
      merged.set(name, others === undefined ? members : others.concat(members));
    }
  }
  let taken = false;
  for (const members of merged.values()) {
    if (deliverToOne(message, members, from, random)) taken = true;
  }
  return taken;
}

/** Starts at a random member and goes on to the next while one does not take it. */
function deliverToOne(
  message: Publication,
  members: readonly Subscription[],
  from: Subscriber | null,
  random: Random,
): boolean {
  const size = members.length;
  let at = size === 1 ? 0 : random.uint32() % size;
  for (let tried = 0; tried < size; tried++) {
    const subscription = members[at] as Subscription;
    if (subscription.subscriber.deliver(message, subscription, from)) return true;
    at = at + 1 === size ? 0 : at + 1;
  }
  return false;
}
