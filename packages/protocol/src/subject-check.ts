// What a client may put into PUB, SUB and their replies and queue groups, said in words.
//
// A blank or a line end in a subject would end the token or the line and let its writer inject protocol; a subject that
// the server would refuse is refused here, with the reason.

const DOT = 0x2e;
const STAR = 0x2a;
const GREATER = 0x3e;
const SPACE = 0x20;
const DELETE = 0x7f;

/**
 * Why a message cannot be published to `subject`, or null when it can. Blanks and control characters are refused.
 * Empty tokens and wildcards are left to the server, which takes them literally unless the connection is pedantic.
 */
export function publishSubjectProblem(subject: string): string | null {
  if (subject.length === 0) return "it is empty";
  return injectionProblem(subject);
}

/** Why nobody can subscribe to `subject`, or null: as for publishing, and no empty tokens, and `>` only as the last token. */
export function subscribeSubjectProblem(subject: string): string | null {
  if (subject.length === 0) return "it is empty";
  const injection = injectionProblem(subject);
  if (injection !== null) return injection;
  let tokenStart = 0;
  for (let i = 0; i <= subject.length; i++) {
    if (i < subject.length && subject.charCodeAt(i) !== DOT) continue;
    if (i === tokenStart) return `it has an empty token at character ${i + 1}`;
    const alone = i - tokenStart === 1;
    if (alone && subject.charCodeAt(tokenStart) === GREATER && i < subject.length) return "'>' must be the last token";
    tokenStart = i + 1;
  }
  return null;
}

/** Why `queue` cannot name a queue group, or null: it must not be empty nor hold blanks or control characters. */
export function queueGroupProblem(queue: string): string | null {
  if (queue.length === 0) return "it is empty";
  return injectionProblem(queue);
}

/** Why `prefix` cannot begin an inbox, or null: it must be a subject without wildcards; a trailing dot is an empty token. */
export function inboxPrefixProblem(prefix: string): string | null {
  const problem = subscribeSubjectProblem(prefix);
  if (problem !== null) return problem;
  return hasWildcard(prefix) ? "it holds a wildcard" : null;
}

/** Whether a token of the subject is `*` or `>`. */
export function hasWildcard(subject: string): boolean {
  for (let i = 0; i < subject.length; i++) {
    const code = subject.charCodeAt(i);
    if (code !== STAR && code !== GREATER) continue;
    const startsToken = i === 0 || subject.charCodeAt(i - 1) === DOT;
    const endsToken = i === subject.length - 1 || subject.charCodeAt(i + 1) === DOT;
    if (startsToken && endsToken) return true;
  }
  return false;
}

/**
 * The place of the first character that could end a token or a line, in words; null when there is none. Half of a surrogate
 * pair is one too: it has no UTF-8, and what it would become is the same for different texts.
 */
function injectionProblem(text: string): string | null {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0xd800 && code < 0xe000) {
      if (!isPairAt(text, i)) return `it holds half of a surrogate pair at character ${i + 1}`;
      i++;
      continue;
    }
    if (code > SPACE && code !== DELETE) continue;
    const what = code === SPACE ? "a blank" : `the control character 0x${code.toString(16).padStart(2, "0")}`;
    return `it holds ${what} at character ${i + 1}`;
  }
  return null;
}

function isPairAt(text: string, at: number): boolean {
  const low = text.charCodeAt(at + 1); // NaN at the end
  return text.charCodeAt(at) < 0xdc00 && low >= 0xdc00 && low < 0xe000;
}
