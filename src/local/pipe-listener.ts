/** Listens on a named pipe of Windows with the addon, because Node.js does not expose the handles of its pipes. */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Peer } from '../identity/peer.js';
import { native } from '../native/addon.js';
import type { Arrival, Listener, Listening } from './arrival.js';

export async function listenOnPipe({ place, onArrival, onError }: Listening): Promise<Listener> {
  if ('activated' in place) throw new TypeError('activated is for systemd: on Windows listen at a path');
  const { path, access } = place;
  if (access === 'group')
    throw new TypeError("access 'group' is for Unix: on Windows it is 'owner' or 'everyone'");
  if (!native.PipeServer) throw new Error('named pipes are for Windows');
  return new native.PipeServer(path, access === 'everyone', (error, fd) => {
    if (fd === null) onError(error ?? new Error('no pipe'));
    else onArrival(arrivalOf(fd));
  });
}

function arrivalOf(fd: number): Arrival {
  let open = true;
  return {
    userId: () => native.peerUser(fd),
    ask: async () => new Peer(await native.peerOf(fd)),
    open() {
      if (!open) return undefined;
      open = false;
      return new Socket({ fd });
    },
    refuse() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}
