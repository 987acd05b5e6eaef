// What is done to both streams: random, but the same for the same seed, and without knowledge of the streams, so that a failure
// can be made shorter.

import { NO_LIMITS, type Rollup, type StreamLimits } from "@myelin/store";
import fc from "fast-check";
import type { StreamSetting } from "./reference-stream.ts";

/** A change of a stream. `at` says where in the stream: 0 before its first sequence, 1 behind its last. */
export type Operation =
  | {
      readonly kind: "publish";
      readonly subject: string;
      readonly headers: ReadonlyArray<readonly [string, string]>;
      readonly payloadBytes: number;
      readonly rollup: Rollup;
      readonly ttlSeconds: number;
    }
  | { readonly kind: "purge"; readonly filter: string; readonly at: number | null; readonly keep: number }
  | { readonly kind: "remove"; readonly at: number; readonly erase: boolean }
  | { readonly kind: "update"; readonly limits: Partial<StreamLimits> };

/** A question to a stream. */
export interface Probe {
  readonly kind: "load" | "next" | "last" | "multiLast" | "pending" | "time" | "consumer";
  readonly filter: number;
  readonly at: number;
}

/** A step: a change, then questions; or a new start of both. */
export type Step = { readonly operation: Operation; readonly probes: readonly Probe[] } | "restart";

const SUBJECTS = ["T", "T.a", "T.b", "T.a.b", "T.b.b", "T.c.a.a", "T.a.b.c"];
const LONG_SUBJECT = ["T", ...Array<string>(254).fill("x")].join(".");

/** Filters that questions and purges use. */
export const FILTERS: readonly string[] = [
  ">",
  "T",
  "T.a",
  "T.*",
  "T.>",
  "T.*.b",
  "T.a.>",
  "*",
  "*.*",
  "T.c.*.a",
  "T.x",
  "*.b.>",
];

const at = fc.double({ min: 0, max: 0.999, noNaN: true });

const subject = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(...SUBJECTS) },
  { weight: 1, arbitrary: fc.constant(LONG_SUBJECT) },
);

const remove: fc.Arbitrary<Operation> = fc.record({ kind: fc.constant("remove" as const), at, erase: fc.boolean() });

const purge: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constant("purge" as const),
  filter: fc.constantFrom("", ...FILTERS),
  at: fc.option(at, { nil: null }),
  keep: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) }),
});

const probe: fc.Arbitrary<Probe> = fc.record({
  kind: fc.constantFrom(
    "load",
    "next",
    "next",
    "last",
    "multiLast",
    "multiLast",
    "pending",
    "pending",
    "time",
    "consumer",
  ),
  filter: fc.nat(FILTERS.length - 1),
  at,
});

/** What a stream is made for. */
export interface Shape {
  readonly storage: StreamSetting["storage"];
  /** Payloads and limits of bytes are so many times as large: beyond 50, a stream has several blocks in the reference. */
  readonly scale: number;
  readonly stepsMax: number;
}

/** A stream of that shape, and what is done to it. */
export function plans({ storage, scale, stepsMax }: Shape): fc.Arbitrary<[StreamSetting, Step[]]> {
  const limits = limitsOf(scale);
  const update: fc.Arbitrary<Operation> = fc.record({ kind: fc.constant("update" as const), limits });
  const setting: fc.Arbitrary<StreamSetting> = fc.record({
    storage: fc.constant(storage),
    firstSeq: fc.constantFrom(1, 1, 1, 2, 1000),
    limits: limits.map((limits) => ({ ...NO_LIMITS, ...limits })),
  });
  const change: fc.Arbitrary<Step> = fc.record({
    operation: fc.oneof(
      { weight: 24, arbitrary: publishOf(scale) },
      { weight: 6, arbitrary: remove },
      { weight: 3, arbitrary: purge },
      { weight: 1, arbitrary: update },
    ),
    probes: fc.array(probe, { maxLength: 3 }),
  });
  const restart: fc.Arbitrary<Step> = fc.constant("restart");
  const step =
    storage === "file" ? fc.oneof({ weight: 80, arbitrary: change }, { weight: 1, arbitrary: restart }) : change;
  return fc.tuple(setting, fc.array(step, { maxLength: stepsMax, size: "max" }));
}

function publishOf(scale: number): fc.Arbitrary<Operation> {
  return fc.record({
    kind: fc.constant("publish" as const),
    subject,
    headers: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constant([["A", "b"]] as Array<[string, string]>) },
    ),
    payloadBytes: fc.oneof(
      { weight: 6, arbitrary: fc.nat(40 * scale) },
      { weight: 2, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(600 * scale) },
    ),
    rollup: fc.oneof(
      { weight: 20, arbitrary: fc.constant<Rollup>("none") },
      { weight: 3, arbitrary: fc.constant<Rollup>("subject") },
      { weight: 1, arbitrary: fc.constant<Rollup>("all") },
    ),
    ttlSeconds: fc.oneof(
      { weight: 12, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(-1, 3600) },
    ),
  });
}

function limitsOf(scale: number): fc.Arbitrary<Partial<StreamLimits>> {
  return fc
    .record({
      maxMsgs: fc.constantFrom(0, 5, 12, 30),
      maxBytes: fc.constantFrom(0, 300 * scale, 1000 * scale, 3000 * scale),
      maxMsgsPerSubject: fc.constantFrom(0, 1, 2, 5),
      discard: fc.constantFrom("old", "new"),
      perSubject: fc.boolean(),
    })
    .map(({ perSubject, ...limits }) => ({
      ...limits,
      discardNewPerSubject: perSubject && limits.discard === "new" && limits.maxMsgsPerSubject > 0,
    }));
}
