/** Columns with their headings, aligned by blanks; the last one is not padded. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings.map((heading) => heading.toUpperCase()), ...rows.map((row) => row.map(printable))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ''))));
  return lines
    .map((line) =>
      line
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names and values under each other; what is `undefined` is left out. */
export function fields(values: Readonly<Record<string, string | undefined>>): string {
  const known = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const longest = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${`${name}:`.padEnd(longest + 2)}${printable(value)}`).join('\n');
}

/** The text with control characters made visible: names out of other people's files could hold commands for the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Columns that a text takes: its code points, not its UTF-16 units. */
function width(text: string): number {
  return Array.from(text).length;
}

function pad(text: string, columns: number): string {
  return text + ' '.repeat(columns - width(text));
}
