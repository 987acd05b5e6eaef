// What one client may do, as its connection asks on the message path: the user's permissions, the replies that it owes, and a
// memory of the last subject that was kept back or let through, since most messages have the subject of the one before.

import type { Clock } from "@myelin/platform";
import { latin1, type Publication } from "@myelin/protocol";
import type { Permissions } from "../auth/permissions.ts";
import { ResponseGrants } from "../auth/response-grants.ts";
import type { Subscription } from "../routing/subscription.ts";

/** Subjects up to this length are remembered. */
const REMEMBERED_BYTES_MAX = 128;

/** The rights of one connection. */
export class ClientRights {
  readonly permissions: Permissions;
  readonly #grants: ResponseGrants | null;
  // The last subject that mayReceive was asked for, in which queue, and the answer.
  readonly #lastSubject: DataView = new DataView(new ArrayBuffer(REMEMBERED_BYTES_MAX));
  #lastLength = -1;
  #lastQueue: string | null = null;
  #lastAnswer = false;

  constructor(permissions: Permissions, clock: Clock) {
    this.permissions = permissions;
    const { responses } = permissions;
    this.#grants = responses === null ? null : new ResponseGrants(responses, clock);
  }

  /** Whether a message that the permissions do not allow is a response that is still owed; counts it. */
  mayRespond({ bytes, subjectStart, subjectEnd }: Publication): boolean {
    return this.#grants !== null && this.#grants.take(latin1(bytes, subjectStart, subjectEnd));
  }

  /** Whether a message may go to a subscription that was marked as filtered. */
  mayReceive({ subjectEnd, subjectStart, view }: Publication, { queue }: Subscription): boolean {
    const length = subjectEnd - subjectStart;
    if (length === this.#lastLength && queue === this.#lastQueue && this.#isLast(view, subjectStart, length)) {
      return this.#lastAnswer;
    }
    const answer = !this.permissions.mayNotReceive(view, subjectStart, subjectEnd, queue);
    this.#lastLength = -1;
    if (length > REMEMBERED_BYTES_MAX) return answer;
    for (let i = 0; i < length; i++) this.#lastSubject.setUint8(i, view.getUint8(subjectStart + i));
    this.#lastLength = length;
    this.#lastQueue = queue;
    this.#lastAnswer = answer;
    return answer;
  }

  /** A message was delivered: where it asks for a reply that may not be published anyway, the reply is owed from now on. */
  delivered({ bytes, replyEnd, replyStart, view }: Publication): void {
    if (this.#grants === null || replyEnd === replyStart) return;
    if (this.permissions.mayPublish(view, replyStart, replyEnd)) return;
    this.#grants.requested(latin1(bytes, replyStart, replyEnd));
  }

  #isLast(view: DataView, start: number, length: number): boolean {
    const last = this.#lastSubject;
    let i = 0;
    for (; i + 4 <= length; i += 4) if (last.getInt32(i) !== view.getInt32(start + i)) return false;
    for (; i < length; i++) if (last.getUint8(i) !== view.getUint8(start + i)) return false;
    return true;
  }
}
