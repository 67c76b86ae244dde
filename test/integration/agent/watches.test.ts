import { expect, it, onTestFinished } from 'vitest';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { AgentProcess, Asker } from '../../support/agent.js';
import { readerAt, startRig, takeOut } from '../../support/rig.js';
import { codeOf, startAgent } from './helpers.js';

const rig = await startRig({ slots: 2 });
const { name: reader, port } = readerAt(rig);
const { name: empty } = readerAt(rig, 1);

it('a watch reports the readers, then each change, until it is cancelled', async () => {
  const agent = startAgent('user');
  expect(await agent.ask('watch', {}, 9)).toEqual({ watching: true });
  await agent.asker.event('reader-added', { reader, watch: 9 });
  await agent.asker.event('reader-added', { reader: empty, watch: 9 });
  const card = await createPivCard({ port });
  const inserted = await agent.asker.event('card-inserted', { reader, watch: 9 });
  expect(inserted['atr']).toMatch(/^3b[0-9a-f]+$/);

  // A second watch reports all of it, and the first reports nothing twice.
  expect(await agent.ask('watch', {}, 10)).toEqual({ watching: true });
  await agent.asker.event('card-inserted', { reader, watch: 10 });
  expect(
    agent.asker.events.filter((event) => event['event'] === 'card-inserted' && event['watch'] === 9),
  ).toHaveLength(1);

  expect((await agent.asker.complaint('{"id":9,"command":"session"}', 9))['code']).toBe('AGENT_E_BUSY');
  expect(await agent.ask('cancel', { request: 9 })).toEqual({ cancelled: true });
  expect(await agent.ask('cancel', { request: 9 })).toEqual({ cancelled: false });
  await takeOut(card);
  const removed = await agent.asker.event('card-removed', { reader, watch: 10 });
  expect(removed).not.toHaveProperty('atr');
  expect(await agent.ask('session', {}, 9)).toHaveProperty('id');
  // The agent has answered a later request, so the first watch reports no more.
  expect(
    agent.asker.events.filter(({ event }) => event === 'card-removed').map(({ watch }) => watch),
  ).toEqual([10]);
});

it('the watch subcommand prints events as text or as JSON', async () => {
  for (const args of [['watch'], ['watch', '--json']]) {
    const agent = new AgentProcess(args);
    onTestFinished(() => agent.kill());
    if (args.length > 1) {
      const asker = new Asker(agent.child.stdout, agent.child.stdin);
      for (const name of [reader, empty]) {
        expect(await asker.event('reader-added', { reader: name })).toEqual({
          event: 'reader-added',
          reader: name,
        });
      }
    } else {
      let text = '';
      await new Promise<void>((found) => {
        agent.child.stdout.on('data', (data) => {
          text += data;
          if (text.split('\n').length > 2) found();
        });
      });
      expect(text).toBe(`reader-added  ${reader}\nreader-added  ${empty}\n`);
    }
    agent.child.stdout.destroy();
  }
});

it('a watch, a user and a broker continue after a restart of the service', async () => {
  const [user, broker] = [startAgent('user'), startAgent('broker')];
  const identity = { id: 2, connectTime: '133772904000000000' };
  const before = await createPivCard({ port });
  await broker.ask('cache', { filter: 'on' });
  const { lease } = await broker.ask('acquire', { identity, reader });
  await broker.ask('end', { lease });
  const { card } = await user.ask('hold', { reader });
  await user.ask('watch', {}, 50);
  await user.asker.event('card-inserted', { reader, watch: 50 });

  await rig.killDaemon();
  expect(await user.asker.event('service-stopped')).toEqual({ event: 'service-stopped', watch: 50 });
  expect(await codeOf(user.ask('exchange', { card, apdu: '00a40400' }))).toMatch(/^SCARD_/);
  expect(await codeOf(user.ask('readers'))).toBe('SCARD_E_NO_SERVICE');
  // The card is lost, and the agent still lists it until it is released.
  expect(await codeOf(user.ask('release', { card }))).toMatch(/^SCARD_/);
  expect(await codeOf(user.ask('release', { card }))).toBe('AGENT_E_PARAMETER');
  await before.closed;
  await rig.restartDaemon();
  await user.asker.event('service-started', { watch: 50 });

  const after = await createPivCard({ port });
  await user.asker.until(
    () =>
      user.asker.events.filter((event) => event['event'] === 'card-inserted' && event['watch'] === 50)
        .length === 2,
  );
  expect(await user.ask('hold', { reader, timeout: 5000 })).toHaveProperty('card');
  await user.end();
  expect(await broker.ask('acquire', { identity, reader, timeout: 5000 })).toMatchObject({ fresh: true });
  await broker.end();
  await takeOut(after);
});
