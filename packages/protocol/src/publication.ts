// A published message where the parser found it: ranges of the chunk, no strings and no copies.
//
//   HPUB orders.eu _INBOX.7 12 17\r\nNATS/1.0\r\n\r\nhello\r\n
//        |        ||       ||        |           |       |
//        subject    reply    sizes   payload     +headerSize  end (behind the last \r\n)
//                 |<--------------- tail ---------------->|
//
// Everything behind `PUB subject ` is byte for byte what stands behind `MSG subject sid `: that tail is copied as it is.

import { viewOf } from "./scan.ts";

/** One publish operation. Filled by the parser, valid until its sink returns, then used again for the next one. */
export class Publication {
  /** The chunk that all ranges point into: borrowed, it may be overwritten after the sink returns. */
  bytes: Uint8Array;
  /** The same bytes, to be read four at a time. */
  view: DataView;
  /** Nobody will overwrite {@link bytes}: what is in there may be kept instead of copied. For large messages. */
  ownsBytes = false;
  subjectStart = 0;
  subjectEnd = 0;
  /** Equal to {@link replyEnd} when there is no reply subject. */
  replyStart = 0;
  replyEnd = 0;
  /** First byte behind the blank that follows the subject. */
  tailStart = 0;
  /** First byte of the headers, or of the payload when there are none. */
  payloadStart = 0;
  /** Bytes of the header block; -1 when the operation was PUB. */
  headerSize = -1;
  /** Bytes of headers and payload together, without the line end. */
  size = 0;
  /** One past the `\r\n` that ends the message. */
  end = 0;
  /** The subject is byte for byte that of this connection's publication before, so what was looked up for it still stands. */
  sameSubject = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }
}
