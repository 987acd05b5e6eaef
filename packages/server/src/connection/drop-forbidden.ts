// After a reload: what a client has subscribed to is held against its new permissions (client.go processSubsOnConfigReload).

import { latin1Bytes, quote, viewOf } from "@myelin/protocol";
import type { Logger } from "../logger.ts";
import type { ClientConnection } from "./client-connection.ts";

/** Ends the subscriptions that a client's rights do not cover any more, and tells it of each; the others stay as they are. */
export function dropForbidden(connection: ClientConnection, logger: Logger): void {
  const permissions = connection.rights?.permissions ?? null;
  for (const subscription of [...connection.subscriptions.values()]) {
    const { queue, sid, subject } = subscription;
    const bytes = latin1Bytes(subject);
    if (permissions === null || permissions.maySubscribe(viewOf(bytes), 0, bytes.length, queue)) {
      subscription.filtered = permissions?.needsFilter(subject) ?? false;
      continue;
    }
    connection.dropSubscription(subscription);
    connection.account.sublist.remove(subscription);
    const what = `${quoted(subject)}${queue === null ? "" : ` using queue ${quoted(queue)}`} (sid ${quoted(sid)})`;
    connection.sendErrorText(`Permissions Violation for Subscription to ${what}`);
    logger.info(`Removed sub ${what} for User ${quoted(connection.userName)} - not authorized`);
  }
}

/** @param text - The latin1 reading of bytes. */
function quoted(text: string): string {
  const bytes = latin1Bytes(text);
  return quote(bytes, 0, bytes.length);
}
