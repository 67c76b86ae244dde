/**
 * A Debian guest in QEMU with emulated USB CCID readers, libccid and pcscd (scripts/usb-setup). Virtual cards of this host are in
 * its readers, and programs of this host use its pcscd.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const files = process.env['PCSC_BRIDGE_USB'] ?? '';

/** Ports in the guest (scripts/usb-guest-init). */
const pcscdPort = 4000;
const shellPort = 4001;

/** The guest runs on an emulated processor: it takes ten seconds to start on an idle machine. */
const startLimit = 180_000;
/** For whatever the guest has to notice. */
export const patience = 20_000;

/** QEMU's reader passes T=0 alone. */
export const t0Atr = Uint8Array.of(0x3b, 0x02, 0x14, 0x50);

/** What a command on a reader that has gone may end with. */
export const readerGone = [
  'SCARD_E_READER_UNAVAILABLE',
  'SCARD_W_REMOVED_CARD',
  'SCARD_E_COMM_DATA_LOST',
  'SCARD_E_NOT_TRANSACTED',
  'SCARD_E_INVALID_VALUE',
];

const readers = ['reader1', 'reader2'] as const;
export type ReaderId = (typeof readers)[number];

export class UsbGuest implements AsyncDisposable {
  readonly #directory: string;
  readonly #qemu: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #ports: { pcscd: number; shell: number };
  #relay: Server | undefined;
  #output = '';

  private constructor(directory: string, ports: { pcscd: number; shell: number }) {
    this.#directory = directory;
    this.#ports = ports;
    const argument = (text: string) => text.trim().split(/\s+/);
    this.#qemu = spawn(
      'qemu-system-x86_64',
      [
        ...argument('-nodefaults -no-user-config -display none -no-reboot -machine q35 -cpu max -m 512'),
        // KVM is rarely to be had where tests run.
        ...argument('-accel tcg,thread=single'),
        ...argument(`-kernel ${files}/vmlinuz -initrd ${files}/guest.cpio`),
        ...['-append', 'console=ttyS0 quiet panic=-1 net.ifnames=0'],
        ...argument('-serial file:console -monitor unix:monitor,server=on,wait=off'),
        '-netdev',
        `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${ports.pcscd}-:${pcscdPort},hostfwd=tcp:127.0.0.1:${ports.shell}-:${shellPort}`,
        ...argument('-device e1000,netdev=net -device qemu-xhci,id=usb'),
        ...readers.flatMap((id) => argument(`-chardev socket,id=${id}-card,path=${id},server=on,wait=off`)),
        ...readers.flatMap((id) => argument(`-device usb-ccid,id=${id}`)),
        ...readers.flatMap((id) =>
          argument(`-device ccid-card-passthru,bus=${id}.0,chardev=${id}-card,id=${id}-slot`),
        ),
      ],
      { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#ended = once(this.#qemu, 'exit');
    for (const stream of [this.#qemu.stdout, this.#qemu.stderr]) {
      stream?.on('data', (data) => {
        this.#output += data;
      });
    }
  }

  /** Resolves when the guest's pcscd serves clients at `socket`. */
  static async start(): Promise<UsbGuest> {
    const directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-usb-'));
    const guest = new UsbGuest(directory, { pcscd: await freePort(), shell: await freePort() });
    try {
      await guest.#untilReady();
      await guest.#forward();
      return guest;
    } catch (error) {
      await guest[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The socket of the guest's pcscd, for PCSCLITE_CSOCK_NAME. */
  get socket(): string {
    return join(this.#directory, 'pcscd.comm');
  }

  /** Where a card for this reader connects. The reader is plugged in with its first card. */
  address(id: ReaderId): { socket: string } {
    return { socket: join(this.#directory, id) };
  }

  /** Runs a command in the guest's shell, and returns its output. */
  async run(command: string): Promise<string> {
    const socket = connect(this.#ports.shell, '127.0.0.1');
    await once(socket, 'connect');
    const output = collect(socket);
    socket.end(`${command}\nexit\n`);
    return output;
  }

  /** A command of QEMU's monitor, such as `device_del reader1`. */
  async monitor(command: string): Promise<string> {
    const socket = connect(join(this.#directory, 'monitor'));
    await once(socket, 'connect');
    const output = collect(socket);
    socket.write(`${command}\n`);
    // The monitor echoes the command, and prompts when it is done.
    socket.end();
    const reply = await output;
    if (/Error|unknown command/.test(reply)) throw new Error(`QEMU: ${command}: ${reply}`);
    return reply;
  }

  async unplug(id: ReaderId): Promise<void> {
    await this.monitor(`device_del ${id}`);
  }

  /** Plugs a reader in again, without a card. */
  async plugIn(id: ReaderId): Promise<void> {
    await this.monitor(`device_add usb-ccid,id=${id}`);
    await this.monitor(`device_add ccid-card-passthru,bus=${id}.0,chardev=${id}-card,id=${id}-slot`);
  }

  /** Suspends the guest to memory, and wakes it when it sleeps. Works once: QEMU 7.2 does not suspend it again. */
  async sleepAndWake(): Promise<void> {
    // In the background: the shell's connection does not outlive the sleep.
    await this.run("setsid sh -c 'sleep 1; echo mem >/sys/power/state' >/dev/null 2>&1 &");
    const end = performance.now() + patience;
    while (!(await this.monitor('info status')).includes('(suspended)')) {
      if (performance.now() > end) throw new Error('the guest does not sleep');
      await setTimeout(100);
    }
    // A guest that is woken while its devices still go to sleep may hang.
    await setTimeout(1000);
    await this.monitor('system_wakeup');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#relay?.close();
    this.#qemu.kill('SIGKILL');
    await this.#ended;
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    for (const end = performance.now() + startLimit; ; await setTimeout(100)) {
      const console = await readFile(join(this.#directory, 'console'), 'latin1').catch(() => '');
      if (console.includes('guest: ready')) return;
      if (performance.now() > end || this.#qemu.exitCode !== null) {
        throw new Error(`The guest did not start. QEMU: ${this.#output} Console: ${console.slice(-2000)}`);
      }
    }
  }

  async #forward(): Promise<void> {
    this.#relay = createServer({ allowHalfOpen: true }, (client) => {
      const daemon = connect({
        port: this.#ports.pcscd,
        host: '127.0.0.1',
        noDelay: true,
        allowHalfOpen: true,
      });
      for (const [one, other] of [
        [client, daemon],
        [daemon, client],
      ] as const) {
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
    this.#relay.listen(this.socket);
    await once(this.#relay, 'listening');
    this.#relay.unref();
  }
}

async function collect(socket: Socket): Promise<string> {
  let text = '';
  for await (const data of socket) text += data;
  return text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
