// Subjects for answers: `_INBOX.` and 22 characters that nobody can guess, also who has seen others of the same client.

import { inboxPrefixProblem, type Nuid } from "@myelin/protocol/client";
import { InvalidArgumentError } from "./errors.ts";

/** The prefix of inboxes when none is given. */
export const DEFAULT_INBOX_PREFIX = "_INBOX";

/**
 * Makes an inbox subject.
 *
 * @param prefix - One or more tokens; wildcards and a trailing dot are refused.
 */
export function makeInbox(nuid: Nuid, prefix: string = DEFAULT_INBOX_PREFIX): string {
  checkInboxPrefix(prefix);
  nuid.reset(); // what counts on from one inbox to the next would tell who has seen one
  return `${prefix}.${nuid.next()}`;
}

/** @throws InvalidArgumentError when inboxes cannot begin with it. */
export function checkInboxPrefix(prefix: string): void {
  const problem = inboxPrefixProblem(prefix);
  if (problem !== null) throw new InvalidArgumentError(`'inboxPrefix' cannot be '${prefix}': ${problem}`);
}
