/**
 * Whether two names are the same but for case. Letters are paired only where each is the other's only case (so that KELVIN SIGN is no `k`),
 * and nothing else is folded, normalized or trimmed.
 */
export function sameName(a: string, b: string): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const x = a.charAt(i);
    const y = b.charAt(i);
    if (x !== y && !isPair(x, y) && !isPair(y, x)) return false;
  }
  return true;
}

function isPair(upper: string, lower: string): boolean {
  return upper.toLowerCase() === lower && lower.toUpperCase() === upper;
}
