// Writes a message into a client's outbound buffer: the last step of a message's way. Called by ClientConnection.deliver.
//
//   PUB orders.eu 5\r\nhello\r\n    becomes    MSG orders.eu 9 5\r\nhello\r\n
//       |subject ||     tail    |                  |subject || ||     tail    |
//
// The usual case is a few bytes and two copies inside the arena. Three others are rebuilt: headers for a receiver without them,
// an empty header block, and messages too large for the arena, whose payload all receivers share.

import type { Arena } from "@myelin/platform";
import { latin1, latin1Bytes, type Publication } from "@myelin/protocol";
import type { Subscription } from "../routing/subscription.ts";
import type { Outbound } from "./outbound.ts";

const LETTER_H = 0x48;
/** `MSG ` as a word. */
const MSG_WORD = 0x2047534d;
const SHORT_SUBJECT_BYTES_MAX = 24;
/** `HMSG `, the blanks round the sid, and the bytes that a packed sid may write beyond its end. */
const FIXED_BYTES = 5 + 2 + 8;

/**
 * Writes `message` for `subscription`.
 *
 * @param receiverHasHeaders - Whether the receiver takes HMSG.
 * @returns False when the receiver is closing and nothing was written.
 */
export function writeMessage(
  out: Outbound,
  arena: Arena,
  message: Publication,
  subscription: Subscription,
  receiverHasHeaders: boolean,
): boolean {
  const { headerSize, subjectStart, tailStart } = message;
  if (message.bytes !== arena.bytes || headerSize === 0 || (headerSize > 0 && !receiverHasHeaders)) {
    return writeRebuilt(out, message, subscription, receiverHasHeaders);
  }
  const subjectLength = message.subjectEnd - subjectStart;
  const tailLength = message.end - tailStart;
  const sidLength = subscription.sid.length;
  const size = FIXED_BYTES + subjectLength + sidLength + tailLength;
  let p = out.at;
  if (p + size > out.cap) {
    if (!out.reserve(size)) return writeRebuilt(out, message, subscription, receiverHasHeaders);
    p = out.at;
  }
  const { view } = arena;
  if (headerSize > 0) view.setUint8(p++, LETTER_H);
  view.setInt32(p, MSG_WORD, true);
  p += 4;
  if (subjectLength <= SHORT_SUBJECT_BYTES_MAX) {
    // Word by word is quicker than the call of a copy; what is written beyond the subject's end is overwritten next.
    for (let i = 0; i < subjectLength; i += 4) view.setInt32(p + i, view.getInt32(subjectStart + i, true), true);
  } else {
    arena.copy(p, subjectStart, subjectLength);
  }
  p += subjectLength;
  if (subscription.sidPacked) {
    // What is written beyond the sid's end is overwritten by the tail.
    view.setInt32(p, subscription.sidHead, true);
    view.setInt32(p + 4, subscription.sidTail, true);
    p += sidLength + 2;
  } else {
    p = writeLatin1(view, p, ` ${subscription.sid} `);
  }
  arena.copy(p, tailStart, tailLength);
  out.at = p + tailLength;
  out.turnMsgs++;
  out.turnBytes += message.size;
  if (!out.queuedForFlush) out.queueFlush();
  return true;
}

/** The line built anew, then what is left of the message. */
function writeRebuilt(
  out: Outbound,
  message: Publication,
  subscription: Subscription,
  receiverHasHeaders: boolean,
): boolean {
  const { bytes } = message;
  const subject = latin1(bytes, message.subjectStart, message.subjectEnd);
  const reply = message.replyEnd > message.replyStart ? `${latin1(bytes, message.replyStart, message.replyEnd)} ` : "";
  const withHeaders = message.headerSize > 0 && receiverHasHeaders;
  const skipped = withHeaders || message.headerSize < 0 ? 0 : message.headerSize;
  const size = message.size - skipped;
  const sizes = withHeaders ? `${message.headerSize} ${size}` : `${size}`;
  const name = withHeaders ? "HMSG" : "MSG";
  const line = latin1Bytes(`${name} ${subject} ${subscription.sid} ${reply}${sizes}\r\n`);
  if (!out.append(line)) return false;
  const bodyStart = message.payloadStart + skipped;
  if (message.ownsBytes) out.appendOwned(bytes.subarray(bodyStart, message.end));
  else if (!out.append(bytes, bodyStart, message.end)) return false;
  out.turnMsgs++;
  out.turnBytes += size;
  return true;
}

function writeLatin1(view: DataView, at: number, text: string): number {
  let p = at;
  for (let i = 0; i < text.length; i++) view.setUint8(p++, text.charCodeAt(i));
  return p;
}
