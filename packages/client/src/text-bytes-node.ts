// Text and bytes through Node's Buffer, which also Deno and Bun have.

import { Buffer } from "node:buffer";
import type { TextBytes } from "./runtime.ts";

const POOLED_BYTES_MAX = 2048;

/** Blocks are Buffers, so that decoding a range needs no view of it. */
export const nodeTextBytes: TextBytes = {
  // An ArrayBuffer of its own costs more than a small block is worth: those come out of Node's pool.
  allocate: (size) => (size < POOLED_BYTES_MAX ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size)),
  decode: (bytes, start, end) => asBuffer(bytes).toString("utf8", start, end),
  byteLength: (text) => Buffer.byteLength(text, "utf8"),
  write: (text, into, at) => asBuffer(into).write(text, at, "utf8"),
};

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
