/** APDUs, status words, BER-TLV and chaining (ISO/IEC 7816-3 and 7816-4), free of any transport. */
export { type Atr, type CheckByte, parseAtr } from './atr.js';
export { type ExchangeOptions, exchange, type GetResponseClass, type Transmit } from './chaining.js';
export { type ApduCase, CommandApdu, type CommandFields, MalformedApduError } from './command.js';
export { describeAtr } from './describe-atr.js';
export { fromHex, toHex } from './hex.js';
export { type CompactTlv, decodeHistoricalBytes, type HistoricalBytes } from './historical-bytes.js';
export type { GlobalParameters, InterfaceBytes, T1Parameters } from './interface-bytes.js';
export { InterindustryClass } from './interindustry-class.js';
export { ResponseApdu } from './response.js';
export { carriesSecret, formatCommand, maskSecrets } from './secrets.js';
export { describeStatusWord, retriesLeft, SW } from './status-word.js';
export { StatusWordError } from './status-word-error.js';
export { type StorageCard, storageCardOf } from './storage-card.js';
export { type DecodeTlvOptions, decodeTlv, encodeTlv, findTlv, MalformedTlvError, type Tlv } from './tlv.js';
