/** Numbers of PC/SC that the addon takes and returns, by name. */

/** SCARD_SHARE_EXCLUSIVE, _SHARED, _DIRECT. */
export const ShareModes = { exclusive: 1, shared: 2, direct: 3 } as const;
/** SCARD_LEAVE_CARD, _RESET_CARD, _UNPOWER_CARD, _EJECT_CARD. */
export const Dispositions = { leave: 0, reset: 1, unpower: 2, eject: 3 } as const;
/** SCARD_PROTOCOL_T0, _T1, _RAW, with the same numbers on every platform. */
export const ProtocolBits = { 'T=0': 1, 'T=1': 2, raw: 4 } as const;
/** The states of a card (SCardStatus), by number. */
export const CardStates = [
  'unknown',
  'absent',
  'present',
  'swallowed',
  'powered',
  'negotiable',
  'specific',
] as const;
/** The SCARD_STATE_... bits of a reader. */
export const ReaderStateBits = {
  ignore: 0x0001,
  changed: 0x0002,
  unknown: 0x0004,
  unavailable: 0x0008,
  empty: 0x0010,
  present: 0x0020,
  exclusive: 0x0080,
  inUse: 0x0100,
  mute: 0x0200,
  unpowered: 0x0400,
} as const;
