/** Local connections with authenticated peers: Unix sockets, on Windows named pipes. */
export type { Peer } from '../identity/peer.js';
export type { LocalAccess } from './arrival.js';
export { connectLocally } from './connect.js';
export type { LocalConnection } from './connection.js';
export { ConnectionLimitError, type ConnectionLimits } from './limits.js';
export {
  LocalServer,
  type LocalServerOptions,
  type LocalServerPlace,
} from './server.js';
