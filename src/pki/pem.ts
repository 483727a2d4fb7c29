/** PEM (RFC 7468). */

/** The text of one block. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The blocks of a text whose label is `label` or ends in it (`PRIVATE KEY` finds `EC PRIVATE KEY`, too), each as it stands there. */
export function pemBlocks(text: string, label: string): string[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g);
  return Array.from(blocks)
    .filter(([, found]) => found === label || (found as string).endsWith(` ${label}`))
    .map(([block]) => `${block}\n`);
}
