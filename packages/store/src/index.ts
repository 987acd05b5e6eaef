// The store: streams of messages, in memory or durable in files.

export { type RestoreSummary, readBackup } from "./backup/read-backup.ts";
export { type BackupOptions, writeBackup } from "./backup/write-backup.ts";
export type { ConsumerLog } from "./consumer-log.ts";
export { StoreError, type StoreErrorCode } from "./errors.ts";
export { repairStore, type StoreRepair } from "./file/check/repair.ts";
export {
  checkIsStore,
  type ProblemCost,
  type StoreProblem,
  type StoreVerdict,
  type VerifiedStream,
  verifyStore,
} from "./file/check/verify.ts";
export { FileStore } from "./file/file-store.ts";
export { DEFAULT_FILE_STORE_OPTIONS, type FileStoreOptions, type SyncMode } from "./file/options.ts";
export type { SeqRun } from "./index/lost-runs.ts";
export type { SubjectFilter } from "./index/subject-filter.ts";
export { MemoryStore } from "./memory-store.ts";
export { MessageDraft, type Rollup } from "./message-draft.ts";
export { MessageView } from "./message-view.ts";
export { TTL_NEVER } from "./record.ts";
export type { ScrubOptions } from "./scrubber.ts";
export type { EncryptionOptions } from "./seal/key-file.ts";
export type { CipherName } from "./seal/sealer.ts";
export {
  type FilterLike,
  NO_LIMITS,
  type PurgeOptions,
  type ScrubState,
  type Store,
  type StoreHealth,
  type StreamLimits,
  type StreamListener,
  type StreamLog,
  type StreamState,
  type SubjectDetail,
  type SubjectPage,
  type SubjectState,
} from "./store.ts";
