// Subjects as bytes: tokens split by dots. Any byte may stand in a token but blank, tab, CR, LF and FF; tokens are never empty.

import { CR, DOT, GREATER, LF, SPACE, STAR, TAB } from "./bytes.ts";

const FORM_FEED = 0x0c;

/**
 * Whether a subscription to this subject can exist: no empty token, and `>` only as the last one.
 * A star or `>` inside a longer token is an ordinary character. The bytes hold no blank (the parser split there).
 * Source: sublist.go Insert.
 */
export function isSubscribable(view: DataView, start: number, end: number): boolean {
  let tokenStart = start;
  let ended = false;
  for (let i = start; i <= end; i++) {
    if (i < end && view.getUint8(i) !== DOT) continue;
    if (i === tokenStart || ended) return false;
    ended = i - tokenStart === 1 && view.getUint8(tokenStart) === GREATER;
    tokenStart = i + 1;
  }
  return true;
}

/**
 * Whether a subject names exactly one subject: valid, and without a wildcard token. What pedantic clients' publishes are held to.
 * Source: sublist.go IsValidLiteralSubject.
 */
export function isLiteral(bytes: Uint8Array, start: number, end: number): boolean {
  let tokenStart = start;
  for (let i = start; i <= end; i++) {
    const byte = i < end ? (bytes[i] as number) : DOT;
    if (byte === SPACE || byte === TAB || byte === CR || byte === LF || byte === FORM_FEED) return false;
    if (byte !== DOT) continue;
    if (i === tokenStart) return false;
    const first = bytes[tokenStart];
    if (i - tokenStart === 1 && (first === STAR || first === GREATER)) return false;
    tokenStart = i + 1;
  }
  return true;
}

/** How many tokens a subject has; empty ones count, as in the reference's token limit (client.go processSubEx). */
export function countTokens(bytes: Uint8Array, start: number, end: number): number {
  let count = 1;
  for (let i = start; i < end; i++) if (bytes[i] === DOT) count++;
  return count;
}
