// Every configuration of the probe, against the servers that are here: what they answer is what is recorded beside it.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { findReferenceServer } from "../support/reference-server.ts";
import {
  cellsOf,
  type Difference,
  differences,
  formatCells,
  formatDifferences,
  isStricter,
  parseCells,
} from "./cells.ts";
import { probeWith } from "./probe.ts";
import { type ProbeFile, readProbeFiles } from "./probe-file.ts";
import { ProbeCertificates } from "./probe-server.ts";
import { type ProbeTarget, startMyelin, startReference } from "./probe-target.ts";

const CONCURRENCY = 4;
const files = await readProbeFiles();
const certificates = new ProbeCertificates();
after(() => certificates.remove());

async function check(file: ProbeFile, start: ProbeTarget, name: string): Promise<void> {
  const found = await differencesOf(file, start);
  assert.equal(found.length, 0, `\n${formatDifferences(found, "recorded", name)}\n`);
}

async function checkStricter(file: ProbeFile): Promise<void> {
  const found = await differencesOf(file, startMyelin);
  const laxer = found.filter((difference) => !isStricter(difference));
  assert.equal(laxer.length, 0, `\n${formatDifferences(laxer, "recorded", "myelin")}\n`);
  assert.equal(formatCells(cellsOf(found)), file.stricter);
}

async function differencesOf(file: ProbeFile, start: ProbeTarget): Promise<Difference[]> {
  return differences(parseCells(file.golden), await probeWith(file, start, certificates));
}

describe("the probe against myelin", { concurrency: CONCURRENCY }, () => {
  for (const file of files) {
    const run = file.stricterPath === null ? () => check(file, startMyelin, "myelin") : () => checkStricter(file);
    test(`${file.name}: ${file.title}`, run);
  }
});

const program = findReferenceServer();
describe("the probe against nats-server", { concurrency: CONCURRENCY }, () => {
  if (program === null) test("every file", { skip: "no nats-server: set REFERENCE_SERVER or put it on the PATH" });
  else
    for (const file of files)
      test(`${file.name}: ${file.title}`, () => check(file, startReference(program), "nats-server"));
});
