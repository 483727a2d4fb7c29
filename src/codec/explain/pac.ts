import { PAC_BUFFERS, numbered } from './names.ts';
import { bytesText } from './text.ts';
import type { Tree } from './tree.ts';

/** Which buffers a PAC holds (MS-PAC 2.3, 2.4), without looking into them. */
export function explainPac(label: string, bytes: Uint8Array): Tree {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length < 8 ? -1 : view.getUint32(0, true);
  if (count < 0 || view.getUint32(4, true) !== 0 || count > (bytes.length - 8) / 16) {
    return { label, value: `${bytesText(bytes)} (no PAC)` };
  }
  const children = Array.from({ length: count }, (_, i) => {
    const row = 8 + 16 * i;
    const type = view.getUint32(row, true);
    return { label: numbered(PAC_BUFFERS, type), value: `${view.getUint32(row + 4, true)} bytes` };
  });
  return { label, value: `PAC of ${bytes.length} bytes`, children };
}
