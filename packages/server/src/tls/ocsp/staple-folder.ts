// The folder in which the answers about the server's own certificates outlive it, `<store_dir>/ocsp`: one file for each, its name the
// SHA-256 of the certificate in hexadecimal, its content the answer as it came, DER. As the reference has it (ocsp.go), so that
// either goes on from what the other left. What is read is for the reader to check.

import { type Disk, type Random, replaceFile } from "@myelin/platform";
import { fileErrorText } from "../../system-error.ts";
import { ANSWER_BYTES_MAX } from "./answer.ts";
import { OcspError } from "./ocsp-error.ts";
import { readFile } from "./read-file.ts";

/** Answers by fingerprint. */
export class StapleFolder {
  readonly #disk: Disk;
  readonly #random: Random;
  /** Ends when the last answer is written that is being written. Never rejects. */
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(disk: Disk, random: Random) {
    this.#disk = disk;
    this.#random = random;
  }

  /** For people. */
  pathOf(fingerprint: string): string {
    return `${this.#disk.name}/${fingerprint}`;
  }

  /** Makes the folder where it is not there. @throws OcspError when there can be none. */
  prepare(): void {
    try {
      const kind = this.#disk.stat("")?.kind;
      if (kind === "file") throw new OcspError("OCSP storage directory is not a directory");
      if (kind === undefined) this.#disk.makeFolder("");
    } catch (cause) {
      if (cause instanceof OcspError) throw cause;
      const text = fileErrorText("mkdir", this.#disk.name, cause as Error);
      throw new OcspError(`could not create OCSP storage directory - ${text}`, { cause });
    }
  }

  /** @returns Null when there is none. @throws The platform's error, or one that says why it can be no answer. */
  read(fingerprint: string): Uint8Array | null {
    return readFile(this.#disk, fingerprint, ANSWER_BYTES_MAX);
  }

  /** Puts an answer in the place of the one that was there; none any more after {@link close}. Rejects with the platform's error. */
  async write(fingerprint: string, der: Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    const written = this.#writing.then(() => replaceFile(this.#disk, fingerprint, [der], this.#random));
    this.#writing = written.catch(ignoreFailedWrite);
    await written;
  }

  /** Resolves when nothing is being written any more. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#writing;
  }
}

/** Whoever had it written has been told. */
function ignoreFailedWrite(): void {}
