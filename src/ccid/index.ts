/** Reader features beyond APDUs: control codes, features, properties, PIN pads (PC/SC part 10, CCID). */
export type { CompletionCondition } from './completion.js';
export { type Controllable, controlCode, GET_FEATURE_REQUEST } from './control-code.js';
export { CcidError, type CcidErrorCode } from './error.js';
export {
  decodeFeatures,
  type Feature,
  type FeatureEntry,
  Features,
  type ReaderFeatures,
  readFeatures,
} from './features.js';
export { modifyPinOnPad, type PinPadOptions, verifyPinOnPad } from './pin-pad.js';
export {
  encodePinModify,
  encodePinVerify,
  type PinBlock,
  type PinChange,
  type PinEntry,
} from './pin-structure.js';
export { featureAccess, type TransmittingCard } from './ppdu.js';
export {
  decodeProperties,
  type ReaderProperties,
  type ReadPropertiesOptions,
  readProperties,
} from './properties.js';
