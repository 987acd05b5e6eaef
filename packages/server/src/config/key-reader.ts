// The lowest layer of reading a configuration: a place in a text, white space, comments, and keys.

import type { Source, Span } from "./source.ts";

/** A key as it stands in the file. */
export interface Key {
  readonly text: string;
  readonly span: Span;
  /** A key in quotes is never a keyword. */
  readonly quoted: boolean;
}

const SPACE = /\s/;
/** What ends a key without quotes; braces do not, so `cluster{` is one key. */
const BARE_KEY = /[^\s:=]+/y;

/** Walks over a text. */
export class KeyReader {
  readonly source: Source;
  readonly text: string;
  /** Where the next character is read. */
  pos = 0;

  constructor(source: Source) {
    this.source = source;
    this.text = source.text;
  }

  /** A piece of this source; an end past the text is moved to it. */
  span(start: number, end: number): Span {
    const last = this.text.length;
    return { source: this.source, start: Math.min(start, last), end: Math.min(end, last) };
  }

  get atEnd(): boolean {
    return this.pos >= this.text.length;
  }

  /** The next character; empty at the end. */
  get next(): string {
    return this.text[this.pos] ?? "";
  }

  /** Takes what a sticky expression finds here; null when that is nothing. */
  take(expression: RegExp): string | null {
    expression.lastIndex = this.pos;
    const match = expression.exec(this.text);
    if (match === null) return null;
    this.pos = expression.lastIndex;
    return match[0];
  }

  /** Skips spaces and tabs. */
  skipBlanks(): void {
    while (this.next === " " || this.next === "\t") this.pos++;
  }

  /** Skips white space, line ends included. */
  skipSpace(): void {
    while (!this.atEnd && SPACE.test(this.next)) this.pos++;
  }

  /** Skips white space and comments. */
  skipSpaceAndComments(): void {
    do this.skipSpace();
    while (this.skipComment());
  }

  /** Skips a comment, up to the end of its line. @returns Whether there was one. */
  skipComment(): boolean {
    if (this.next !== "#" && !this.text.startsWith("//", this.pos)) return false;
    this.skipLine();
    return true;
  }

  /** Skips what is left of a line, without its end. */
  skipLine(): void {
    while (!this.atEnd && this.next !== "\n" && this.next !== "\r") this.pos++;
  }

  /** Reads a key; null when none begins here, or when its quote is never closed. */
  key(): Key | null {
    const start = this.pos;
    const quote = this.next;
    if (quote === '"' || quote === "'") {
      const end = this.text.indexOf(quote, start + 1);
      if (end === -1) return null;
      this.pos = end + 1;
      return { text: this.text.slice(start + 1, end), span: this.span(start, this.pos), quoted: true };
    }
    const text = this.take(BARE_KEY);
    return text === null ? null : { text, span: this.span(start, this.pos), quoted: false };
  }
}
