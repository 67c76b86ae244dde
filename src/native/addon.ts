/**
 * The native boundary: the only file that loads the addon. Every native member is typed and documented
 * here; what it does is in native/addon and below. Nothing here does policy.
 *
 * Promises reject with PcscError. Where a `cancel` is given, `cancel.cancel()` rejects the promise at once
 * with `SCARD_E_CANCELLED`, whatever the call is doing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import bindings from 'bindings';
import { type Failure, PcscError } from '../errors.js';
import { packageRoot, platformName } from './prebuilt.js';

/** SCARD_SHARE_EXCLUSIVE, _SHARED, _DIRECT. */
export const ShareModes = { exclusive: 1, shared: 2, direct: 3 } as const;
/** SCARD_LEAVE_CARD, _RESET_CARD, _UNPOWER_CARD, _EJECT_CARD. */
export const Dispositions = { leave: 0, reset: 1, unpower: 2, eject: 3 } as const;
/** SCARD_PROTOCOL_T0, _T1, _RAW: the same numbers on every platform, here. */
export const ProtocolBits = { 'T=0': 1, 'T=1': 2, raw: 4 } as const;
/** What SCardStatus says of a card, by number. */
export const CardStates = [
  'unknown',
  'absent',
  'present',
  'swallowed',
  'powered',
  'negotiable',
  'specific',
] as const;
/** SCARD_STATE_... bits of a reader. */
export const ReaderStateBits = {
  unknown: 0x0004,
  unavailable: 0x0008,
  empty: 0x0010,
  present: 0x0020,
  exclusive: 0x0080,
  inUse: 0x0100,
  mute: 0x0200,
  unpowered: 0x0400,
} as const;

/** Ends an operation that is waiting; given to it as the last argument. */
export interface NativeCancel {
  cancel(): void;
}

export interface NativeIdentity {
  id: number;
  /** 100-ns ticks since 1601-01-01 UTC; 0 = unknown. */
  connectTime: bigint;
  /** Tells sessions apart whose connect time is unknown (`newSessionInstance`); 0 where it is known. */
  instance: number;
  /** The user within the session; '' if it is not known. */
  userId: string;
}

declare const ownerBrand: unique symbol;

/** For whom a card is used, as the core holds it. */
export interface NativeOwner {
  readonly [ownerBrand]: never;
}

/** An identity as the core reports it. */
export interface ReportedIdentity {
  id: number;
  /** 100-ns ticks since 1601-01-01 UTC; 0 = unknown. */
  connectTime: bigint;
  /** Absent if the user is not known. */
  userId?: string;
}

export interface NativeSession extends ReportedIdentity {
  user: string;
  source: string;
}

export interface NativePeer {
  session: NativeSession;
  pid: number;
  /** undefined on Windows. */
  uid: number | undefined;
}

/** Milliseconds, by who was in the way. */
export interface NativeWaits {
  thisProcess: number;
  otherProcesses: number;
}

export interface NativeBegin {
  /** Another program reset the card before the transaction began. */
  cardWasReset: boolean;
  /** Undefined if the card was free. */
  waited: NativeWaits | undefined;
}

/** A connection to one card. Operations run in order. */
export interface NativeConnection {
  /**
   * SCardConnect; the active protocol's bit (ProtocolBits), 0 for direct. `waitsForExclusive`: waits while another program is
   * connected exclusively, instead of failing.
   */
  connect(
    reader: string,
    shareMode: number,
    protocols: number,
    waitsForExclusive: boolean,
    cancel?: NativeCancel,
  ): Promise<number>;
  /** SCardReconnect; the active protocol's bit. */
  reconnect(
    shareMode: number,
    protocols: number,
    initialization: number,
    cancel?: NativeCancel,
  ): Promise<number>;
  /** SCardDisconnect. */
  disconnect(disposition: number, cancel?: NativeCancel): Promise<void>;
  /** SCardBeginTransaction, in order of arrival within the process; reconnects after a foreign reset. */
  begin(cancel?: NativeCancel): Promise<NativeBegin>;
  /** SCardEndTransaction. */
  end(disposition: number): Promise<void>;
  /** SCardStatus. */
  status(cancel?: NativeCancel): Promise<{ state: number; protocol: number; atr: Uint8Array }>;
  /** SCardTransmit. The APDU is copied, and the copy wiped. */
  transmit(apdu: Uint8Array, cancel?: NativeCancel): Promise<Uint8Array>;
  /**
   * SCardTransmit of the APDUs of one command, and of what it takes to get its whole response: 61xx is answered
   * with GET RESPONSE (of this class byte), 6Cxx with the right Le, unless the command carries a PIN or a key. All data,
   * then the last status word.
   */
  exchange(commands: Uint8Array[], getResponseClass: number, cancel?: NativeCancel): Promise<Uint8Array>;
  /** SCardControl, with the platform's own control code. */
  control(code: number, input: Uint8Array, cancel?: NativeCancel): Promise<Uint8Array>;
  /** SCardGetAttrib. */
  getAttribute(id: number, cancel?: NativeCancel): Promise<Uint8Array>;
  /** SCardSetAttrib. */
  setAttribute(id: number, value: Uint8Array, cancel?: NativeCancel): Promise<void>;
  /** Cancels what is under way, disconnects, releases the context. Never waits for a stuck call. */
  close(disposition: number): Promise<void>;
  /** Closed, or given up inside a call: takes no more work. */
  readonly ended: boolean;
}

export interface NativeCacheEntry {
  entry: number;
  identity: ReportedIdentity;
  reader: string;
  atr: Uint8Array;
  cardId: Uint8Array | null;
  lastUsedMs: number;
  leased: boolean;
}

export interface NativeEvaluation {
  entry: number;
  reader: string;
  openedBy: ReportedIdentity;
  valid: boolean;
  waited: boolean;
  durationMs: number;
}

export interface NativeDaemonClients {
  processes: { pid: number; program: string; user: string; connections: number }[];
  /** Connections of processes that this user may not look at. */
  unseen: number;
}

/** What a card cache has done so far. */
export interface NativeCacheCounts {
  /** Lookups that found their card in the cache. */
  hits: number;
  /** Lookups that connected their card. */
  misses: number;
  /** Entries that went to make room. */
  evictions: number;
  /** Entries that had been idle for too long. */
  expirations: number;
  /** Resets of cards: before another identity got them, and at an entry's end. */
  resets: number;
}

/** How a lookup found its card. */
export interface NativeLookup {
  entry: NativeCacheEntry;
  fresh: boolean;
  evaluated: NativeEvaluation[];
}

/** A connection that the card cache lends, in a transaction that has begun. */
export interface NativeLease extends NativeConnection {
  /** Another program reset the card before the transaction began. */
  readonly cardWasReset: boolean;
  /** What the lookup and its transaction waited for; undefined if for nothing. */
  waited(): NativeWaits | undefined;
  lookup(): NativeLookup;
  /** Ends the transaction, and gives the card back to the cache. Once. */
  giveBack(disposition: number): Promise<void>;
}

export interface NativeCardCache {
  /** Finds or connects the wanted card; `reader` may be '' where `cardId` (16 bytes) is given. */
  acquire(
    owner: NativeOwner,
    reader: string,
    cardId: Uint8Array | null,
    waitsForExclusive: boolean,
    cancel?: NativeCancel,
  ): Promise<NativeLease>;
  entries(): NativeCacheEntry[];
  counts(): NativeCacheCounts;
  /** Lets the entries of a session go, of every user if `userId` is ''; returns how many. */
  evict(identity: NativeIdentity): number;
  /** Lets the entries of exactly this identity go; fulfilled when the handles have gone, or cannot be waited for. */
  release(identity: NativeIdentity): Promise<void>;
  close(): Promise<void>;
}

export interface NativeReaderStatus {
  reader: string;
  /** ReaderStateBits. */
  state: number;
  /** Cards inserted and removed so far. */
  eventCount: number;
  atr: Uint8Array;
}

export interface NativeMonitor {
  stop(): void;
  /** Whether it keeps the event loop alive; it does at first. */
  ref(): void;
  unref(): void;
}

/** A named pipe of Windows that listens. */
export interface NativePipeServer {
  /** Fulfilled when nothing listens any more. Clients that have arrived by then may not be told of. */
  close(): Promise<void>;
}

export interface NativeFilterSetting {
  on: boolean;
  stored: boolean | null;
  restartPending: boolean;
  place: string;
}

export interface NativeFinding {
  /** Symbolic: `basecsp.dll`. */
  name: string;
  /** null: could not be learnt, and the note says why. */
  value: string | null;
  /** A remark, or ''. */
  note: string;
  /** Something is to be done about it; the note says what. */
  attention: boolean;
}

export interface NativeDoctorReport {
  schema: number;
  verdict: string;
  /** The row of the decision table that decided. */
  rule: string;
  reason: string;
  nextSteps: string[];
  findings: NativeFinding[];
}

export interface NativeFilterWritten {
  /** false: it was so already, and nothing was written. */
  changed: boolean;
  place: string;
  note: string;
}

export interface NativeAddon {
  Cancel: new () => NativeCancel;
  Connection: new (owner: NativeOwner) => NativeConnection;
  /**
   * `guarded`: a card that another identity used last is reset before this one gets it. `trustsUnknown`: a card that this
   * process has not used yet is taken as it is.
   */
  Owner: new (
    identity: NativeIdentity,
    guarded: boolean,
    trustsUnknown: boolean,
  ) => NativeOwner;
  /** `maxIdle` in milliseconds; null for no limit. */
  CardCache: new (options: {
    filter: boolean;
    maxEntries: number;
    maxIdle: number | null;
  }) => NativeCardCache;
  /** Reports the whole picture at the start and at each change; an error, once, when the service is away. */
  Monitor: new (
    listener: (error: PcscError | null, picture: NativeReaderStatus[] | null) => void,
  ) => NativeMonitor;
  /**
   * Windows only. Listens at `\\.\pipe\NAME`, for the owner and administrators, or all interactive users too.
   * The listener gets a file descriptor for each client, which is its own to close, or an error. Keeps the event
   * loop alive.
   */
  PipeServer:
    | (new (
        path: string,
        everyone: boolean,
        listener: (error: Error | null, fd: number | null) => void,
      ) => NativePipeServer)
    | undefined;
  /** Which backend this process uses, and why. Rejects where there is no library or no service to ask. */
  backend(): Promise<{ name: string; reason: string }>;
  /** The processes that are connected to pcscd; rejects with SCARD_E_UNSUPPORTED_FEATURE elsewhere than on Linux. */
  daemonClients(): Promise<NativeDaemonClients>;
  /** PC/SC contexts of this process now, and calls that it gave up inside PC/SC so far. */
  usage(): { contexts: number; abandonedCalls: number };
  /** Is this host affected by KB949538? Asks the system; takes seconds at most. */
  doctor(): Promise<NativeDoctorReport>;
  /** The stored setting of the card cache's filter. */
  filterSetting(): NativeFilterSetting;
  /** Once, with the maker of errors, and what returns the environment variables that decide how PC/SC is reached. */
  initialize(makeError: (failure: Failure) => Error, variables: () => [name: string, value: string][]): void;
  /** SCardIsValidContext, of the context that the questions of this process are asked on. */
  isValid(cancel?: NativeCancel): Promise<boolean>;
  /** SCardListReaders: those of any of the groups, of all where there is none. */
  listReaders(groups: readonly string[], cancel?: NativeCancel): Promise<string[]>;
  /** SCardListReaderGroups. */
  listReaderGroups(cancel?: NativeCancel): Promise<string[]>;
  /** A number that no other call in this process gets. */
  newSessionInstance(): number;
  /** Loads the PC/SC library and returns its path; throws where there is none. */
  libraryPath(): string;
  /** SCardReadCache, or what stands for it; `cardId` has 16 bytes. */
  readItem(cardId: Uint8Array, name: string, freshness: number, cancel?: NativeCancel): Promise<Uint8Array>;
  /** Writes the stored setting of the card cache's filter; rejects where there is no registry. */
  writeFilter(on: boolean): Promise<NativeFilterWritten>;
  /** SCardWriteCache, or what stands for it. The data is copied. */
  writeItem(
    cardId: Uint8Array,
    name: string,
    freshness: number,
    data: Uint8Array,
    cancel?: NativeCancel,
  ): Promise<void>;
  /** Windows only: the file descriptor of the client's end of a named pipe. */
  openPipe(path: string): Promise<number>;
  /**
   * Who is at the other end of a connected Unix socket, or named pipe on Windows, by its file descriptor, which
   * is not needed any more once this has returned. Throws where it is none of these.
   */
  peerOf(fd: number): Promise<NativePeer>;
  /** The user id of the same peer, at once; '' for a pipe's server that does not tell. Throws as `peerOf` does. */
  peerUser(fd: number): string;
  /** The terminal session of a process; 0: of this one. */
  sessionOf(pid: number): Promise<NativeSession>;
  /** Acknowledges at once on a TCP socket (TCP_QUICKACK); repeat after each send. Linux only, else a no-op. */
  setQuickAck(fd: number): void;
}

// Compiled here wins over brought along; which platform that would be is asked only where it matters.
const compiled = [
  ['module_root', 'build', 'Release', 'bindings'],
  ['module_root', 'build', 'Debug', 'bindings'],
];
const isCompiled = compiled.some(([, ...path]) =>
  existsSync(join(packageRoot, ...path.slice(0, -1), 'pcsc_bridge.node')),
);

export const native = bindings({
  bindings: 'pcsc_bridge',
  module_root: packageRoot,
  try: isCompiled ? compiled : [['module_root', 'prebuilds', platformName(), 'bindings'], ...compiled],
}) as NativeAddon;

const variables = [
  'PCSCLITE_CSOCK_NAME',
  'PCSC_BRIDGE_LIBRARY',
  'PCSC_BRIDGE_BACKEND',
  'LIBPCSCLITE_DELEGATE',
];

native.initialize(
  (failure) => new PcscError(failure),
  // A worker's process.env is a copy of its own, and not the process's.
  () =>
    isMainThread
      ? variables.flatMap((name): [string, string][] => {
          const value = process.env[name];
          return value === undefined ? [] : [[name, value]];
        })
      : [],
);
