// Relative links in documents lead somewhere, to a heading too.

import { posix } from "node:path";
import { placesOf } from "./tree.mjs";

const LINK = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)/gm;

export function* links(tree) {
  const folders = new Set(tree.paths.flatMap(foldersOf));
  for (const path of tree.paths.filter((name) => name.endsWith(".md"))) {
    for (const { line, match } of placesOf(LINK, withoutCode(tree.text(path)))) {
      const link = match[1] ?? match[2];
      if (/^[a-z][a-z0-9+.-]*:/i.test(link) || link.startsWith("//")) continue;
      const [file, anchor] = link.split("#");
      const target =
        file === ""
          ? path
          : posix.normalize(posix.join(file.startsWith("/") ? "." : posix.dirname(path), decodeURI(file)));
      const bare = target.replace(/\/$/, "");
      if (!tree.paths.includes(bare) && !folders.has(bare))
        yield { path, line, rule: "links", text: `${link}: there is no ${target}` };
      else if (anchor && target.endsWith(".md") && !headings(tree.text(target)).has(anchor))
        yield { path, line, rule: "links", text: `${link}: no heading of ${target} has that name` };
    }
  }
}

function foldersOf(path) {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/")).concat(".");
}

/** Blanks fenced blocks and code spans, keeping line ends. */
function withoutCode(text) {
  return text.replace(/^(```+|~~~+)[\s\S]*?^\1|`[^`\n]*`/gm, (code) => code.replace(/[^\n]/g, " "));
}

/** The names by which a page's headings can be linked, as GitHub makes them. */
function headings(text) {
  const names = new Map();
  const found = new Set();
  for (const [, title] of text.replace(/^(```+|~~~+)[\s\S]*?^\1/gm, "").matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*]/g, "");
    const name = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    const count = names.get(name) ?? 0;
    names.set(name, count + 1);
    found.add(count === 0 ? name : `${name}-${count}`);
  }
  for (const [, id] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) found.add(id);
  return found;
}
