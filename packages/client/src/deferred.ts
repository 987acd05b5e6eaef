// Promises that are settled from outside, and waiting that can be aborted.

/** A promise with its handles. */
export interface Deferred<T> extends Promise<T> {
  resolve(value?: T | PromiseLike<T>): void;
  reject(reason?: unknown): void;
}

/** A promise that is settled by calling its `resolve` or `reject`. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T | PromiseLike<T>) => void;
  let reject!: (reason?: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return Object.assign(promise, { resolve, reject }) as Deferred<T>;
}

/** For promises whose failure is told elsewhere as well: keeps the process from dying of a rejection nobody awaits. */
export function handled(promise: Promise<unknown>): void {
  promise.catch(() => {});
}

/** Rejects with the signal's reason when it is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason;
}

/**
 * Calls `run` when the signal is aborted, until the returned function is called. Does nothing without a signal;
 * listeners do not pile up on signals that live long.
 */
export function onAbort(signal: AbortSignal | undefined, run: (reason: Error) => void): () => void {
  if (signal === undefined) return nothing;
  const listener = (): void => run(signal.reason as Error); // by custom an Error; whatever it is, it is handed on
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}

function nothing(): void {}
