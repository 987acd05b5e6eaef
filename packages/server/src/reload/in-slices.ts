// Work on very many things without keeping the event loop for long: some of it in each turn. It is counted, not timed, so that a
// test in which time stands still does the same as a server.

/** What is done in one turn: so many subscriptions are held against other permissions in one to three milliseconds. */
const COST_PER_TURN_MAX = 500;

/**
 * Does some work for each of many things, in their order; the first of them at once. What happens in between is for `work` to
 * notice: a thing may have ended when its turn comes.
 *
 * @param work - Gives what it cost, 1 being the least. Must not throw.
 * @returns Resolves when all is done, in the same turn where it is little.
 */
export async function inSlices<T>(things: Iterable<T>, work: (thing: T) => number): Promise<void> {
  let cost = 0;
  for (const thing of [...things]) {
    if (cost >= COST_PER_TURN_MAX) {
      await new Promise((resolve) => setImmediate(resolve));
      cost = 0;
    }
    cost += work(thing);
  }
}
