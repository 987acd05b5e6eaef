// Plays random reloads against two servers and keeps what differs.

import { SimRandom } from "@myelin/platform/sim";
import { MyelinServer } from "../support/myelin-server.ts";
import type { Target } from "../support/target.ts";
import { PairMaker, type ReloadPair } from "./pairs.ts";
import { playPair } from "./play.ts";

const PARALLEL = 4;

/** @returns Each pair that ended differently, with what both servers did. */
export async function comparePairs(seed: number, count: number, reference: Target): Promise<string[]> {
  const maker = new PairMaker(new SimRandom(seed));
  const pairs = Array.from({ length: count }, () => maker.pair());
  const differences: string[] = [];
  const compareSome = async (): Promise<void> => {
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const [ours, theirs] = await Promise.all([playPair(pair, new MyelinServer()), playPair(pair, reference)]);
      if (ours.join("\n") !== theirs.join("\n")) differences.push(told(pair, ours, theirs));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, compareSome));
  return differences;
}

function told({ before, clients, reloads }: ReloadPair, ours: readonly string[], theirs: readonly string[]): string {
  const steps = [
    before,
    ...clients.flatMap(({ lines, name }) => lines.map((line) => `${name}: ${line}`)),
    ...reloads.flatMap(({ configuration, publishes }) => [
      `reload:\n${configuration}`,
      ...publishes.map(({ client, subject }) => `${client}: PUB ${subject}`),
    ]),
  ];
  return [...steps, "---- myelin", ...ours, "---- reference", ...theirs].join("\n");
}
