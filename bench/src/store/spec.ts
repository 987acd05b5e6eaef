// What the store benchmark's runner tells the process that measures one engine at one job.

export const ENGINE_NAMES = ["myelin", "lmdb", "sqlite", "disk"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Batches of records that are appended together and acknowledged after their sync. */
export interface AppendJob {
  readonly kind: "append";
  readonly payloadBytes: number;
  readonly batch: number;
  /** Batches under way at once. */
  readonly inFlight: number;
  /** Records go to these in turn. */
  readonly streams: number;
  readonly subjects: number;
  readonly measureMs: number;
}

/** Reads of one stream that has been filled before. */
export interface ReadJob {
  readonly kind: "read";
  readonly records: number;
  readonly subjects: number;
}

export type StoreJob = AppendJob | ReadJob;

export interface StoreSpec {
  readonly engine: EngineName;
  readonly job: StoreJob;
  /** Where the `lmdb` package is; null when another engine is measured. */
  readonly lmdbFolder: string | null;
}

/** One measurement. */
export interface StoreResult {
  /** Records appended, or read one after the other, per second. */
  readonly perSecond: number;
  /** User and system time of the whole process, in microseconds per record. */
  readonly cpuMicros: number;
  /** Time from append to acknowledgement, or of one read by sequence. */
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Finding the one record in all that matches a wildcard, for the first time and again; null for appends. */
  readonly firstMatchMicros: number | null;
  readonly nextMatchMicros: number | null;
}

export const SUBJECT_PREFIX = "bench.";
/** The subject of the one record that {@link StoreResult.firstMatchMicros} looks for; it is the last. */
export const RARE_SUBJECT = "rare.one";
export const RARE_FILTER = "rare.*";
