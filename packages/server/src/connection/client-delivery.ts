// Writes a message into a client's outbound buffer: the last step of a message's way. Called by ClientConnection.deliver.
//
//   PUB orders.eu 5\r\nhello\r\n    becomes    MSG orders.eu 9 5\r\nhello\r\n
//       |subject ||     tail    |                  |subject || ||     tail    |
//
// The usual case is a few bytes and two copies inside the arena. Three others are rebuilt: headers for a receiver without them,
// an empty header block, and messages too large for the arena, whose payload all receivers share.

import type { Arena } from "@myelin/platform";
import { latin1, latin1Bytes, type Publication, SPACE } from "@myelin/protocol";
import type { Subscription } from "../routing/subscription.ts";
import type { Outbound } from "./outbound.ts";

const LETTER_H = 0x48;
const LETTER_M = 0x4d;
const LETTER_S = 0x53;
const LETTER_G = 0x47;
/** `HMSG `, and the blank behind the sid and the subject. */
const FIXED_BYTES = 7;

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
  const { bytes } = arena;
  if (message.bytes !== bytes || headerSize === 0 || (headerSize > 0 && !receiverHasHeaders)) {
    return writeRebuilt(out, message, subscription, receiverHasHeaders);
  }
  const subjectLength = message.subjectEnd - subjectStart;
  const tailLength = message.end - tailStart;
  const { sidLength } = subscription;
  const size = FIXED_BYTES + subjectLength + sidLength + tailLength;
  let p = out.at;
  if (p + size > out.cap) {
    if (!out.reserve(size)) return writeRebuilt(out, message, subscription, receiverHasHeaders);
    p = out.at;
  }
  if (headerSize > 0) bytes[p++] = LETTER_H;
  bytes[p] = LETTER_M;
  bytes[p + 1] = LETTER_S;
  bytes[p + 2] = LETTER_G;
  bytes[p + 3] = SPACE;
  p += 4;
  arena.copy(p, subjectStart, subjectLength);
  p += subjectLength;
  bytes[p++] = SPACE;
  if (subscription.sidPacked) {
    let packed = subscription.sidHead;
    for (let i = 0; i < sidLength; i++) {
      if (i === 4) packed = subscription.sidTail;
      bytes[p++] = packed;
      packed >>= 8;
    }
  } else {
    p = writeLatin1(bytes, p, subscription.sid);
  }
  bytes[p++] = SPACE;
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

function writeLatin1(bytes: Uint8Array, at: number, text: string): number {
  let p = at;
  for (let i = 0; i < text.length; i++) bytes[p++] = text.charCodeAt(i);
  return p;
}
