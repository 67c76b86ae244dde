/** The set-up of the scenario: the sessions, each with a reader and a card. */
import type { SessionIdentity } from '../../index.js';
import { toConnectTime } from '../../index.js';
import { Rig } from '../../testing/rig/index.js';
import { createPivCard, type PivCard } from '../../testing/virtual/index.js';
import { LocalParticipants } from './local-participants.js';
import type { Participants, ScenarioSession } from './participants.js';

export interface Setup extends AsyncDisposable {
  /** The sessions. The card of the first one is held. */
  sessions: ScenarioSession[];
  participants: Participants;
  /** The environment, as recorded in the result. */
  environment: Record<string, string>;
}

const minute = 60_000;

/** Made-up identities: ids count from 1, and each was connected a minute after the one before. */
export function identityOf(index: number, count: number): SessionIdentity {
  return { id: index + 1, connectTime: toConnectTime(Date.now() - (count - index) * minute) };
}

/** A private pcscd with a virtual PIV card, with its own key and PIN, for each session. */
export async function setUpVirtualReaders(count: number, signal?: AbortSignal): Promise<Setup> {
  const rig = await Rig.start({ slots: count, ...(signal && { signal }) });
  const cards: PivCard[] = [];
  const close = async () => {
    await Promise.all(cards.map((card) => card.remove()));
    await rig.stop();
  };
  try {
    // The PC/SC library reads this at its first call in this process.
    Object.assign(process.env, rig.env);
    const sessions = await Promise.all(
      rig.readers.map(async (reader, index) => {
        const pin = String(100_000 + index * 11_111);
        const subject = `Session ${index + 1}`;
        cards.push(await createPivCard({ port: reader.port, algorithm: 'RSA2048', pin, subject }));
        return { identity: identityOf(index, count), reader: reader.name, pin };
      }),
    );
    const environment = { readers: 'virtual (vpcd)', pcscd: rig.version };
    return { sessions, participants: new LocalParticipants(), environment, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Real readers with PIV cards in them, all with the same PIN; two or more. */
export function setUpRealReaders(readers: readonly string[], pin: string): Setup {
  const sessions = readers.map((reader, index) => ({
    identity: identityOf(index, readers.length),
    reader,
    pin,
  }));
  return {
    sessions,
    participants: new LocalParticipants(),
    environment: { readers: 'real' },
    [Symbol.asyncDispose]: async () => {},
  };
}
