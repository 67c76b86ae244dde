/** Recorded cards: what a card answered once, for tests without a reader. */
export { CardRecorder, type RecordableCard } from './recorder.js';
export type { CardRecording, RecordedExchange } from './recording.js';
export { ReplayError, type ReplayErrorCode, ReplayedCard } from './replay.js';
