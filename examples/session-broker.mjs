/**
 * A broker that can run as a service: one process has the readers, and its clients are in many terminal sessions. The
 * system reports which session a client is in, so no session waits for the card of another one or gets its handle.
 *
 *   node examples/session-broker.mjs /run/session-broker.sock everyone
 *   node examples/session-broker.mjs --activated       with a socket of systemd: examples/systemd
 *
 * Requests and answers are one JSON object per line: see examples/session-broker-client.mjs. SIGTERM or Ctrl-C ends it.
 */
import { once } from 'node:events';
import { CardBridge } from 'pcsc-bridge';
import { LocalServer } from 'pcsc-bridge/local';
import { logon } from 'pcsc-bridge/piv';

const longestLine = 4096;
// Limits per user, so that one user's programs cannot block all cards.
const maxConnectionsPerUser = 16;
const maxLogonsPerUser = 4;

const [path = '/run/session-broker.sock', access = 'owner'] = process.argv.slice(2);
const place =
  path === '--activated'
    ? { activated: /** @type {const} */ (true) }
    : { path, access: /** @type {import('pcsc-bridge/local').LocalAccess} */ (access) };
/** Refusals per message since the last report, so that a flood does not fill the log. @type {Map<string, number>} */
const refusals = new Map();
/** The number of pending logons per user id. @type {Map<string, number>} */
const logons = new Map();

const bridge = new CardBridge({ filter: 'on' });
const server = await LocalServer.listen(
  {
    ...place,
    maxConnectionsPerUser,
    onRefused: ({ message }) => void refusals.set(message, (refusals.get(message) ?? 0) + 1),
  },
  serve,
);
console.log(server.path ? `listening at ${server.path}` : 'listening on the socket of systemd');
setInterval(reportRefusals, 1000).unref();

function reportRefusals() {
  for (const [sentence, times] of refusals) {
    console.log(times > 1 ? `refused: ${sentence} (${times} times)` : `refused: ${sentence}`);
  }
  refusals.clear();
}

async function stop() {
  await server.close();
  await bridge.close();
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

/** @param {import('pcsc-bridge/local').LocalConnection} connection */
async function serve({ socket, peer }) {
  const session = await bridge.openSession({ peer });
  const who = `session ${session.identity.id} (${session.identity.user}), process ${peer.pid}`;
  console.log(`${who}: here`);
  const gone = new AbortController();
  socket.once('close', () => {
    gone.abort();
    void session.close(); // rejects pending calls
  });
  try {
    const lines = linesOf(socket);
    // One request at a time: the next line is read when the client has taken the previous answer.
    for await (const line of lines) {
      const answer = await answerTo(line, session, lines).catch(failure);
      line.fill(0);
      if (!socket.write(`${JSON.stringify(answer)}\n`)) await once(socket, 'drain', gone);
      if (line.length > longestLine) break;
    }
  } catch (error) {
    if (!gone.signal.aborted) console.log(`${who}: ${textOf(error)}`);
  } finally {
    socket.destroy();
    await session.close(); // closes the cached cards if this was the session's last client
    console.log(`${who}: gone`);
  }
}

/**
 * @param {Buffer} line
 * @param {import('pcsc-bridge').SessionContext} session
 * @param {AsyncGenerator<Buffer>} lines
 */
async function answerTo(line, session, lines) {
  if (line.length > longestLine) throw new Error(`a line has at most ${longestLine} bytes`);
  const { command, reader } = JSON.parse(line.toString()) ?? {};
  if (command === 'whoami') return { session: session.identity.id, user: session.identity.user };
  if (command === 'readers') return { readers: await session.listReaders({ timeout: 5000 }) };
  if (command !== 'logon') throw new Error('the commands are whoami, readers and logon');
  // The PIN is the next line, outside the JSON: bytes can be wiped, strings from JSON.parse cannot.
  const { value: pin } = await lines.next();
  try {
    return await logOn(session, reader, pin);
  } finally {
    pin?.fill(0);
  }
}

/**
 * @param {import('pcsc-bridge').SessionContext} session
 * @param {string} reader
 * @param {Buffer} pin
 */
async function logOn(session, reader, pin) {
  const user = session.identity.userId ?? '';
  const count = logons.get(user) ?? 0;
  if (count >= maxLogonsPerUser) {
    const sentence = `this user already has ${count} pending logons, which is the limit: wait for one to end`;
    throw Object.assign(new Error(sentence), { code: 'TOO_MANY_LOGONS' });
  }
  logons.set(user, count + 1);
  try {
    const { subject, durationMs } = await session.transaction(reader, (card) => logon(card, pin), {
      timeout: 30_000, // limits the wait for other programs' transactions
      idleTimeout: 10_000,
      disposition: 'reset', // the PIN is no longer verified for the next user of the card
    });
    return { subject, durationMs };
  } finally {
    const left = (logons.get(user) ?? 0) - 1;
    if (left > 0) logons.set(user, left);
    else logons.delete(user);
  }
}

/**
 * The bytes of each line. The caller must wipe them. This function wipes the buffers that they are copied from.
 *
 * @param {AsyncIterable<Buffer>} socket
 */
async function* linesOf(socket) {
  let rest = Buffer.alloc(0);
  for await (const data of socket) {
    const joined = Buffer.concat([rest, data]);
    for (const old of [rest, data]) old.fill(0);
    rest = joined;
    for (let end = rest.indexOf('\n'); end >= 0 && end <= longestLine; end = rest.indexOf('\n')) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length <= longestLine) continue;
    yield rest; // too long: return it and stop reading
    return;
  }
}

/** @param {unknown} error */
function failure(error) {
  // The message of a SyntaxError would quote the line.
  if (error instanceof SyntaxError) return { error: 'a line must be a JSON object', code: 'BAD_JSON' };
  return { error: textOf(error), code: /** @type {{ code?: string }} */ (error)?.code };
}

/** @param {unknown} error */
function textOf(error) {
  return error instanceof Error ? error.message : String(error);
}
