/**
 * Socket activation: the socket that systemd listens on and passes to the service (systemd.socket(5),
 * sd_listen_fds(3)).
 */

/** SD_LISTEN_FDS_START */
const firstDescriptor = 3;

/**
 * Returns the file descriptor of the socket. Call it once: it deletes the variables that announce the socket, so that
 * no child process uses them.
 *
 * @throws {Error} No socket, another process's socket, or more than one socket was passed.
 */
export function takeActivatedSocket(): number {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = process.env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete process.env[name];
  if (pid === undefined || count === undefined) {
    throw new Error(
      'LocalServer: no socket was passed to this process; start it by a socket unit of systemd, or listen at a path',
    );
  }
  if (pid !== String(process.pid)) {
    throw new Error(
      `LocalServer: the socket was passed to process ${pid}, and this is ${process.pid}; ` +
        'let ExecStart= start Node.js itself, not a program that starts it',
    );
  }
  if (count !== '1') {
    throw new Error(
      `LocalServer: ${count} sockets were passed to this process, and a LocalServer takes one; ` +
        'give the socket unit one ListenStream=',
    );
  }
  return firstDescriptor;
}
