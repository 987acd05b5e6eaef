// A node of the sublist: the place that the tokens of a subject lead to, with the subscriptions that stand there.

import type { Subscription } from "./subscription.ts";

/** The members of one queue group at one node. Belongs to the node: read it, do not change it, do not keep it past this turn. */
export interface QueueGroup {
  readonly name: string;
  readonly members: Subscription[];
}

/** Shared by all nodes that hold none, so that a node without subscriptions costs no array. Never changed. */
const NO_SUBSCRIPTIONS: Subscription[] = [];
const NO_GROUPS: QueueGroup[] = [];

/** One node. Built and changed by the sublist only. */
export class SublistNode {
  readonly parent: SublistNode | null;
  /** Numbers nodes for hashing; unique among live nodes in practice, not in principle. */
  readonly id: number;
  /** Hash, place and length of the token that leads here from the parent; 0 for the root, `*` and `>` nodes. */
  readonly hash: number;
  readonly keyOffset: number;
  readonly keyLength: number;
  /** What a star token leads to. */
  star: SublistNode | null = null;
  /** What a final `>` leads to. */
  rest: SublistNode | null = null;
  /** How many literal tokens lead on from here. */
  literals = 0;
  plain: Subscription[] = NO_SUBSCRIPTIONS;
  groups: QueueGroup[] = NO_GROUPS;

  constructor(parent: SublistNode | null, id: number, hash: number, keyOffset: number, keyLength: number) {
    this.parent = parent;
    this.id = id;
    this.hash = hash;
    this.keyOffset = keyOffset;
    this.keyLength = keyLength;
  }

  /** Whether anybody subscribed exactly here. */
  get hasInterest(): boolean {
    return this.plain.length > 0 || this.groups.length > 0;
  }

  /** Whether nothing stands here or beyond, so that it can go. */
  get isEmpty(): boolean {
    return !this.hasInterest && this.literals === 0 && this.star === null && this.rest === null;
  }

  add(subscription: Subscription): void {
    subscription.node = this;
    const list = subscription.queue === null ? this.#ownPlain() : this.#ownGroup(subscription.queue);
    subscription.position = list.length;
    list.push(subscription);
  }

  /** The last one takes the place of the one that goes: constant time, whatever the number. */
  remove(subscription: Subscription): void {
    const { queue } = subscription;
    if (queue === null) {
      removeAt(this.plain, subscription.position);
    } else {
      const at = this.groups.findIndex((group) => group.name === queue);
      const { members } = this.groups[at] as QueueGroup;
      removeAt(members, subscription.position);
      if (members.length === 0) this.groups.splice(at, 1);
    }
    subscription.node = null;
    subscription.position = -1;
  }

  #ownPlain(): Subscription[] {
    if (this.plain === NO_SUBSCRIPTIONS) this.plain = [];
    return this.plain;
  }

  #ownGroup(name: string): Subscription[] {
    if (this.groups === NO_GROUPS) this.groups = [];
    let group = this.groups.find((candidate) => candidate.name === name);
    if (group === undefined) {
      group = { name, members: [] };
      this.groups.push(group);
    }
    return group.members;
  }
}

function removeAt(list: Subscription[], position: number): void {
  const last = list.pop() as Subscription;
  if (position === list.length) return;
  list[position] = last;
  last.position = position;
}
