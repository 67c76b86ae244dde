/**
 * The types of the native boundary, with the contract of every native member; native/addon and the directories below
 * implement them. It contains no policy.
 *
 * Promises reject with PcscError. If a call takes a `cancel`, `cancel.cancel()` rejects its promise at once with
 * `SCARD_E_CANCELLED`, whatever the call does.
 */
import type { Failure, PcscError } from '../errors.js';

/** Cancels an operation; it is the operation's last argument. */
export interface NativeCancel {
  cancel(): void;
}

export interface NativeIdentity {
  id: number;
  /** 100-ns ticks since 1601-01-01 UTC; 0 = unknown. */
  connectTime: bigint;
  /** Distinguishes sessions whose connect time is unknown (`newSessionInstance`); 0 if it is known. */
  instance: number;
  /** The user within the session; '' if it is not known. */
  userId: string;
}

declare const ownerBrand: unique symbol;

/** The owner of cards, as the core holds it. */
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

/** Milliseconds of a wait, by cause. */
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
   * SCardConnect. Returns the active protocol's bit (ProtocolBits), 0 for a direct connection. `waitsForExclusive`: if
   * another program is connected exclusively, the call waits instead of failing.
   */
  connect(
    reader: string,
    shareMode: number,
    protocols: number,
    waitsForExclusive: boolean,
    cancel?: NativeCancel,
  ): Promise<number>;
  /** SCardReconnect. Returns the active protocol's bit. */
  reconnect(
    shareMode: number,
    protocols: number,
    initialization: number,
    cancel?: NativeCancel,
  ): Promise<number>;
  /** SCardDisconnect. */
  disconnect(disposition: number, cancel?: NativeCancel): Promise<void>;
  /**
   * SCardBeginTransaction, in order of arrival within the process. It reconnects if another program has reset the card.
   */
  begin(cancel?: NativeCancel): Promise<NativeBegin>;
  /** SCardEndTransaction. */
  end(disposition: number): Promise<void>;
  /** SCardStatus. */
  status(cancel?: NativeCancel): Promise<{ state: number; protocol: number; atr: Uint8Array }>;
  /**
   * SCardTransmit. The APDU is copied, and the copy is wiped. `protocol`: a bit of ProtocolBits to send with; 0 for the
   * active protocol.
   */
  transmit(apdu: Uint8Array, protocol: number, cancel?: NativeCancel): Promise<Uint8Array>;
  /**
   * SCardTransmit of the APDUs of one command, until the response is complete. 61xx is answered with GET RESPONSE (with
   * this class byte), 6Cxx with the correct Le, unless the command carries a PIN or a key. Returns all data, then the
   * last status word.
   */
  exchange(commands: Uint8Array[], getResponseClass: number, cancel?: NativeCancel): Promise<Uint8Array>;
  /** SCardControl, with the platform's own control code. */
  control(code: number, input: Uint8Array, cancel?: NativeCancel): Promise<Uint8Array>;
  /** SCardGetAttrib. */
  getAttribute(id: number, cancel?: NativeCancel): Promise<Uint8Array>;
  /** SCardSetAttrib. */
  setAttribute(id: number, value: Uint8Array, cancel?: NativeCancel): Promise<void>;
  /** Cancels the running operation, disconnects, and releases the context. It never waits for a stuck call. */
  close(disposition: number): Promise<void>;
  /** True if the connection is closed, or was abandoned inside a call: it accepts no more operations. */
  readonly ended: boolean;
}

export interface NativeCacheEntry {
  id: number;
  identity: ReportedIdentity;
  reader: string;
  atr: Uint8Array;
  protocol: number;
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
  /** Connections of processes that this user may not inspect. */
  unseen: number;
}

/** Counters of a card cache. */
export interface NativeCacheCounts {
  /** Lookups that found their card in the cache. */
  hits: number;
  /** Lookups that connected their card. */
  misses: number;
  /** Entries released to make room. */
  evictions: number;
  /** Entries released because they had been idle for too long. */
  expirations: number;
  /** Resets of cards: before another identity uses them, and at the end of an entry. */
  resets: number;
}

/** How a lookup found its card. */
export interface NativeLookup {
  entry: NativeCacheEntry;
  fresh: boolean;
  evaluated: NativeEvaluation[];
}

/** A connection leased from the card cache, with a running transaction. */
export interface NativeLease extends NativeConnection {
  /** Another program reset the card before the transaction began. */
  readonly cardWasReset: boolean;
  /** What the lookup and its transaction waited for; undefined if they did not wait. */
  waited(): NativeWaits | undefined;
  lookup(): NativeLookup;
  /** Ends the transaction and gives the card back to the cache. Call it once. */
  giveBack(disposition: number): Promise<void>;
}

export interface NativeCardCache {
  /** Finds or connects the card; `reader` may be '' if `cardId` (16 bytes) is given. `protocols`: see ProtocolBits. */
  acquire(
    owner: NativeOwner,
    reader: string,
    cardId: Uint8Array | null,
    protocols: number,
    waitsForExclusive: boolean,
    cancel?: NativeCancel,
  ): Promise<NativeLease>;
  entries(): NativeCacheEntry[];
  counts(): NativeCacheCounts;
  /** Releases the entries of a session, of every user if `userId` is ''. Returns their number. */
  evict(identity: NativeIdentity): number;
  /**
   * Releases the entries of exactly this identity. Fulfilled when their handles are closed, or cannot be waited for.
   */
  release(identity: NativeIdentity): Promise<void>;
  close(): Promise<void>;
}

export interface NativeReaderStatus {
  reader: string;
  /** ReaderStateBits. */
  state: number;
  /** Number of insertions and removals so far. */
  eventCount: number;
  atr: Uint8Array;
}

export interface NativeMonitor {
  stop(): void;
  /** Keeps the event loop alive, as it does at first. */
  ref(): void;
  unref(): void;
}

/** A listening named pipe of Windows. */
export interface NativePipeServer {
  /** Fulfilled when the server has stopped. Clients that connected before may not be reported. */
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
  /** null: the value is unknown, and the note says why. */
  value: string | null;
  /** A remark, or ''. */
  note: string;
  /** Action is required; the note says which. */
  attention: boolean;
}

export interface NativeDoctorReport {
  schema: number;
  verdict: string;
  /** The row of the decision table that applies. */
  rule: string;
  reason: string;
  nextSteps: string[];
  findings: NativeFinding[];
}

export interface NativeFilterWritten {
  /** false: the value was set already, and nothing was written. */
  changed: boolean;
  place: string;
  note: string;
}

export interface NativeAddon {
  Cancel: new () => NativeCancel;
  Connection: new (owner: NativeOwner) => NativeConnection;
  /**
   * `guarded`: a card that another identity used last is reset before this one gets it. `trustsUnknown`: a card that
   * this process has not used yet is used as it is.
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
  /** Reports the whole picture at the start and at each change, and an error once if the service stops. */
  Monitor: new (
    listener: (error: PcscError | null, picture: NativeReaderStatus[] | null) => void,
  ) => NativeMonitor;
  /**
   * Windows only. Listens at `\\.\pipe\NAME`, for the owner and administrators, or for all interactive users too. The
   * listener receives a file descriptor for each client, which it must close, or an error. Keeps the event loop alive.
   */
  PipeServer:
    | (new (
        path: string,
        everyone: boolean,
        listener: (error: Error | null, fd: number | null) => void,
      ) => NativePipeServer)
    | undefined;
  /** Returns the backend of this process, and the reason. Rejects if there is no library, or if no service answers. */
  backend(): Promise<{ name: string; reason: string }>;
  /**
   * Returns the processes that are connected to pcscd. Rejects with SCARD_E_UNSUPPORTED_FEATURE on systems other than
   * Linux.
   */
  daemonClients(): Promise<NativeDaemonClients>;
  /** The PC/SC contexts of this process now, and its calls abandoned inside PC/SC so far. */
  usage(): { contexts: number; abandonedCalls: number };
  /** Reports whether this host is affected by KB949538. It queries the system and takes at most some seconds. */
  doctor(): Promise<NativeDoctorReport>;
  /** The stored setting of the card cache's filter. */
  filterSetting(): NativeFilterSetting;
  /**
   * Call it once, with the constructor of errors, and a function that returns the environment variables that determine
   * how PC/SC is reached.
   */
  initialize(makeError: (failure: Failure) => Error, variables: () => [name: string, value: string][]): void;
  /** SCardIsValidContext, for the context of this process's questions about readers. */
  isValid(cancel?: NativeCancel): Promise<boolean>;
  /** SCardListReaders: the readers in any of the groups, or all readers if there is no group. */
  listReaders(groups: readonly string[], cancel?: NativeCancel): Promise<string[]>;
  /** SCardListReaderGroups. */
  listReaderGroups(cancel?: NativeCancel): Promise<string[]>;
  /** Returns a number that is unique within this process. */
  newSessionInstance(): number;
  /** Loads the PC/SC library and returns its path. Throws if there is none. */
  libraryPath(): string;
  /** SCardReadCache, or its replacement on other systems; `cardId` has 16 bytes. */
  readItem(cardId: Uint8Array, name: string, freshness: number, cancel?: NativeCancel): Promise<Uint8Array>;
  /** Writes the stored setting of the card cache's filter. Rejects if there is no registry. */
  writeFilter(on: boolean): Promise<NativeFilterWritten>;
  /** SCardWriteCache, or its replacement on other systems. The data is copied. */
  writeItem(
    cardId: Uint8Array,
    name: string,
    freshness: number,
    data: Uint8Array,
    cancel?: NativeCancel,
  ): Promise<void>;
  /** Windows only: opens a named pipe and returns the file descriptor of the client's end. */
  openPipe(path: string): Promise<number>;
  /**
   * Returns the peer of a connected Unix socket, or of a named pipe on Windows, by its file descriptor. The descriptor
   * may be closed as soon as the call has returned. Throws if it is not such a socket or pipe.
   */
  peerOf(fd: number): Promise<NativePeer>;
  /**
   * Returns the user id of the same peer synchronously; '' for a pipe's server that Windows does not report. Throws as
   * `peerOf` does.
   */
  peerUser(fd: number): string;
  /** Returns the terminal session of a process; 0 stands for this process. */
  sessionOf(pid: number): Promise<NativeSession>;
  /** Acknowledges at once on a TCP socket (TCP_QUICKACK); repeat after each send. Linux only, else a no-op. */
  setQuickAck(fd: number): void;
}
