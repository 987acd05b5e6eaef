// Headers and payload of a message as they go into its record: as they are, or compressed where that pays.

import { compressedBytesMax, SnappyEncoder } from "@myelin/protocol/s2";
import { CopySource } from "../copy-bytes.ts";
import type { MessageDraft } from "../message-draft.ts";

/** Shorter bodies are stored as they are. */
const BODY_BYTES_MIN = 64;
/** Compressed, a body must take no more than this share. */
const SHARE_MAX = 7 / 8;
/** A larger scratch buffer is let go after use. */
const KEPT_BYTES_MAX = 1024 * 1024;

/** The body of the message that is being stored: `[start, end)` of `source`, borrowed until the next one. */
export class RecordBody {
  readonly source: CopySource = new CopySource();
  start = 0;
  end = 0;
  compressed = false;
  #encoder: SnappyEncoder | null = null;
  #scratch: Uint8Array = new Uint8Array(0);

  /** As it is. */
  setPlain(draft: MessageDraft): void {
    this.source.use(draft.bodyBytes);
    this.start = draft.headersStart;
    this.end = draft.bodyEnd;
    this.compressed = false;
  }

  /** Compressed, unless that does not pay. */
  setCompressed(draft: MessageDraft): void {
    this.setPlain(draft);
    const plain = this.end - this.start;
    if (plain < BODY_BYTES_MIN) return;
    this.#encoder ??= new SnappyEncoder();
    const most = compressedBytesMax(plain);
    const into = this.#scratch.length >= most ? this.#scratch : new Uint8Array(most);
    if (into.length <= KEPT_BYTES_MAX) this.#scratch = into;
    const length = this.#encoder.encode(this.source.bytes, this.start, this.end, into);
    if (length > plain * SHARE_MAX) return;
    this.source.use(into);
    this.start = 0;
    this.end = length;
    this.compressed = true;
  }
}
