/** Local connections whose peer the system tells: Unix sockets, on Windows named pipes. */
export type { Peer } from '../peer.js';
export { peerOf } from './peer-of.js';
export { type LocalAccess, type LocalConnection, LocalServer, type LocalServerOptions } from './server.js';
