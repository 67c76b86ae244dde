/** The scenario on one machine without agents: the logon service in this process, the holder beside it. */
import { toConnectTime } from '../../index.js';
import { CardHold } from '../../testing/rig/index.js';
import { LocalLogonService } from './logon-service.js';
import type { Hold, LogonService, Participants, ScenarioSession } from './participants.js';

export class LocalParticipants implements Participants {
  async startService(filter: 'off' | 'on'): Promise<LogonService> {
    return new LocalLogonService(filter);
  }

  hold(session: ScenarioSession, holdMs: number, signal?: AbortSignal): Promise<Hold> {
    return CardHold.start(session.reader, { holdMs, ...(signal && { signal }) });
  }

  /** The users have no programs here that could check; a missing card fails the first logons. */
  async checkCards(): Promise<void> {}

  async reconnect(session: ScenarioSession): Promise<ScenarioSession> {
    return { ...session, identity: { id: session.identity.id, connectTime: toConnectTime(Date.now()) } };
  }
}
