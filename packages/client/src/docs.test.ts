// The examples of the documents run as they stand, against a server.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SERVERS } from "./fixtures/servers.ts";

const EXPECTED: Readonly<Record<string, string[]>> = {
  "client.md": ["hello joe\n"],
  "from-nats-js.md": ["orders.new 17 17\n"],
};

for (const [name, outputs] of Object.entries(EXPECTED)) {
  for (const kind of SERVERS)
    test(`the examples of docs/${name} run, ${kind.name}`, { skip: kind.skip }, async () => {
      await using server = await kind.start();
      const text = await readFile(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
      const examples = [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map((match) => match[1] as string);
      assert.equal(examples.length, outputs.length);
      for (const [index, example] of examples.entries()) {
        // Beside the compiled client, so that the package's own name leads to it.
        const file = fileURLToPath(new URL(`./example-${process.pid}-${name}-${index}.mjs`, import.meta.url));
        await writeFile(file, example.replaceAll("127.0.0.1:4222", server.url));
        try {
          const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 });
          assert.deepEqual([stdout, stderr], [outputs[index], ""]);
        } finally {
          await rm(file);
        }
      }
    });
}
