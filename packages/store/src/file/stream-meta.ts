// What a stream's meta and consumers files say, inside the frame of twin-file.ts.
//
//   meta        UTF-8 JSON: { name, limits, config (base64), firstSeq }, and unpublished: true while it is being restored,
//               outdated: true when it was restored from a backup of a stream whose description was older than it should be
//   consumers   for each consumer: u16 length of the name, u16 0, u32 length of the state, name, state

import { StoreError } from "../errors.ts";
import { putU16, putU32, u16, u32 } from "../record.ts";
import { NO_LIMITS, type StreamLimits } from "../store.ts";

/** What their seals are for, where the store is encrypted. */
export const META = "meta";
export const CONSUMERS = "consumers";

const CONSUMER_HEADER_BYTES = 8;

/** A stream's description. */
export interface StreamMeta {
  readonly name: string;
  readonly limits: StreamLimits;
  readonly config: Uint8Array;
  /** The sequence that its first message was to get. */
  readonly firstSeq: number;
  /** False: it was being restored, and does not count. */
  readonly published: boolean;
  /** True: see `StreamLog.outdated`. */
  readonly outdated: boolean;
}

export function encodeMeta(meta: StreamMeta): Uint8Array {
  const { name, limits, firstSeq } = meta;
  const config = Buffer.from(meta.config).toString("base64");
  const unpublished = meta.published ? {} : { unpublished: true };
  const outdated = meta.outdated ? { outdated: true } : {};
  return Buffer.from(JSON.stringify({ name, limits, config, firstSeq, ...unpublished, ...outdated }));
}

/** Reads what {@link encodeMeta} made; the checksum has been checked. */
export function decodeMeta(bytes: Uint8Array): StreamMeta {
  const json = JSON.parse(Buffer.from(bytes).toString()) as {
    name: string;
    limits: StreamLimits;
    config: string;
    firstSeq: number;
    unpublished?: boolean;
    outdated?: boolean;
  };
  if (typeof json.name !== "string")
    throw new StoreError("DAMAGED", "Cannot read a stream's description: it has no name");
  return {
    name: json.name,
    limits: { ...NO_LIMITS, ...json.limits },
    config: new Uint8Array(Buffer.from(json.config, "base64")),
    firstSeq: json.firstSeq,
    published: json.unpublished !== true,
    outdated: json.outdated === true,
  };
}

export function encodeConsumers(states: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const names = [...states.keys()].map((name) => Buffer.from(name));
  let length = 0;
  [...states.values()].forEach((state, i) => {
    length += CONSUMER_HEADER_BYTES + (names[i] as Buffer).length + state.length;
  });
  const bytes = new Uint8Array(length);
  let at = 0;
  [...states.values()].forEach((state, i) => {
    const name = names[i] as Buffer;
    putU16(bytes, at, name.length);
    putU32(bytes, at + 4, state.length);
    bytes.set(name, at + CONSUMER_HEADER_BYTES);
    bytes.set(state, at + CONSUMER_HEADER_BYTES + name.length);
    at += CONSUMER_HEADER_BYTES + name.length + state.length;
  });
  return bytes;
}

/** Reads what {@link encodeConsumers} made; the checksum has been checked. */
export function decodeConsumers(bytes: Uint8Array): Map<string, Uint8Array> {
  const states = new Map<string, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + CONSUMER_HEADER_BYTES + u16(bytes, at);
    const end = nameEnd + u32(bytes, at + 4);
    const name = Buffer.from(bytes.subarray(at + CONSUMER_HEADER_BYTES, nameEnd)).toString();
    states.set(name, new Uint8Array(bytes.subarray(nameEnd, end)));
    at = end;
  }
  return states;
}
