import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "@myelin/platform/sim";
import { BcryptThreads, type HashThread } from "./bcrypt-threads.ts";

/** A thread that answers when the test says so. */
class Thread implements HashThread {
  isOver = false;
  readonly asked: string[] = [];
  #settle: { readonly answer: (isRight: boolean) => void; readonly fail: (error: Error) => void } | null = null;

  verify(password: string): Promise<boolean> {
    this.asked.push(password);
    return new Promise((answer, fail) => {
      this.#settle = { answer, fail };
    });
  }

  stop(): void {
    this.isOver = true;
    this.#settle?.answer(false);
  }

  answer(isRight: boolean): void {
    this.#settle?.answer(isRight);
  }

  die(): void {
    this.isOver = true;
    this.#settle?.fail(new Error("died"));
  }
}

function start() {
  const clock = new SimClock();
  const made: Thread[] = [];
  const threads = new BcryptThreads(clock, () => {
    const thread = new Thread();
    made.push(thread);
    return thread;
  });
  return { clock, made, threads };
}

test("verify() starts a thread when there is none that is idle, and keeps it", async () => {
  const { made, threads } = start();
  assert.equal(threads.count, 0);
  const [a, b] = [threads.verify("a", ""), threads.verify("b", "")];
  made[1]?.answer(false);
  assert.equal(await b, false);
  const c = threads.verify("c", "");
  made[0]?.answer(true);
  made[1]?.answer(true);
  assert.deepEqual([await a, await c], [true, true]);
  assert.deepEqual(
    made.map(({ asked }) => asked),
    [["a"], ["b", "c"]],
  );
});

test("verify() rejects for the login whose thread dies; the next one gets a new thread", async () => {
  const { made, threads } = start();
  const lost = threads.verify("a", "");
  made[0]?.die();
  await assert.rejects(lost, /died/);
  assert.equal(threads.count, 0);
  const b = threads.verify("b", "");
  made[1]?.answer(true);
  assert.equal(await b, true);
  // One that dies with nothing to do costs nobody a login.
  made[1]?.die();
  const c = threads.verify("c", "");
  made[2]?.answer(true);
  assert.equal(await c, true);
});

test("verify() rejects where no thread can be started, and tries again", async () => {
  let isShort = true;
  const thread = new Thread();
  const threads = new BcryptThreads(new SimClock(), () => {
    if (isShort) throw new Error("no more threads");
    return thread;
  });
  await assert.rejects(threads.verify("a", ""), /no more threads/);
  isShort = false;
  const b = threads.verify("b", "");
  thread.answer(true);
  assert.equal(await b, true);
});

test("threads that are idle are ended after two seconds without work", async () => {
  const { clock, made, threads } = start();
  const [a, b] = [threads.verify("a", ""), threads.verify("b", "")];
  made[0]?.answer(true);
  await a;
  clock.advance(20_000);
  assert.equal(threads.count, 2, "one still has work");
  made[1]?.answer(true);
  await b;
  clock.advance(1_999);
  assert.equal(threads.count, 2);
  const c = threads.verify("c", "");
  clock.advance(20_000);
  made[1]?.answer(true);
  await c;
  clock.advance(2_000);
  assert.equal(threads.count, 0);
  assert.ok(made.every(({ isOver }) => isOver));
});

test("close() ends all threads, and whoever waits gets a no", async () => {
  const { clock, made, threads } = start();
  const [a, b] = [threads.verify("a", ""), threads.verify("b", "")];
  made[0]?.answer(true);
  await a;
  threads.close();
  assert.equal(await b, false);
  assert.ok(made.every(({ isOver }) => isOver));
  assert.equal(await threads.verify("c", ""), false);
  assert.deepEqual([threads.count, made.length, clock.pendingTimers], [0, 2, 0]);
});
