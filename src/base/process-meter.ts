/** Figures of the process. */
export interface ProcessFigures {
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Since the start of the process. */
  readonly cpuSeconds: number;
  /** How late timers of the event loop were since the last reading, in seconds. */
  readonly eventLoopDelay: { readonly median: number; readonly p99: number; readonly max: number };
}

export interface ProcessMeter {
  read(): ProcessFigures;
  stop(): void;
}
