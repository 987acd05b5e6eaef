// Faults of a network, for tests: each begun by one call and undone by one call. They hold for all connections that were
// wrapped, those to come included, and add up.

import type { Clock } from "../clock.ts";
import type { Duplex, Listener, ListenOptions, Network } from "../network.ts";
import type { Random } from "../random.ts";
import { type Duration, durationMs } from "./duration.ts";
import { CLEAR, type LaneConditions } from "./fault-lane.ts";
import { FaultyDuplex } from "./faulty-duplex.ts";

/** Which way a fault works. */
export type Direction = "toServer" | "toClient" | "both";

/** A fault that was begun. */
export interface Fault extends Disposable {
  /** Undoes it; a second call does nothing. `using` does it at the end of a block. */
  undo(): void;
}

interface Effect {
  readonly direction: Direction;
  readonly conditions: Partial<LaneConditions>;
}

/** The faults of a group of connections. */
export class Faults {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #duplexes: Set<FaultyDuplex> = new Set();
  readonly #active: Set<Fault> = new Set();
  readonly #effects: Set<Effect> = new Set();
  #cuts = 0;
  #toServer: LaneConditions = CLEAR;
  #toClient: LaneConditions = CLEAR;

  /**
   * @param clock - By which delays and throttles go.
   * @param random - Spreads delays that have a jitter.
   */
  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Connections that are subject to the faults now. */
  get connectionCount(): number {
    return this.#duplexes.size;
  }

  /**
   * Everything is lost on its way, the ends of connections too: both sides see silence. A stream with a gap cannot go on,
   * so a connection that lost something is cut when this is undone.
   */
  drop(direction: Direction = "both"): Fault {
    return this.#effect({ direction, conditions: { drop: true } });
  }

  /** Nothing gets through, as behind a frozen router: it waits, and arrives when this is undone. Both sides see silence. */
  hold(direction: Direction = "both"): Fault {
    return this.#effect({ direction, conditions: { hold: true } });
  }

  /**
   * Everything arrives later, in order.
   *
   * @param by - Milliseconds, or a text such as `50ms`, by the server's clock.
   * @param jitter - Up to this much more, at random for each piece.
   */
  delay(by: Duration, direction: Direction = "both", jitter: Duration = 0): Fault {
    return this.#effect({ direction, conditions: { delayMs: durationMs(by), jitterMs: durationMs(jitter) } });
  }

  /**
   * Each connection carries so many bytes per second, in each direction for itself.
   *
   * @throws RangeError when the rate is not above zero.
   */
  throttle(bytesPerSecond: number, direction: Direction = "both"): Fault {
    if (!(bytesPerSecond > 0))
      throw new RangeError(`Cannot throttle to ${bytesPerSecond} bytes per second: use hold()`);
    return this.#effect({ direction, conditions: { bytesPerSecond } });
  }

  /** Resets every connection, and each new one, until it is undone. */
  cut(): Fault {
    this.#cuts++;
    for (const duplex of [...this.#duplexes]) duplex.cut();
    return this.#begin(() => this.#cuts--);
  }

  /**
   * One side of each connection is gone without a word: it sees a reset, while the other goes on as if nothing had happened,
   * hears nothing, and what it says goes nowhere. New connections are not affected. Undone, the other side is reset too.
   */
  halfOpen(gone: "client" | "server" = "client"): Fault {
    const halves = [...this.#duplexes];
    for (const duplex of halves) duplex.halfOpen(gone);
    return this.#begin(() => {
      for (const duplex of halves) duplex.cut();
    });
  }

  /** Undoes every fault. */
  clear(): void {
    for (const fault of [...this.#active]) fault.undo();
  }

  /** Puts the server's end of a connection, not opened yet, under these faults. */
  wrap(inner: Duplex): Duplex {
    const duplex = new FaultyDuplex(inner, this.#clock, this.#random, (gone) => this.#duplexes.delete(gone));
    this.#duplexes.add(duplex);
    duplex.apply(this.#toServer, this.#toClient);
    if (this.#cuts > 0) queueMicrotask(() => duplex.cut());
    return duplex;
  }

  /** A network whose accepted connections are under these faults. */
  wrapNetwork(network: Network): Network {
    return {
      listen: (options: ListenOptions, accept: (duplex: Duplex) => void): Promise<Listener> =>
        network.listen(options, (duplex) => accept(this.wrap(duplex))),
      connect: (to, signal) => network.connect(to, signal),
    };
  }

  #effect(effect: Effect): Fault {
    this.#effects.add(effect);
    this.#apply();
    return this.#begin(() => {
      this.#effects.delete(effect);
      this.#apply();
    });
  }

  #begin(undo: () => void): Fault {
    const fault: Fault = {
      undo: () => {
        if (this.#active.delete(fault)) undo();
      },
      [Symbol.dispose]: () => fault.undo(),
    };
    this.#active.add(fault);
    return fault;
  }

  #apply(): void {
    this.#toServer = this.#conditions("toServer");
    this.#toClient = this.#conditions("toClient");
    for (const duplex of [...this.#duplexes]) duplex.apply(this.#toServer, this.#toClient);
  }

  /** What all faults together do to one direction. */
  #conditions(direction: "toServer" | "toClient"): LaneConditions {
    let all: LaneConditions = CLEAR;
    for (const { conditions, direction: affected } of this.#effects) {
      if (affected !== "both" && affected !== direction) continue;
      all = {
        hold: all.hold || conditions.hold === true,
        drop: all.drop || conditions.drop === true,
        delayMs: all.delayMs + (conditions.delayMs ?? 0),
        jitterMs: all.jitterMs + (conditions.jitterMs ?? 0),
        bytesPerSecond: Math.min(all.bytesPerSecond, conditions.bytesPerSecond ?? Number.POSITIVE_INFINITY),
      };
    }
    return all;
  }
}
