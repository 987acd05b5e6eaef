// Questions about a stream that its index answers without reading a message, in slices where they take long: between these the event
// loop goes on, and the stream may change. The answer is nevertheless that of the moment of the call (IndexSnapshot).
//
// The first slice is done in the call itself, and what is little needs no other: then the promise is resolved when it is returned.

import { IndexSnapshot } from "./index/index-snapshot.ts";
import type { SubjectFilter } from "./index/subject-filter.ts";
import { countPending, findFrom } from "./questions/counts.ts";
import { multiLast } from "./questions/multi-last.ts";
import { subjectPage } from "./questions/subject-page.ts";
import type { Slices } from "./slices.ts";
import type { SubjectPage, SubjectState } from "./store.ts";
import type { Stream } from "./stream.ts";

/** Answers questions about one stream; see `StreamLog` for each. */
export class StreamQuestions {
  #stream: Stream;
  #slices: Slices;

  constructor(stream: Stream, slices: Slices) {
    this.#stream = stream;
    this.#slices = slices;
  }

  pending(filter: SubjectFilter, from: number, lastPerSubject: boolean): Promise<number> {
    return this.#answer(filter, (snapshot) => countPending(snapshot, from, lastPerSubject));
  }

  filteredState(filter: SubjectFilter, from: number): Promise<SubjectState> {
    return this.#answer(filter, (snapshot) => findFrom(snapshot, from));
  }

  multiLast(filter: SubjectFilter, upToSeq: number, max: number): Promise<Float64Array> {
    return this.#answer(filter, (snapshot) => multiLast(snapshot, upToSeq, max));
  }

  subjectStates(filter: SubjectFilter, offset: number, limit: number): Promise<SubjectPage> {
    return this.#answer(filter, (snapshot) => subjectPage(snapshot, offset, limit));
  }

  async #answer<T>(filter: SubjectFilter, ask: (snapshot: IndexSnapshot) => Generator<void, T>): Promise<T> {
    this.#stream.checkReadable();
    const snapshot = new IndexSnapshot(this.#stream.index, filter);
    const steps = ask(snapshot);
    try {
      for (;;) {
        const { done, value } = steps.next();
        if (done) return value;
        if (!this.#slices.due) continue;
        snapshot.hold();
        await this.#slices.pause();
        this.#stream.checkReadable();
      }
    } finally {
      snapshot.release();
    }
  }
}
