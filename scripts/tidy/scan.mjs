// Reads TypeScript and JavaScript just well enough to tell code, strings and comments apart.
//
// Each view keeps every character's place: what does not belong to it is blanked with spaces, line ends stay. So a match
// in a view has the line number of the source.

/** After one of these a slash begins a regular expression; after a name, a number or a closing bracket it divides. */
const BEFORE_REGEX =
  /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|=>|\b(?:return|typeof|case|in|of|do|else|void|await|yield|throw|new|delete))\s*$/;

/**
 * @param {string} text - A source.
 * @returns {{ code: string, imports: string, comments: string }} `code` is without comments and without what stands in
 *   strings; `imports` is without comments only; `comments` is comments only.
 */
export function scan(text) {
  const scanner = new Scanner(text);
  scanner.run();
  return { code: scanner.code.join(""), imports: scanner.imports.join(""), comments: scanner.comments.join("") };
}

/** The line (from 1) on which an index into a view or its source stands. */
export function lineAt(text, index) {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

class Scanner {
  code = [];
  imports = [];
  comments = [];
  #text;
  #at = 0;
  /** For each template literal we are in, how many braces are open inside its `${`. */
  #templates = [];

  constructor(text) {
    this.#text = text;
  }

  run() {
    while (this.#at < this.#text.length) this.#step();
  }

  #step() {
    const char = this.#text[this.#at];
    const next = this.#text[this.#at + 1];
    if (char === "/" && next === "/") this.#take(this.#find("\n"), "comment");
    else if (char === "/" && next === "*") this.#take(this.#find("*/", 2) + 2, "comment");
    else if (char === '"' || char === "'") this.#take(this.#quoteEnd(char), "string");
    else if (char === "`") this.#template(this.#at + 1);
    else if (char === "/" && this.#regexMayBegin()) this.#take(this.#regexEnd(), "string");
    else if (char === "}" && this.#templates.at(-1) === 0) this.#template(this.#at + 1, this.#templates.pop());
    else {
      if (this.#templates.length > 0 && char === "{") this.#templates[this.#templates.length - 1]++;
      if (this.#templates.length > 0 && char === "}") this.#templates[this.#templates.length - 1]--;
      this.#take(this.#at + 1, "code");
    }
  }

  /** From after the opening backtick, or from after the brace that ends a `${`, to the next `${` or the closing backtick. */
  #template(from) {
    let end = from;
    while (end < this.#text.length && this.#text[end] !== "`" && !this.#text.startsWith("${", end))
      end += this.#text[end] === "\\" ? 2 : 1;
    if (this.#text[end] === "`") {
      this.#take(end + 1, "string");
    } else {
      this.#take(end + 2, "string");
      this.#templates.push(0);
    }
  }

  #find(what, skip = 0) {
    const index = this.#text.indexOf(what, this.#at + skip);
    return index === -1 ? this.#text.length : index;
  }

  #quoteEnd(quote) {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== "\n")
      end += this.#text[end] === "\\" ? 2 : 1;
    return end + 1;
  }

  #regexMayBegin() {
    return BEFORE_REGEX.test(this.code.slice(-200).join("").slice(-200).trimEnd());
  }

  #regexEnd() {
    let inClass = false;
    let end = this.#at + 1;
    for (; end < this.#text.length && this.#text[end] !== "\n"; end++) {
      const char = this.#text[end];
      if (char === "\\") end++;
      else if (char === "[") inClass = true;
      else if (char === "]") inClass = false;
      else if (char === "/" && !inClass) break;
    }
    return end + 1;
  }

  #take(end, kind) {
    const piece = this.#text.slice(this.#at, end);
    const blank = piece.replace(/[^\n]/g, " ");
    this.code.push(kind === "code" ? piece : kind === "string" ? quotesOf(piece, blank) : blank);
    this.imports.push(kind === "comment" ? blank : piece);
    this.comments.push(kind === "comment" ? piece : blank);
    this.#at += piece.length;
  }
}

/** Keeps the ends of a string, so that `code` still has an expression there. */
function quotesOf(piece, blank) {
  return piece.length < 2 ? piece : piece[0] + blank.slice(1, -1) + piece.at(-1);
}
