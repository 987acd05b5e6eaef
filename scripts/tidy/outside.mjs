// Time, chance, disk and network come in through the interfaces of `platform`; nothing lives between two servers.

import { isTest, placesOf } from "./tree.mjs";

const USES = [
  { pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b/g, instead: "take a Clock" },
  { pattern: /(?<![.#\w])(?:setTimeout|setInterval)\s*\(/g, instead: "take a Clock and use setTimer" },
  { pattern: /\bMath\.random\b/g, instead: "take a Random" },
  {
    pattern: /\b(?:randomBytes|randomFillSync|randomUUID|getRandomValues)\s*\(/g,
    instead: "take a Random and use fillSecret",
  },
];

const MODULES = [
  { pattern: /\bfrom\s*["']node:(?:timers|timers\/promises)["']/g, instead: "take a Clock" },
  { pattern: /\bfrom\s*["']node:(?:fs|fs\/promises)["']/g, instead: "take a Disk" },
  { pattern: /\bfrom\s*["']node:(?:net|dgram)["']/g, instead: "take a Network" },
];

/** Where the real thing is meant. Each entry says why. */
const ALLOWED = [
  { under: "packages/platform/src/node/", why: "this is where the real forms are" },
  {
    under: "packages/server/src/main/",
    why: "the process's own shell: it reads files and starts the clock for the server",
  },
  {
    under: "packages/server/src/config/node-outside.ts",
    why: "reads configuration files before there is a server; the rest of config/ takes them through an interface",
  },
  { under: "packages/cli/", why: "a program that a person runs; its engines are in other packages" },
  { under: "packages/console/", why: "runs in a browser's page, not in a server" },
  { under: "packages/store/src/testing/kill-child.ts", why: "a process of its own, made to be killed by a test" },
  { under: "packages/testing/", why: "starts processes and waits for them" },
  { under: "packages/client/src/runtime-web.ts", why: "the real forms for browsers: platform has Node's only" },
  {
    under: "packages/client/src/transport/socket-node.ts",
    why: "client sockets: TLS, abort, a read buffer of their own",
  },
  { under: "packages/client/src/transport/tls-files-node.ts", why: "reads certificates that options name" },
  { under: "packages/client/src/auth/files-node.ts", why: "reads credentials that options name" },
  { under: "packages/client/src/context/context-file-node.ts", why: "reads the tools' context files" },
  { under: "packages/platform/src/bench/", why: "measures real time, in no server" },
];

export function* outside(tree) {
  for (const path of tree.packageSources) {
    if (isTest(path) || ALLOWED.some(({ under }) => path.startsWith(under))) continue;
    const { code, imports } = tree.views(path);
    for (const [uses, view] of [
      [USES, code],
      [MODULES, imports],
    ]) {
      for (const { pattern, instead } of uses)
        for (const { line, match } of placesOf(pattern, view))
          yield {
            path,
            line,
            rule: "outside",
            text: `${match[0].trim()}: ${instead}, or add the file to ALLOWED in scripts/tidy/outside.mjs with a reason`,
          };
    }
  }
}

const STATE =
  /^(?:export )?(?:let|var) ([\w$]+)|^(?:export )?const ([\w$]+)[^=\n]*= new (?:Map|Set|WeakMap|WeakSet)(?:<[^\n]*>)?\(\)/gm;

/** Two servers in one process share nothing: no variable of a module changes. */
export function* moduleState(tree) {
  for (const path of tree.packageSources) {
    const { code } = tree.views(path);
    for (const { line, match } of placesOf(STATE, code)) {
      if (depthAt(code, match.index) > 0) continue;
      const name = match[1] ?? match[2];
      yield {
        path,
        line,
        rule: "module-state",
        text: `${name} is shared by all servers of a process: make it a field of something that belongs to one`,
      };
    }
  }
}

/** How many braces are open before an index into a code view. */
function depthAt(code, index) {
  let depth = 0;
  for (let i = 0; i < index; i++) {
    if (code[i] === "{") depth++;
    else if (code[i] === "}") depth--;
  }
  return depth;
}
