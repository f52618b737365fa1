/** Sound as it comes from the microphone → signed 16-bit samples, 100 ms at a time, and how loud. */

declare const sampleRate: number
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void

class Capture extends AudioWorkletProcessor {
  private block = new Int16Array(Math.round(sampleRate / 10))
  private filled = 0
  private loudest = 0

  process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0]
    const first = channels?.[0]
    if (!channels || !first) return true
    for (let i = 0; i < first.length; i++) {
      let sum = 0
      for (const channel of channels) sum += channel[i] ?? 0
      const sample = Math.max(-1, Math.min(1, sum / channels.length))
      this.loudest = Math.max(this.loudest, Math.abs(sample))
      this.block[this.filled++] = Math.round(sample * 32767)
      if (this.filled === this.block.length) this.pass()
    }
    return true
  }

  private pass(): void {
    this.port.postMessage({ samples: this.block.buffer, loudest: this.loudest }, [
      this.block.buffer,
    ])
    this.block = new Int16Array(Math.round(sampleRate / 10))
    this.filled = 0
    this.loudest = 0
  }
}

registerProcessor('capture', Capture)

export {}
