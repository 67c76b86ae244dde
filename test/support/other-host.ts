/** Another host, as far as the network shows: a network namespace at the other end of a virtual cable. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';

/** Why other hosts are not possible here; undefined if they are. */
export function whyNoOtherHosts(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may make network namespaces';
  const { error, status } = spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'type', 'veth']);
  return error || status !== 0 ? 'this system has no network namespaces, veth, or ip (iproute2)' : undefined;
}

export class OtherHost implements AsyncDisposable {
  /** This host's address, as seen from the other one. */
  readonly address: string;
  /**
   * Its namespace and the cable last as long as this process, which ends with its input, so at the latest with this
   * process.
   */
  readonly #keeper: ChildProcess;
  readonly #cable: string;

  private constructor(keeper: ChildProcess) {
    this.#keeper = keeper;
    const number = randomInt(1 << 20);
    this.#cable = `pb${number}`;
    // A network of four addresses in 10.128.0.0/10.
    const [b, c, d] = [128 + (number >> 14), (number >> 6) & 255, (number & 63) << 2];
    this.address = `10.${b}.${c}.${d + 1}`;
    const inside = this.launcher;
    run('ip', 'link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${keeper.pid}`);
    run('ip', 'addr', 'add', `${this.address}/30`, 'dev', this.#cable);
    run('ip', 'link', 'set', this.#cable, 'up');
    run(...inside, 'ip', 'addr', 'add', `10.${b}.${c}.${d + 2}/30`, 'dev', 'eth0');
    for (const device of ['eth0', 'lo']) run(...inside, 'ip', 'link', 'set', device, 'up');
  }

  static async boot(): Promise<OtherHost> {
    const keeper = spawn('unshare', ['--net', 'sh', '-c', 'echo up; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(keeper.stdout, 'data');
    return new OtherHost(keeper);
  }

  /** The command prefix that starts a program there. */
  get launcher(): [string, ...string[]] {
    return ['nsenter', `--net=/proc/${this.#keeper.pid}/ns/net`];
  }

  /** From now on no packet passes, and no connection is closed. */
  pullCable(): void {
    run('ip', 'link', 'set', this.#cable, 'down');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync('ip', ['link', 'del', this.#cable]);
    this.#keeper.stdin?.end();
    await once(this.#keeper, 'exit');
  }
}

function run(...[program, ...words]: [string, ...string[]]): void {
  execFileSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
