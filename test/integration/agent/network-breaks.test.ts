/** An agent on a host that loses its network: no packet reports it, and still its card must not stay held. */
import { expect, it } from 'vitest';
import { AgentProcess, Controller } from '../../support/agent.js';
import { isHeld } from '../../support/holder.js';
import { OtherHost, whyNoOtherHosts } from '../../support/other-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 3 });
for (const slot of [0, 1]) await insertPiv(rig, slot);
const bridge = openBridge();
const trouble = whyNoOtherHosts();
const unless = trouble === undefined ? '' : ` (${trouble})`;

// Concurrently: each takes the 25 seconds after which a controller counts as lost.
it.skipIf(trouble !== undefined).concurrent.each([
  { slot: 0, when: 'while it has nothing to say' },
  { slot: 1, when: 'while it has something to say' },
])(`an agent frees its card $when${unless}`, { timeout: 90_000 }, async ({ slot }) => {
  const { name: reader } = readerAt(rig, slot);
  await using host = await OtherHost.boot();
  await using controller = await Controller.listen(host.address);
  await using agent = new AgentProcess(controller.invite('user'), {}, host.launcher);
  const { asker } = await controller.accept();
  asker.write('{"welcome":{"protocol":1}}\n');
  const talks = slot === 1;
  if (talks) await asker.ask('watch');
  await asker.ask('hold', { reader });
  expect(await isHeld(bridge, reader)).toBe(true);
  host.pullCable();
  // An event that is never acknowledged.
  if (talks) await insertPiv(rig, 2);
  expect(await agent.exited).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the connection broke'),
  });
  expect(await isHeld(bridge, reader)).toBe(false);
});
