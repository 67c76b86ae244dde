/** The codes that Microsoft and pcsc-lite document for the functions of a logon. */

export const codes = {
  SCARD_F_INTERNAL_ERROR: 0x80100001,
  SCARD_E_INVALID_HANDLE: 0x80100003,
  SCARD_E_INVALID_PARAMETER: 0x80100004,
  SCARD_E_NO_MEMORY: 0x80100006,
  SCARD_E_INSUFFICIENT_BUFFER: 0x80100008,
  SCARD_E_UNKNOWN_READER: 0x80100009,
  SCARD_E_SHARING_VIOLATION: 0x8010000b,
  SCARD_E_NO_SMARTCARD: 0x8010000c,
  SCARD_E_PROTO_MISMATCH: 0x8010000f,
  SCARD_E_NOT_READY: 0x80100010,
  SCARD_E_INVALID_VALUE: 0x80100011,
  SCARD_F_COMM_ERROR: 0x80100013,
  SCARD_F_UNKNOWN_ERROR: 0x80100014,
  SCARD_E_NOT_TRANSACTED: 0x80100016,
  SCARD_E_READER_UNAVAILABLE: 0x80100017,
  SCARD_E_NO_SERVICE: 0x8010001d,
  SCARD_E_SERVICE_STOPPED: 0x8010001e,
  SCARD_E_COMM_DATA_LOST: 0x8010002f,
  SCARD_W_UNRESPONSIVE_CARD: 0x80100066,
  SCARD_W_UNPOWERED_CARD: 0x80100067,
  SCARD_W_RESET_CARD: 0x80100068,
  SCARD_W_REMOVED_CARD: 0x80100069,
  SCARD_W_SECURITY_VIOLATION: 0x8010006a,
} as const;
export type Code = keyof typeof codes;

const service: Code[] = ['SCARD_E_NO_SERVICE', 'SCARD_F_COMM_ERROR', 'SCARD_F_INTERNAL_ERROR'];
const handle: Code[] = ['SCARD_E_INVALID_HANDLE', 'SCARD_E_READER_UNAVAILABLE'];
const card: Code[] = ['SCARD_W_RESET_CARD', 'SCARD_W_REMOVED_CARD'];
const power: Code[] = ['SCARD_W_UNPOWERED_CARD', 'SCARD_W_UNRESPONSIVE_CARD'];

const parameters: Code[] = ['SCARD_E_INVALID_PARAMETER', 'SCARD_E_INVALID_VALUE'];

export const documented = {
  SCardEstablishContext: [...service, ...parameters, 'SCARD_E_NO_MEMORY', 'SCARD_W_SECURITY_VIOLATION'],
  SCardConnect: [
    ...service,
    ...handle,
    ...parameters,
    ...power,
    'SCARD_E_NO_SMARTCARD',
    'SCARD_E_NOT_READY',
    'SCARD_E_PROTO_MISMATCH',
    'SCARD_E_SHARING_VIOLATION',
    'SCARD_E_UNKNOWN_READER',
    'SCARD_W_SECURITY_VIOLATION',
  ],
  SCardReconnect: [
    ...service,
    ...handle,
    ...parameters,
    ...power,
    'SCARD_E_NO_SMARTCARD',
    'SCARD_E_NOT_READY',
    'SCARD_E_PROTO_MISMATCH',
    'SCARD_E_SHARING_VIOLATION',
    'SCARD_W_REMOVED_CARD',
  ],
  SCardBeginTransaction: [...service, ...handle, ...card, 'SCARD_E_SHARING_VIOLATION'],
  SCardStatus: [
    ...service,
    ...handle,
    ...card,
    'SCARD_E_INSUFFICIENT_BUFFER',
    'SCARD_E_INVALID_PARAMETER',
    'SCARD_E_NO_MEMORY',
  ],
  SCardTransmit: [
    ...service,
    ...handle,
    ...card,
    ...power,
    ...parameters,
    'SCARD_E_INSUFFICIENT_BUFFER',
    'SCARD_E_NOT_TRANSACTED',
    'SCARD_E_PROTO_MISMATCH',
    'SCARD_E_SHARING_VIOLATION',
    'SCARD_E_COMM_DATA_LOST',
  ],
  SCardControl: [
    ...service,
    ...handle,
    ...card,
    ...parameters,
    'SCARD_E_INSUFFICIENT_BUFFER',
    'SCARD_E_NOT_TRANSACTED',
  ],
  SCardGetAttrib: [
    ...service,
    ...handle,
    'SCARD_E_INSUFFICIENT_BUFFER',
    'SCARD_E_INVALID_PARAMETER',
    'SCARD_E_NOT_TRANSACTED',
    'SCARD_E_NO_MEMORY',
  ],
  SCardEndTransaction: [
    ...service,
    ...handle,
    ...card,
    'SCARD_E_INVALID_VALUE',
    'SCARD_E_NOT_TRANSACTED',
    'SCARD_E_SHARING_VIOLATION',
  ],
  SCardDisconnect: [
    ...service,
    ...handle,
    'SCARD_E_INVALID_VALUE',
    'SCARD_E_NO_SMARTCARD',
    'SCARD_E_SHARING_VIOLATION',
    'SCARD_W_REMOVED_CARD',
  ],
} satisfies Record<string, Code[]>;
export type PcscFunction = keyof typeof documented;
