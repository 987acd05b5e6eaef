// Follows what a client sends, only as far as a test must know it: whether the bytes stop between two operations, and
// how many PINGs they hold. Knows nothing of right and wrong; a stream that the server refuses is no matter.

const LF = 0x0a;

/** Watches one client's bytes go out. */
export class ClientBytes {
  /** PINGs sent so far. */
  pings = 0;
  /** True once a CONNECT has been sent. */
  connected = false;
  #line = "";
  #skip = 0;

  /** True when the last operation is complete: another one may follow. */
  get betweenOperations(): boolean {
    return this.#line === "" && this.#skip === 0;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      const end = bytes.indexOf(LF, at);
      const stop = end === -1 ? bytes.length : end;
      this.#line += Buffer.from(bytes.subarray(at, stop)).toString("latin1");
      at = stop + 1;
      if (end === -1) return;
      this.#lineEnded(this.#line.trim());
      this.#line = "";
    }
  }

  #lineEnded(line: string): void {
    if (/^ping/i.test(line)) this.pings++;
    if (/^connect\s/i.test(line)) this.connected = true;
    const size = /^h?pub\s.*\s(\d+)$/i.exec(line)?.[1];
    if (size !== undefined) this.#skip = Number(size) + 2;
  }
}
