// Joins two duplexes, so that what arrives at one leaves by the other: the middle of a proxy.

import type { Duplex, DuplexSink } from "@myelin/platform";

class Side implements DuplexSink {
  /** Where what arrives here goes to; null while that is not there yet. */
  other: Side | null = null;
  readonly #duplex: Duplex;
  /** What waits to be written to our duplex. */
  #unsent: Uint8Array[] = [];
  #blocked = false;
  #ends = false;
  isClosed = false;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    duplex.open(this);
    // Nothing is read before there is somewhere to send it.
    duplex.pause();
  }

  readOn(): void {
    this.#duplex.resume();
  }

  join(other: Side): void {
    this.other = other;
    this.#duplex.resume();
  }

  received(bytes: Uint8Array, start: number, end: number): void {
    if (this.other?.take(new Uint8Array(bytes.subarray(start, end))) === false) this.#duplex.pause();
  }

  written(): void {
    this.#blocked = false;
    this.#flush();
    if (!this.#blocked) this.other?.readOn();
  }

  ended(): void {
    this.other?.end();
  }

  closed(error: Error | null): void {
    this.isClosed = true;
    if (error === null) this.other?.end();
    else this.other?.destroy();
  }

  /** Writes to our duplex; false when it takes no more for now. */
  take(bytes: Uint8Array): boolean {
    this.#unsent.push(bytes);
    this.#flush();
    return !this.#blocked;
  }

  /** The other side has ended: so do we, behind what is still to be written. */
  end(): void {
    this.#ends = true;
    this.#flush();
  }

  destroy(): void {
    this.#duplex.destroy();
  }

  #flush(): void {
    while (!this.#blocked && this.#unsent.length > 0) {
      this.#blocked = !this.#duplex.write(this.#unsent.shift() as Uint8Array);
    }
    if (this.#ends && this.#unsent.length === 0) this.#duplex.close();
  }
}

/**
 * Joins two duplexes that are not opened yet. When one ends or is reset, the other is too.
 *
 * @param far - May come later than `near`; when it fails, `near` is reset.
 */
export async function bridge(near: Duplex, far: Duplex | Promise<Duplex>): Promise<void> {
  const nearSide = new Side(near);
  let farDuplex: Duplex;
  try {
    farDuplex = await far;
  } catch {
    nearSide.destroy(); // as a client sees a server that is not there
    return;
  }
  const farSide = new Side(farDuplex);
  if (nearSide.isClosed) {
    farSide.destroy();
    return;
  }
  nearSide.join(farSide);
  farSide.join(nearSide);
}
