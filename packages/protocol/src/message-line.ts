// A server's message line, read again for what a message is asked for, and taken apart where it is written oddly.

import { CR, SPACE, TAB, ZERO } from "./bytes.ts";

/** Where the subject and the reply of a message stand in its block. */
export interface MessageLine {
  subjectStart: number;
  subjectEnd: number;
  replyStart: number;
  /** Equal to `replyStart` when there is no reply. */
  replyEnd: number;
}

/** Finds subject and reply again in the protocol line of a message that the parser delivered. Fills and returns `into`. */
export function messageLine(bytes: Uint8Array, lineStart: number, into: MessageLine): MessageLine {
  const withHeaders = ((bytes[lineStart] as number) | 0x20) === 0x68;
  let at = skipBlanks(bytes, lineStart + (withHeaders ? 4 : 3), bytes.length);
  into.subjectStart = at;
  while ((bytes[at] as number) > SPACE) at++;
  into.subjectEnd = at;
  at = skipBlanks(bytes, at, bytes.length);
  while ((bytes[at] as number) > SPACE) at++; // the sid
  at = skipBlanks(bytes, at, bytes.length);
  const thirdStart = at;
  while ((bytes[at] as number) > SPACE) at++;
  const thirdEnd = at;
  // The third token is the reply if one number more follows than the message needs.
  let following = 0;
  for (;;) {
    at = skipBlanks(bytes, at, bytes.length);
    if ((bytes[at] as number) <= SPACE) break;
    while ((bytes[at] as number) > SPACE) at++;
    following++;
  }
  const hasReply = following === (withHeaders ? 2 : 1);
  into.replyStart = thirdStart;
  into.replyEnd = hasReply ? thirdEnd : thirdStart;
  return into;
}

/** Fills `tokens` with starts and ends; returns how many there are, at most one more than any operation has. */
export function tokenize(bytes: Uint8Array, start: number, end: number, tokens: Int32Array): number {
  const stop = end > start && bytes[end - 1] === CR ? end - 1 : end;
  let count = 0;
  let at = skipBlanks(bytes, start, stop);
  while (at < stop && count < 6) {
    tokens[count * 2] = at;
    while (at < stop && bytes[at] !== SPACE && bytes[at] !== TAB) at++;
    tokens[count * 2 + 1] = at;
    count++;
    at = skipBlanks(bytes, at, stop);
  }
  return at < stop ? count + 1 : count;
}

/** A decimal number of at most 15 digits, or -1. */
export function numberIn(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** The first byte from `start` on that is neither blank nor tab. */
export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  return at;
}
