// npm run tidy: the house rules that no compiler or linter knows, as code. Each finding says where, which rule, and what
// to do. The rules are functions from a tree of files to findings, one file per family in `tidy/`.

import { fail } from "./lib/fail.mjs";
import { isMain, ROOT } from "./lib/repo.mjs";
import { docs } from "./tidy/docs.mjs";
import { imports } from "./tidy/imports.mjs";
import { links } from "./tidy/links.mjs";
import { moduleState, outside } from "./tidy/outside.mjs";
import { focusedTests, foreignWords, length, names, unfinished } from "./tidy/text.mjs";
import { checkoutTree } from "./tidy/tree.mjs";
import { lock, reasons, versions } from "./tidy/versions.mjs";

const TEXT_RULES = [names, length, focusedTests, unfinished, foreignWords, links];
const MANIFEST_RULES = [versions, reasons, lock];
const CODE_RULES = [imports, outside, moduleState, docs];

/** Throws with the list of findings when there are any. Needs a built checkout: public docs are read from declarations. */
export function tidy(root = ROOT) {
  const tree = checkoutTree(root);
  const findings = [...TEXT_RULES, ...MANIFEST_RULES, ...CODE_RULES].flatMap((rule) => [...rule(tree)]);
  if (findings.length === 0) return;
  const lines = findings.map(({ path, line, rule, text }) => `${path}:${line}: ${rule}: ${text}`);
  throw new Error(`${lines.join("\n")}\n\n${findings.length} findings of scripts/tidy.mjs`);
}

if (isMain(import.meta.url)) {
  try {
    tidy();
  } catch (error) {
    fail(error);
  }
}
