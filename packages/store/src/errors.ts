// What can go wrong in a store, told apart by what the caller must do.

/** Why a store refused or gave up. The code is the contract; texts may improve. */
export type StoreErrorCode =
  /** `discard: "new"` and `maxMsgs` are set and reached. */
  | "MAX_MSGS"
  /** `discard: "new"` and `maxBytes` are set and reached. */
  | "MAX_BYTES"
  /** `discardNewPerSubject` is set and the subject has `maxMsgsPerSubject` messages. */
  | "MAX_MSGS_PER_SUBJECT"
  /** The message cannot be represented: subject, headers or payload are too long. */
  | "MSG_TOO_LARGE"
  /** A time, or a time to live, that no record can hold. */
  | "INVALID_TIME"
  /** The caller expected another sequence to come next. */
  | "SEQUENCE_MISMATCH"
  /** No stream can have that sequence. */
  | "INVALID_SEQUENCE"
  /** No page of a list can begin there, or have so many entries. */
  | "INVALID_PAGE"
  /** More results than the caller allowed. */
  | "TOO_MANY_RESULTS"
  /** A write or sync failed: nothing more is taken until the store is opened again. */
  | "READ_ONLY"
  /** The disk is full; appends are taken again as soon as there is room. */
  | "DISK_FULL"
  /** More is waiting to be written than the store may hold; try again when it has drained. */
  | "BUSY"
  /** The store or stream was stopped or deleted. */
  | "CLOSED"
  | "STREAM_EXISTS"
  | "STREAM_NOT_FOUND"
  | "INVALID_NAME"
  | "INVALID_LIMITS"
  /** A purge cannot do both: below a sequence, and all but so many messages. */
  | "INVALID_PURGE"
  /** The folder is not one of ours: it has a stranger's files, or the reference server's. */
  | "FOREIGN_FOLDER"
  /** The folder or a file in it may not be read or written: by its permissions, or because the file system is mounted for reading. */
  | "NO_ACCESS"
  /** Another process, or another store of this one, has the folder open. */
  | "LOCKED"
  /** Files that must be readable are not, and what is in them cannot be had elsewhere. */
  | "DAMAGED"
  /** Written by a newer version. */
  | "UNSUPPORTED_VERSION"
  /** The store is encrypted, and no key was given. */
  | "KEY_MISSING"
  /** The store is encrypted with another key. */
  | "WRONG_KEY"
  /** A key was given for a store that is not encrypted. */
  | "NOT_ENCRYPTED"
  /** The store is encrypted with another cipher. */
  | "CIPHER_MISMATCH"
  /** A backup is not whole: damaged, cut, or something else. Nothing of it was restored. */
  | "BACKUP_DAMAGED";

/** A store refused an operation, or could not be opened. `message` names action, value, limit and remedy. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
