/**
 * Asks the broker of examples/session-broker.mjs for its view of this session and for the readers, and logs on.
 *
 *   PCSC_BRIDGE_PIN=123456 node examples/session-broker-client.mjs /run/session-broker.sock [READER]
 */
import { createInterface } from 'node:readline';
import { connectLocally } from 'pcsc-bridge/local';

const [path = '/run/session-broker.sock', wanted] = process.argv.slice(2);
const { socket, peer } = await connectLocally(path);
// Check who listens before sending the PIN. Any program that may create files in this directory could listen at the path.
// On Windows, the first program to listen owns the name, and other programs than services run in session 0: the account
// counts. It is unknown if this user may not query it, and then the PIN is not sent either.
const services = ['S-1-5-18', 'S-1-5-19', 'S-1-5-20']; // LocalSystem, LocalService, NetworkService
const { userId } = peer.identity;
const trusted =
  peer.uid === undefined ? services.includes(userId ?? '') : [0, process.getuid?.()].includes(peer.uid);
if (!trusted)
  throw new Error(
    `process ${peer.pid} of user ${userId ?? 'unknown'} listens at ${path}: it does not get the PIN`,
  );

const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
/** @param {object} request */
async function ask(request, secret = '') {
  socket.write(`${JSON.stringify(request)}\n${secret}`);
  const { value, done } = await answers.next();
  if (done) throw new Error('the broker has closed the connection');
  return JSON.parse(value);
}

console.log(await ask({ command: 'whoami' }));
const { readers } = await ask({ command: 'readers' });
console.log({ readers });
const pin = process.env['PCSC_BRIDGE_PIN'];
const reader = wanted ?? readers[0];
if (pin && reader) console.log(await ask({ command: 'logon', reader }, `${pin}\n`));
socket.end();
