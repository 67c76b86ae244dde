/** The clients of pcscd: shows which program may hold a card. */
import { native } from '../../native/addon.js';

/** A process that is connected to pcscd. */
export interface DaemonClient {
  pid: number;
  /** The program's name, at most 15 characters. */
  program: string;
  user: string;
  /** Each PC/SC context is one. */
  connections: number;
}

export interface DaemonClients {
  /** By process id; this process is among them if it uses PC/SC. */
  processes: DaemonClient[];
  /** Connections of processes that this user may not inspect. */
  unseen: number;
}

/**
 * The processes that are connected to pcscd. Those in another network namespace, such as a container's, are not seen.
 *
 * @throws PcscError SCARD_E_UNSUPPORTED_FEATURE on systems other than Linux, and if the kernel does not list sockets.
 */
export function daemonClients(): Promise<DaemonClients> {
  return native.daemonClients();
}
