/** The scenario on one machine without agents: the logon service in this process, the holder beside it. */
import { toConnectTime } from '../../index.js';
import { CardHold } from '../../testing/rig/index.js';
import type { Cast, Hold, LogonService, Player } from './cast.js';
import { LocalLogonService } from './logon-service.js';

export class LocalCast implements Cast {
  async startService(filter: 'off' | 'on'): Promise<LogonService> {
    return new LocalLogonService(filter);
  }

  hold(player: Player, holdMs: number, signal?: AbortSignal): Promise<Hold> {
    return CardHold.start(player.reader, { holdMs, ...(signal && { signal }) });
  }

  /** The users have no programs here that could check; a missing card fails the first logons. */
  async checkCards(): Promise<void> {}

  async comeBack(player: Player): Promise<Player> {
    return { ...player, identity: { id: player.identity.id, connectTime: toConnectTime(Date.now()) } };
  }
}
