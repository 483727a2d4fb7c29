/** What both examples are told on their command line. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** Reads `--name value`, of these names and no others. Each value is taken by `one`, which throws where there is none, or by `all`. */
export function readOptions(names: readonly string[]): {
  one(name: string, otherwise?: string): string;
  all(name: string): readonly string[];
} {
  const options = Object.fromEntries(
    names.map((name) => [name, { type: 'string', multiple: true } as const]),
  );
  const { values } = parseArgs({ options });
  const all = (name: string): readonly string[] => values[name] ?? [];
  return {
    all,
    one(name, otherwise) {
      const value = all(name).at(-1) ?? otherwise;
      if (value === undefined) throw new Error(`--${name} is missing`);
      return value;
    },
  };
}

/** Where the device serves, and with which certificate: `--cert`, `--key`, `--listen`, `--name`. */
export function pageOptions({ one }: ReturnType<typeof readOptions>): {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly listen: { readonly host: string; readonly port: number };
  readonly name: string;
} {
  const listen = new URL(`https://${one('listen', '127.0.0.1:8443')}`);
  return {
    cert: readFileSync(one('cert')),
    key: readFileSync(one('key')),
    listen: {
      host: listen.hostname.replace(/^\[|\]$/g, ''),
      port: Number(listen.port === '' ? 443 : listen.port),
    },
    name: one('name', 'localhost'),
  };
}

export const PAGE_OPTIONS: readonly string[] = ['cert', 'key', 'listen', 'name'];
