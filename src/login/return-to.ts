import { HttpError } from '../http/errors.ts';

const MAX_LENGTH = 2000;

/**
 * An address of a device that a browser may be sent back to. Throws `HttpError` 400 `bad-return-to` for all but plain https:// addresses: a
 * fragment would be lost, names and passwords in it are none of a browser's business, and a host with other characters than hosts have would
 * stand in our policy of what a form may lead to.
 */
export function readReturnTo(text: string): URL {
  const url = text.length <= MAX_LENGTH ? URL.parse(text) : null;
  if (
    url === null ||
    url.protocol !== 'https:' ||
    url.username !== '' ||
    url.password !== '' ||
    url.hash !== '' ||
    !/^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/.test(url.hostname)
  ) {
    throw new HttpError(
      400,
      'bad-return-to',
      'returnTo is not an https:// address that a browser can be sent to.',
      {
        hint: 'Give one such as "https://phone1.example/logged-in", without user name and fragment, of at most 2000 characters.',
      },
    );
  }
  return url;
}

/** `url` with these parameters behind those that it has. */
export function withParameters(url: URL, parameters: Readonly<Record<string, string | undefined>>): string {
  const extended = new URL(url);
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) extended.searchParams.append(name, value);
  return extended.href;
}
