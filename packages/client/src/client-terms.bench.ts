// What the processes of client.bench.ts agree on.

/** Messages that are published between two round trips. */
export const BATCH = 5_000;
/** Messages that go before the measuring begins. */
export const WARM: number = BATCH * 10;
export const SUBJECT = "bench.subject.one";
/** A receiver says each time that it has got so many; the feeder is never more than {@link FEED_AHEAD} times as many ahead. */
export const CREDIT = 2_000;
export const FEED_AHEAD = 8;
export const CREDIT_SUBJECT = "bench.credit";
/** What a process says when it waits for others to begin. */
export const READY = "ready";
