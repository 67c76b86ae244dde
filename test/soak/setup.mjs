/** The private pcscd, its cards, and what other programs do to them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Rig } from '../../dist/testing/rig/index.js';
import { PivApplet, PivCard } from '../../dist/testing/virtual/index.js';

const holderProgram = fileURLToPath(new URL('../../build/Release/pcsc-holder', import.meta.url));

export class Setup {
  rig;
  /** Indexed by slot. */
  cards = [];
  #applets = [];

  static async start(slots) {
    const setup = new Setup();
    setup.rig = await Rig.start({ slots });
    Object.assign(process.env, setup.rig.env);
    for (let slot = 0; slot < slots; slot++) {
      setup.#applets.push(await PivApplet.create());
      await setup.insert(slot);
    }
    return setup;
  }

  reader(slot) {
    return this.rig.readers[slot].name;
  }

  async insert(slot) {
    const { port } = this.rig.readers[slot];
    this.cards[slot] = await PivCard.insertPiv({ port }, this.#applets[slot]);
  }

  async pullAndInsert(slot) {
    await this.cards[slot].remove();
    await this.insert(slot);
  }

  /** The daemon dies as in a crash, and is restarted after a while. */
  async killDaemon(ms) {
    await this.rig.killDaemon();
    await Promise.all(this.cards.map((card) => card.closed));
    await sleep(ms);
    await this.rig.restartDaemon();
    await Promise.all(this.cards.map((_, slot) => this.insert(slot)));
  }

  async stopDaemon(ms) {
    const pid = this.#daemon();
    process.kill(pid, 'SIGSTOP');
    await sleep(ms);
    process.kill(pid, 'SIGCONT');
  }

  /** Another process is in a transaction, which ends well, or by the process's death: pcscd then resets the card. */
  async hold(slot, ms, ending) {
    const holder = spawn(holderProgram, [this.reader(slot)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(holder, 'exit');
    const [line] = await Promise.race([once(createInterface({ input: holder.stdout }), 'line'), ended]);
    if (line !== 'held') throw new Error(`the other process does not get the card: ${line}`);
    await sleep(ms);
    if (ending === 'dies') holder.kill('SIGKILL');
    else holder.stdin.end();
    await ended;
  }

  async slowCard(slot, ms) {
    const { faults } = this.cards[slot];
    faults.responseDelay = 100;
    await sleep(ms);
    faults.clear();
  }

  async strike() {
    await Promise.all(this.cards.map((card) => card.remove()));
    await this.rig.stop();
  }

  #daemon() {
    for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const command = readFileSync(`/proc/${entry}/cmdline`, 'latin1').split('\0');
        const ours = command.some((word) => word.startsWith(`${this.rig.directory}/`));
        if (command[0].endsWith('pcscd') && ours) return Number(entry);
      } catch {
        // The process has ended.
      }
    }
    throw new Error('the daemon of the rig is not to be found in /proc');
  }
}
