// The digest by which a configuration is known: in the answer of `-t`, in the log, later in monitoring and reloads. It is the
// reference's to the bit, so that two servers of a cluster can be compared: SHA-256 over the configuration as JSON in Go's
// writing (keys sorted by their bytes, `<`, `>` and `&` escaped, a line end after it), variables replaced and includes put in.

import { createHash } from "node:crypto";
import type { ConfigValue } from "./value.ts";

/** `sha256:` and 64 hexadecimal digits. Comments and layout do not count. */
export function configDigest(value: ConfigValue): string {
  return `sha256:${createHash("sha256")
    .update(`${toJson(value)}\n`)
    .digest("hex")}`;
}

function toJson(value: ConfigValue): string {
  switch (value.kind) {
    case "string":
    case "date":
      return quoted(value.value);
    case "integer":
    case "boolean":
      return String(value.value);
    case "float":
      return Object.is(value.value, -0) ? "-0" : String(value.value);
    case "array":
      return `[${value.items.map(toJson).join(",")}]`;
    case "map": {
      const entries = [...value.entries].map(([key, entry]) => ({ key, bytes: Buffer.from(key), value: entry.value }));
      entries.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
      return `{${entries.map(({ key, value: inner }) => `${quoted(key)}:${toJson(inner)}`).join(",")}}`;
    }
    case "broken":
      return "null";
  }
}

function quoted(text: string): string {
  const escape = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(Buffer.from(text).toString()).replace(/[<>&\u2028\u2029]/g, escape);
}
