// What the rules look at: the checkout's files, read once; in the tests of the rules, files that exist in memory only.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lineAt, scan } from "./scan.mjs";

const CODE = /\.(ts|tsx|mjs|js)$/;

/** A set of files, by their paths from the checkout's folder. */
export class Tree {
  /** Every path, sorted. */
  paths;
  #read;
  #texts = new Map();
  #views = new Map();

  /**
   * @param {string[]} paths
   * @param {(path: string) => string | undefined} read - Also asked for files that are not in `paths`, such as compiled ones.
   */
  constructor(paths, read) {
    this.paths = paths.toSorted();
    this.#read = read;
  }

  /** The text of a file, or undefined when there is none. */
  text(path) {
    if (!this.#texts.has(path)) this.#texts.set(path, this.#read(path));
    return this.#texts.get(path);
  }

  json(path) {
    const text = this.text(path);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** The views of scan.mjs; they cost a walk over the text, so they are kept. */
  views(path) {
    if (!this.#views.has(path)) this.#views.set(path, scan(this.text(path)));
    return this.#views.get(path);
  }

  /** The paths that hold code, also scripts and configuration in JavaScript. */
  get code() {
    return this.paths.filter((path) => CODE.test(path));
  }

  /** The sources of packages, without tests and benchmarks. */
  get packageSources() {
    return this.paths.filter((path) => /^packages\/[^/]+\/src\/.*\.tsx?$/.test(path) && !isTest(path));
  }

  /** The `package.json` of every package, as `{ path, folder, json }`. */
  get packages() {
    return this.paths
      .filter((path) => /^(packages\/[^/]+|test|bench)\/package\.json$/.test(path))
      .map((path) => ({ path, folder: path.slice(0, -"/package.json".length), json: this.json(path) }));
  }
}

/** Whether a path is a test, a benchmark, or what only they use (`testing/`, `fixtures/` folders, whole-system tests). */
export function isTest(path) {
  return /\.(test|bench)\.(tsx?|mjs|js)$/.test(path) || /^(test|bench)\//.test(path) || /\/fixtures\//.test(path);
}

/** Every place where a pattern stands in a text, as `{ line, match }`. */
export function* placesOf(pattern, text) {
  for (const match of text.matchAll(pattern)) yield { line: lineAt(text, match.index), match };
}

/** The files of a checkout that are in git or could be: what is ignored is left out. */
export function checkoutTree(root) {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const paths = [...new Set(listed.split("\0"))].filter((path) => path !== "" && existsSync(join(root, path)));
  return new Tree(paths, (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined));
}
