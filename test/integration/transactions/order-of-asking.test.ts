import { expect, it } from 'vitest';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 1 });
await insertPiv(rig);
const { name } = readerAt(rig);
const users = Array.from({ length: 16 }, (_, index) => index);

it('sixteen connections to one reader that begin transactions at once are served in that order', async () => {
  const session = await openBridge().openSession();
  const cards = await Promise.all(users.map(() => session.connect(name)));
  for (let round = 0; round < 30; round++) {
    const served: number[] = [];
    await Promise.all(users.map((user) => cards[user]?.transaction(() => void served.push(user))));
    expect(served).toEqual(users);
  }
});

it('sixteen sessions with a cached card each are served in order, too', async () => {
  const bridge = openBridge({ filter: 'off' });
  const sessions = await Promise.all(users.map((id) => bridge.openSession({ id, connectTime: 7n })));
  for (let round = 0; round < 10; round++) {
    const served: number[] = [];
    await Promise.all(users.map((user) => sessions[user]?.transaction(name, () => void served.push(user))));
    expect(served).toEqual(users);
  }
});
