/**
 * Named pipes: a broker in this process, clients in others and through Node's own net; disconnects, closing, refusals.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { CardBridge } from 'pcsc-bridge';
import { connectLocally, LocalServer } from 'pcsc-bridge/local';
import { report } from './report.mjs';

const [role, path = `\\\\.\\pipe\\pcsc-bridge-${process.pid}`] = process.argv.slice(2);

if (role === 'client') {
  const { socket, peer } = await connectLocally(path);
  socket.write(`${process.pid} sees ${peer.pid}\n`);
  // Until the server closes.
  await text(socket);
  process.exit();
}

const bridge = new CardBridge();
const own = await bridge.openSession();
const arrived = [];
const waiting = [];
const refused = [];
const server = await LocalServer.listen(
  { path, access: 'everyone', onRefused: (reason) => refused.push(String(reason)) },
  (connection) => (waiting.shift() ?? ((it) => arrived.push(it)))(connection),
);
const next = () => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve));
const codeOf = (promise) =>
  promise.then(
    () => 'none',
    (error) => error.code ?? error.name,
  );

// Another process, through connectLocally.
const child = spawn(process.execPath, [process.argv[1], 'client', path], { stdio: 'ignore' });
const { socket: theirs, peer } = await next();
const [said] = await once(theirs, 'data');
const session = await bridge.openSession({ peer });

// Node's own client, which belongs to the owner.
const plain = connect(path);
plain.write('plain');
const { socket: accepted, peer: self } = await next();
const plainUser = self.identity.userId;
const before = accepted.bytesRead;
plain.end();
const heard = await text(accepted);

// A lot of data, in both directions.
const big = Buffer.alloc(3_000_000, 'x');
const { socket: sender, peer: listener } = await connectLocally(path);
sender.end(big);
const { socket: receiver } = await next();
const got = (await text(receiver)).length;

// One client that connects and disconnects, many at once, and then one more.
const brief = connect(path);
await once(brief, 'connect');
brief.destroy();
await next();
const many = await Promise.all(Array.from({ length: 8 }, () => connectLocally(path)));
for (const _ of many) await next();

// One connection per user: the second is closed.
const limits = { path: `${path}-l`, maxConnectionsPerUser: 1, onRefused: ({ limit }) => limited.push(limit) };
const limited = [];
const strict = await LocalServer.listen(limits, () => {});
const first = await connectLocally(limits.path);
const second = await connectLocally(limits.path);
second.socket.resume();
await once(second.socket, 'close');
await strict.close();
first.socket.destroy();

const group = await codeOf(LocalServer.listen({ path: `${path}-g`, access: 'group' }, () => {}));
const noPath = await codeOf(LocalServer.listen({ path: 'C:\\broker.sock' }, () => {}));
const ended = Promise.all([once(child, 'close'), ...many.map(({ socket }) => once(socket, 'close'))]);
for (const { socket } of many) socket.resume();
await server.close();
await ended;
const nobody = await codeOf(connectLocally(path));
// The name is free again.
const again = await LocalServer.listen({ path }, () => {});
await again.close();

report({
  said: String(said).trim() === `${child.pid} sees ${process.pid}`,
  ofChild: peer.pid === child.pid && peer.uid === undefined,
  identity: peer.identity,
  own: own.identity,
  opened: session.identity,
  self: self.pid === process.pid,
  listener: listener.pid === process.pid,
  plainUser,
  listenerUser: listener.identity.userId,
  limited,
  before,
  heard,
  got,
  group,
  noPath,
  nobody,
  refused,
});
await bridge.close();
