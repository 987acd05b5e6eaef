// The subjects that a benchmark sends to: one, or one per message.

import { randomInt } from "node:crypto";

/** What the flags say of subjects. */
export interface SubjectOptions {
  readonly multisubject?: boolean;
  /** How many subjects there are at most; 0 means as many as messages. */
  readonly multisubjectmax: number;
  readonly multisubjectrandomize?: boolean;
}

/** The subject of each message by its number. Numbers have as many digits as the largest, as in natscli. */
export function subjectsOf(subject: string, options: SubjectOptions): (number: number) => string {
  if (options.multisubject !== true) return () => subject;
  const { multisubjectmax: max } = options;
  if (max === 0) return (number) => `${subject}.${number}`;
  const digits = String(max).length;
  const pick = options.multisubjectrandomize === true ? () => randomInt(max) : (number: number) => number % max;
  return (number) => `${subject}.${String(pick(number)).padStart(digits, "0")}`;
}

/** What a subscriber to all of them subscribes to. */
export function subscribedSubject(subject: string, multisubject: boolean): string {
  return multisubject ? `${subject}.*` : subject;
}
