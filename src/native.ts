/**
 * The native boundary: the only file that loads the addon. Every native member is typed and documented
 * here; what it does is in native/addon and below.
 */
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';

export interface NativeAddon {
  /** Acknowledges at once on a TCP socket (TCP_QUICKACK); repeat after each send. Linux only, else a no-op. */
  setQuickAck(fd: number): void;
}

export const native = bindings({
  bindings: 'pcsc_bridge',
  module_root: fileURLToPath(new URL('..', import.meta.url)),
}) as NativeAddon;
