import assert from "node:assert/strict";
import { test } from "node:test";
import { BcryptQueue, checksAtOnce } from "./bcrypt-queue.ts";

/** Work that ends when the test says so. */
class Work {
  readonly started: string[] = [];
  readonly #ends: Array<(isRight: boolean) => void> = [];
  readonly verify = (password: string): Promise<boolean> => {
    this.started.push(password);
    return new Promise((resolve) => this.#ends.push(resolve));
  };

  async end(isRight = true): Promise<void> {
    this.#ends.shift()?.(isRight);
    await new Promise(setImmediate);
  }
}

const isWanted = (): boolean => true;

test("checksAtOnce() leaves one processor to messages, and allows two checks at most", () => {
  assert.deepEqual([1, 2, 3, 4, 64].map(checksAtOnce), [1, 1, 2, 2, 2]);
});

test("verify() runs one at a time where it may run one", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify, 1);
  void queue.verify("a", "", isWanted);
  void queue.verify("b", "", isWanted);
  assert.deepEqual(work.started, ["a"]);
  await work.end();
  assert.deepEqual(work.started, ["a", "b"]);
});

test("verify() runs two at a time; of those who wait, whoever came last goes first", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify, 2);
  const results: Array<readonly [string, boolean]> = [];
  for (const name of ["a", "b", "c", "d"])
    void queue.verify(name, "", isWanted).then((right) => results.push([name, right]));
  assert.deepEqual(work.started, ["a", "b"]);
  assert.equal(queue.waitingCount, 2);
  await work.end();
  assert.deepEqual(work.started, ["a", "b", "d"]);
  await work.end(false);
  await work.end();
  await work.end();
  assert.deepEqual(results, [
    ["a", true],
    ["b", false],
    ["d", true],
    ["c", true],
  ]);
  assert.equal(queue.waitingCount, 0);
});

test("verify() spares the work for who has gone", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify, 2);
  let isHere = true;
  void queue.verify("a", "", isWanted);
  void queue.verify("b", "", isWanted);
  const first = queue.verify("c", "", isWanted);
  const gone = queue.verify("d", "", () => isHere);
  isHere = false;
  await work.end();
  assert.equal(await gone, false);
  assert.deepEqual(work.started, ["a", "b", "c"]);
  await work.end();
  await work.end();
  assert.equal(await first, true);
});

test("verify() counts only those who are still there among those who wait", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify, 2);
  let isHere = true;
  void queue.verify("a", "", isWanted);
  void queue.verify("b", "", isWanted);
  const crowd = Array.from({ length: 256 }, (_, at) => queue.verify(String(at), "", () => isHere));
  await assert.rejects(queue.verify("c", "", isWanted), { code: "TOO_MANY_LOGINS" });
  isHere = false;
  const last = queue.verify("c", "", isWanted);
  assert.equal(queue.waitingCount, 1);
  assert.ok((await Promise.all(crowd)).every((isRight) => !isRight));
  await work.end();
  await work.end();
  await work.end();
  assert.equal(await last, true);
});

test("verify() puts a question that waits first when it is asked again", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify, 2);
  for (const name of ["a", "b", "c", "d", "c"]) void queue.verify(name, "", isWanted);
  await work.end();
  assert.deepEqual(work.started, ["a", "b", "c"]);
  assert.equal(queue.waitingCount, 1);
});

test("verify() refuses who comes when 256 wait, and goes on after a failure", async () => {
  let fails = 0;
  const work = new Work();
  const queue = new BcryptQueue((password) => {
    if (password !== "bad") return work.verify(password);
    fails++;
    return Promise.reject(new Error("broken"));
  }, 2);
  void queue.verify("a", "", isWanted);
  void queue.verify("b", "", isWanted);
  const bad = queue.verify("bad", "", isWanted);
  const waiting = Array.from({ length: 255 }, (_, at) => queue.verify(String(at), "", isWanted));
  await assert.rejects(queue.verify("x", "", isWanted), { code: "TOO_MANY_LOGINS" });
  const failed = assert.rejects(bad, /broken/);
  for (let i = 0; i < 257; i++) await work.end();
  await failed;
  assert.equal(fails, 1);
  assert.equal((await Promise.all(waiting)).every(Boolean), true);
});

test("verify() does the work once for all who ask the same at the same time", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify, 2);
  const same = Array.from({ length: 1_000 }, () => queue.verify("a", "hash", isWanted));
  const other = queue.verify("a", "another hash", isWanted);
  assert.deepEqual(work.started, ["a", "a"]);
  await work.end();
  assert.ok((await Promise.all(same)).every(Boolean));
  await work.end();
  assert.equal(await other, true);
  // The answer is not kept.
  const later = queue.verify("a", "hash", isWanted);
  assert.equal(work.started.length, 3);
  await work.end();
  assert.equal(await later, true);
});

test("verify() spares the work only when none of those who ask is there any more", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify, 2);
  void queue.verify("a", "", isWanted);
  void queue.verify("b", "", isWanted);
  const gone = queue.verify("c", "", () => false);
  const here = queue.verify("c", "", isWanted);
  await work.end();
  assert.deepEqual(work.started, ["a", "b", "c"]);
  await work.end();
  await work.end();
  assert.deepEqual(await Promise.all([gone, here]), [true, true]);
});
