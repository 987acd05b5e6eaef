// Text and bytes with what every JavaScript platform has.

import type { TextBytes } from "./runtime.ts";

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder();

/** For browsers, and for whatever has no `Buffer`. */
export const webTextBytes: TextBytes = {
  allocate: (size) => new Uint8Array(size),
  decode: (bytes, start, end) => decoder.decode(bytes.subarray(start, end)),
  byteLength(text) {
    let length = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x80) length += 1;
      else if (code < 0x800) length += 2;
      else if (code >= 0xd800 && code < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))) {
        length += 4;
        i++;
      } else length += 3;
    }
    return length;
  },
  write: (text, into, at) => encoder.encodeInto(text, into.subarray(at)).written,
};

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}
