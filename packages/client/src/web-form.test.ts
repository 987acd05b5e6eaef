// What a page loads for the client: read from the compiled files themselves.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

/** Compressed one by one, comments included. */
const GZIP_BYTES_MAX = 85_000;

test("the web form loads neither modules of Node nor what only servers need", async (t) => {
  const files = new Map<string, Buffer>();
  const bare = new Set<string>();
  const queue = [import.meta.resolve("./web.js")];
  for (let url = queue.pop(); url !== undefined; url = queue.pop()) {
    if (files.has(url)) continue;
    const bytes = await readFile(new URL(url));
    files.set(url, bytes);
    for (const match of bytes.toString().matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      const specifier = match[1] as string;
      if (!specifier.startsWith(".")) bare.add(specifier);
      queue.push(specifier.startsWith(".") ? new URL(specifier, url).href : import.meta.resolve(specifier));
      if (specifier.startsWith("node:")) assert.fail(`${url} imports ${specifier}`);
    }
  }
  assert.deepEqual([...bare], ["@myelin/protocol/client"]);
  const names = [...files.keys()].map((url) => url.replace(/^.*\/packages\//, ""));
  assert.deepEqual(
    names.filter((name) => /-node\.js$|client-parser|operations|publication|connect-options|platform/.test(name)),
    [],
  );
  for (const folder of ["client", "protocol"]) {
    const own = [...files].filter(([url]) => url.includes(`/packages/${folder}/`)).map(([, bytes]) => bytes);
    const sum = (sizes: number[]): string => (sizes.reduce((all, size) => all + size, 0) / 1024).toFixed(0);
    const sizes = `${sum(own.map(({ length }) => length))} KiB, ${sum(own.map((bytes) => gzipSync(bytes).length))} KiB gzip`;
    t.diagnostic(`${folder}: ${own.length} modules, ${sizes}`);
  }
  const gzip = [...files.values()].reduce((all, bytes) => all + gzipSync(bytes).length, 0);
  assert.ok(gzip <= GZIP_BYTES_MAX, `${gzip} bytes are more than ${GZIP_BYTES_MAX}`);
});
