/** What a message says, for people: a label, what it is, and what it consists of. Text from the wire is escaped already. */
export interface Tree {
  readonly label: string;
  readonly value?: string;
  readonly children?: readonly Tree[];
}

/** A tree as lines of text, two spaces a level, with a line break at the end. */
export function formatTree(tree: Tree, indent = ''): string {
  const { label, value, children = [] } = tree;
  const line = value === undefined ? label : `${label}: ${value}`;
  return `${indent}${line}\n${children.map((child) => formatTree(child, `${indent}  `)).join('')}`;
}
