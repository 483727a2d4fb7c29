import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLParseError,
} from 'yaml';
import { type Mistake } from './mistakes.ts';

export type Path = readonly PropertyKey[];

/** A YAML file that knows where each of its values stands. */
export interface YamlFile {
  /** The values as plain JavaScript. Only where there are no `mistakes`. */
  readonly values: unknown;
  /** What keeps it from being YAML at all. */
  readonly mistakes: readonly Mistake[];
  /** Where the value of `path` stands; of the innermost value around it where it is missing. */
  positionOf(path: Path): Position;
  /** Where the key at the end of `path` stands. */
  positionOfKey(path: Path): Position;
  /** What stands at `path`, in words. With `secret` a value is not shown, only its kind. */
  describe(path: Path, options: { secret: boolean }): string;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Reads YAML 1.2. Never throws, whatever the text is. */
export function parseYaml(text: string): YamlFile {
  const lines = new LineCounter();
  // Without pretty errors: those quote the lines around, where a password may stand.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const at = (offset: number | undefined): Position => {
    const { line, col } = lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const mistakes = [...document.errors, ...document.warnings].map((error) => ({
    ...at(error.pos[0]),
    key: '',
    ...sentence(error),
  }));
  let values: unknown;
  if (mistakes.length === 0) {
    try {
      values = document.toJS({ maxAliasCount: 100 });
    } catch {
      mistakes.push({
        ...at(unresolvedAlias(document)?.range?.[0]),
        key: '',
        ...sentence({ code: 'BAD_ALIAS' }),
      });
    }
  }
  return {
    values,
    mistakes,
    positionOf: (path) => at(nearest(document, path).range?.[0]),
    positionOfKey: (path) => at(keyNode(document, path)?.range?.[0] ?? nearest(document, path).range?.[0]),
    describe: (path, { secret }) => describe(find(document, path), secret),
  };
}

/** What is wrong, in our words: those of the parser may quote the file. */
function sentence({ code }: YAMLParseError | { code: ErrorCode }): { found: string; expected: string } {
  const [found, expected] = SYNTAX[code] ?? [
    'something that is not YAML',
    'keys and values, as in the examples of realm-config/',
  ];
  return { found, expected };
}

const SYNTAX: Partial<Record<ErrorCode, readonly [found: string, expected: string]>> = {
  BAD_ALIAS: [
    'an alias (*name) for nothing, or for more and more aliases',
    'the text in quotes, if no alias is meant',
  ],
  BAD_DQ_ESCAPE: ['a backslash that is no escape', 'two backslashes, or single quotes around the text'],
  BAD_INDENT: ['a line that begins in the wrong column', 'the same indentation as its neighbours'],
  BAD_SCALAR_START: ['a text that begins with a character that YAML reserves', 'the text in quotes'],
  BLOCK_AS_IMPLICIT_KEY: ['a second ": " in one line', 'the value in quotes, or on lines of its own'],
  BLOCK_IN_FLOW: ['an indented list or map inside brackets', 'commas inside the brackets, or no brackets'],
  DUPLICATE_KEY: ['a key that stands here already', 'each key once'],
  MISSING_CHAR: [
    'a bracket, quote, comma or colon missing',
    'what was opened to be closed, and "key: value" with a blank',
  ],
  MULTILINE_IMPLICIT_KEY: ['a line without a colon', 'key: value'],
  MULTIPLE_DOCS: ['a second document, behind a line "---"', 'one document'],
  NON_STRING_KEY: ['a key that is no text', 'a text'],
  TAB_AS_INDENT: ['a tab', 'blanks to indent with'],
  TAG_RESOLVE_FAILED: ['a tag (!name) that nobody knows', 'no tags'],
  UNEXPECTED_TOKEN: [
    'something that cannot stand here',
    'key: value; a text with special characters in quotes',
  ],
};

/** The first alias whose name was given to nothing. */
function unresolvedAlias(document: Document): Node | undefined {
  let found: Node | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      found = alias;
      return visit.BREAK;
    },
  });
  return found;
}

function find(document: Document, path: Path): Node | undefined {
  let node = resolve(document, document.contents);
  for (const key of path) node = resolve(document, child(node, key));
  return node;
}

/** The node of `path`, or of as much of it as there is. */
function nearest(document: Document, path: Path): { range?: Node['range'] } {
  let found = document.contents as Node | null | undefined;
  for (const key of path) {
    const next = child(resolve(document, found), key);
    if (next === undefined) break;
    found = next;
  }
  return found ?? {};
}

function keyNode(document: Document, path: Path): Node | undefined {
  const map = find(document, path.slice(0, -1));
  const pair = isMap(map)
    ? map.items.find((item) => isScalar(item.key) && item.key.value === path.at(-1))
    : undefined;
  return isPair(pair) && isNode(pair.key) ? pair.key : undefined;
}

function child(node: Node | undefined, key: PropertyKey): Node | undefined {
  const value: unknown = isMap(node) || isSeq(node) ? node.get(key, true) : undefined;
  return isNode(value) ? value : undefined;
}

function resolve(document: Document, node: Node | null | undefined): Node | undefined {
  return (isAlias(node) ? node.resolve(document) : node) ?? undefined;
}

function describe(node: Node | undefined, secret: boolean): string {
  if (isMap(node)) return 'keys and values';
  if (isSeq(node)) return 'a list';
  if (!isScalar(node) || node.value === null) return 'nothing';
  const { value } = node;
  if (typeof value === 'string') return secret ? 'a text' : quote(value);
  if (typeof value === 'number' || typeof value === 'bigint')
    return secret ? 'a number' : `the number ${value}`;
  return typeof value === 'boolean' && !secret ? String(value) : 'something else';
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
