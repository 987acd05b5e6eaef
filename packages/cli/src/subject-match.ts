// Whether a message's subject falls under a subject with wildcards.

/** Whether a literal subject matches one that may hold `*` and `>`. */
export function subjectMatches(literal: string, pattern: string): boolean {
  const tokens = literal.split(".");
  const wanted = pattern.split(".");
  for (const [index, token] of wanted.entries()) {
    if (token === ">") return tokens.length > index;
    if (index >= tokens.length || (token !== "*" && token !== tokens[index])) return false;
  }
  return tokens.length === wanted.length;
}
