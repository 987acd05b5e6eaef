// Who a message can go to. Routing does not know what stands behind: a client's connection, a system responder,
// later a stream, a service import or another server.

import type { Publication } from "@myelin/protocol";
import type { Subscription } from "./subscription.ts";

/** The kinds of parties that publish and subscribe; routing rules differ between them. */
export type PartyKind = "client" | "system" | "account";

/** A party that holds subscriptions. */
export interface Subscriber {
  readonly kind: PartyKind;

  /**
   * Takes a message for one of its subscriptions.
   *
   * It must not add or remove subscriptions before it returns (routing is walking over them): what has to be removed is
   * left to {@link Account.retire}. The message is borrowed: what is kept has to be copied.
   *
   * @param from - Who published; null for the server itself.
   * @returns Whether it was taken. False lets another member of a queue group have it.
   */
  deliver(message: Publication, subscription: Subscription, from: Subscriber | null): boolean;
}
