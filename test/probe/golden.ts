// Records what the reference answers to the probe, beside each configuration. Run by `npm run golden`; the difference is
// reviewed like code.
//
//   node test/dist/probe/golden.js [file-name-part...]

import { writeFile } from "node:fs/promises";
import { findReferenceServer } from "../support/reference-server.ts";
import { type Cells, cellsOf, differences, formatCells } from "./cells.ts";
import { probeWith } from "./probe.ts";
import { type ProbeFile, readProbeFiles } from "./probe-file.ts";
import { ProbeCertificates } from "./probe-server.ts";
import { type ProbeTarget, startMyelin, startReference } from "./probe-target.ts";

const program = findReferenceServer();
if (program === null) {
  console.error("The probe is recorded from nats-server: put it on the PATH, or name its file in REFERENCE_SERVER");
  process.exit(1);
}
const start = startReference(program);
const certificates = new ProbeCertificates();
const wanted = process.argv.slice(2);
for (const file of await readProbeFiles()) {
  if (wanted.length > 0 && !wanted.some((part) => file.name.includes(part))) continue;
  try {
    const recorded = await answers(file, start);
    await writeFile(file.goldenPath, formatCells(recorded));
    if (file.stricterPath === null) continue;
    const ours = differences(recorded, await answers(file, startMyelin));
    await writeFile(file.stricterPath, formatCells(cellsOf(ours)));
  } catch (error) {
    process.exitCode = 1;
    console.error(file.name, error);
  }
}
certificates.remove();

function answers(file: ProbeFile, target: ProbeTarget): Promise<Cells> {
  return probeWith(file, target, certificates);
}
