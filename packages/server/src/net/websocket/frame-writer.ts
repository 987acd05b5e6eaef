// Writes WebSocket frames. A server's are not masked, so a header and a copy are all there is to one:
//
//   stage:  | header | payload | header | payload | ...     one write to the socket, however many frames
//
// The copy is what makes it one write without touching the owner's bytes; it costs 0.03 ns a byte.

import type { Farewell } from "@myelin/platform";
import { CONTROL_BYTES_MAX, OPCODE_CLOSE, OPCODE_CONTINUATION } from "./frame-reader.ts";

/** Payload that one stage takes at most. */
export const STAGE_PAYLOAD_BYTES: number = 64 * 1024;
/** Room for the headers of a full stage of the smallest frames, and for what compression may add to bytes it cannot compress. */
const STAGE_SPARE_BYTES = 512;
/** Stages that are kept for the next write. */
const STAGES_KEPT_MAX = 16;

const FINAL = 0x80;
const COMPRESSED = 0x40;
const STATUS_BYTES = 2;
const ELLIPSIS = "...";

/** Buffers in which frames are put together. Mostly one serves all connections of a server: a socket takes a write at once. */
export class StagePool {
  readonly #free: Uint8Array[] = [];

  /** A buffer for {@link STAGE_PAYLOAD_BYTES} of payload in frames. */
  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(STAGE_PAYLOAD_BYTES + STAGE_SPARE_BYTES);
  }

  /** Nobody reads from it any more. */
  give(stage: Uint8Array): void {
    if (this.#free.length < STAGES_KEPT_MAX) this.#free.push(stage);
  }
}

/** How the frames of a connection are made. */
export interface FrameForm {
  /** Longest payload of a frame. */
  readonly frameBytesMax: number;
  /** Whether a compressed message may be more than one frame. */
  readonly fragmentsCompressed: boolean;
}

/**
 * Puts `bytes[start, end)` into a stage as messages of one frame each. At most {@link STAGE_PAYLOAD_BYTES}.
 *
 * @returns The bytes of the stage that are used.
 */
export function stageMessages(
  stage: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  opcode: number,
  frameBytesMax: number,
): number {
  let at = 0;
  for (let from = start; from < end; from += frameBytesMax) {
    const to = Math.min(from + frameBytesMax, end);
    at = putHeader(stage, at, FINAL | opcode, to - from);
    stage.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), at);
    at += to - from;
  }
  return at;
}

/**
 * Puts one compressed message into a stage.
 *
 * @returns The bytes of the stage that are used.
 */
export function stageCompressed(stage: Uint8Array, bytes: Uint8Array, opcode: number, form: FrameForm): number {
  const most = form.fragmentsCompressed ? form.frameBytesMax : bytes.length;
  let at = 0;
  for (let from = 0; from < bytes.length; from += most) {
    const to = Math.min(from + most, bytes.length);
    const first = from === 0 ? COMPRESSED | opcode : OPCODE_CONTINUATION;
    at = putHeader(stage, at, to === bytes.length ? FINAL | first : first, to - from);
    stage.set(bytes.subarray(from, to), at);
    at += to - from;
  }
  return at;
}

/** A control frame. The payload is copied. */
export function controlFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + payload.length);
  frame.set(payload, putHeader(frame, 0, FINAL | opcode, payload.length));
  return frame;
}

/** A close frame; without a farewell an empty one. A text that is too long is cut, and says so. */
export function closeFrame(farewell: Farewell | null): Uint8Array {
  if (farewell === null) return controlFrame(OPCODE_CLOSE, new Uint8Array(0));
  const { status, text } = farewell;
  const most = CONTROL_BYTES_MAX - STATUS_BYTES;
  const shown = Buffer.byteLength(text) <= most ? text : `${cutUtf8(text, most - ELLIPSIS.length)}${ELLIPSIS}`;
  const payload = Buffer.alloc(STATUS_BYTES + Buffer.byteLength(shown));
  payload.writeUInt16BE(status);
  payload.write(shown, STATUS_BYTES);
  return controlFrame(OPCODE_CLOSE, payload);
}

/** As much of a text as fits, whole characters only: a close frame must be valid UTF-8. */
function cutUtf8(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  let end = bytesMax;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

function putHeader(into: Uint8Array, start: number, first: number, length: number): number {
  let at = start;
  into[at++] = first;
  if (length < 126) {
    into[at++] = length;
  } else if (length < 0x1_0000) {
    into[at++] = 126;
    into[at++] = length >> 8;
    into[at++] = length;
  } else {
    into[at++] = 127;
    for (let shift = 56; shift >= 0; shift -= 8) into[at++] = shift > 31 ? 0 : length >>> shift;
  }
  return at;
}
