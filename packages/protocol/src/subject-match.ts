// Subjects with wildcards, held against each other. For permissions, filters and configuration: the message path has the sublist.

/**
 * Whether every subject that `subject` stands for is one that `pattern` stands for. A `*` covers one token that is not `>`, a final
 * `>` covers one or more. Any token of a subject may be a wildcard; both are taken for valid. Source: sublist.go subjectIsSubsetMatch.
 */
export function isSubjectSubset(subject: string, pattern: string): boolean {
  if (subject === pattern) return true;
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  for (let i = 0; i < wanted.length; i++) {
    if (i >= tokens.length) return false;
    if (wanted[i] === ">" && i === wanted.length - 1) return true;
    if (tokens[i] === ">" && i === tokens.length - 1) return false;
    if (wanted[i] !== "*" && wanted[i] !== tokens[i]) return false;
  }
  return tokens.length === wanted.length;
}

/** Whether there is a subject that both stand for. Source: sublist.go SubjectsCollide. */
export function subjectsOverlap(one: string, other: string): boolean {
  const left = one.split(".");
  const right = other.split(".");
  for (let i = 0; i < left.length && i < right.length; i++) {
    const l = left[i];
    const r = right[i];
    if ((l === ">" && i === left.length - 1) || (r === ">" && i === right.length - 1)) return true;
    if (l !== r && l !== "*" && r !== "*") return false;
  }
  return left.length === right.length;
}
