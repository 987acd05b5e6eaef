// A simulated world: time that a test moves, chance that repeats.

export { SimClock } from "./clock.ts";
export { SimRandom } from "./random.ts";
