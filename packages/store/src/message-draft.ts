// A message on its way into a store.

/** What an append takes away besides the new message. */
export type Rollup = "none" | "subject" | "all";

/**
 * A message to append: ranges of buffers that the caller owns and gets back when `append` returns.
 * Made once and filled again and again.
 */
export class MessageDraft {
  /** Holds the subject in `[subjectStart, subjectEnd)`: literal, checked by the caller. */
  subjectBytes: Uint8Array = new Uint8Array(0);
  subjectStart = 0;
  subjectEnd = 0;
  /** Holds the headers in `[headersStart, payloadStart)` and the payload in `[payloadStart, bodyEnd)`. */
  bodyBytes: Uint8Array = new Uint8Array(0);
  headersStart = 0;
  payloadStart = 0;
  bodyEnd = 0;
  /** 0: none; -1: never expires, not even by age; else whole seconds up to 2^32 - 2. */
  ttlSeconds = 0;
  /** `subject` takes away all earlier messages of the subject, `all` all earlier messages. */
  rollup: Rollup = "none";
  /** The time to store, whole milliseconds since 1970 up to the year 2527; 0: now. A replica and a mirror pass the origin's. */
  timeMs = 0;
  /** With `timeMs`: nanoseconds, 0 to 999,999. */
  timeSubNs = 0;
  /** The sequence that the caller expects the message to get; 0: any. */
  expectedSeq = 0;
  /** False: `discard: "new"` has been checked elsewhere (by the leader of a replicated stream). */
  checkDiscardNew = true;

  /**
   * Fills the draft from whole values, and sets everything else to its default: the comfortable way.
   *
   * @param subject - One character per byte.
   */
  set(subject: string, payload: Uint8Array | string, headers: Uint8Array | string = ""): this {
    this.subjectBytes = Buffer.from(subject, "latin1");
    this.subjectStart = 0;
    this.subjectEnd = this.subjectBytes.length;
    const head = typeof headers === "string" ? Buffer.from(headers, "latin1") : headers;
    const body = typeof payload === "string" ? Buffer.from(payload) : payload;
    this.bodyBytes = head.length === 0 ? body : Buffer.concat([head, body]);
    this.headersStart = 0;
    this.payloadStart = head.length;
    this.bodyEnd = this.bodyBytes.length;
    this.ttlSeconds = 0;
    this.rollup = "none";
    this.timeMs = 0;
    this.timeSubNs = 0;
    this.expectedSeq = 0;
    this.checkDiscardNew = true;
    return this;
  }
}
