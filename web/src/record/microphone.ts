import captureUrl from './capture.worklet.ts?worker&url'

/** What speech recognition hears; the browser converts. */
const WANTED_RATE_HZ = 16_000

export interface Block {
  /** Signed 16-bit little-endian samples, one channel. */
  sound: Uint8Array<ArrayBuffer>
  /** The loudest sample, 0 to 1. */
  loudest: number
}

export interface Microphone {
  rateHz: number
  stop(): Promise<void>
}

export async function openMicrophone(
  deviceId: string | null,
  onBlock: (block: Block) => void,
  onLost: () => void,
): Promise<Microphone> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: {
      ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
      channelCount: 1,
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    },
  })
  const stopTracks = () => {
    stream.getTracks().forEach((track) => {
      track.stop()
    })
  }
  let context: AudioContext | null = null
  try {
    const joined = join(stream, WANTED_RATE_HZ) ?? join(stream)
    if (!joined) throw new Error('no sound from this microphone')
    context = joined.context
    await context.audioWorklet.addModule(captureUrl)
    const capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0 })
    capture.port.onmessage = (event: MessageEvent<{ samples: ArrayBuffer; loudest: number }>) => {
      onBlock({ sound: new Uint8Array(event.data.samples), loudest: event.data.loudest })
    }
    joined.source.connect(capture)
    await context.resume()
  } catch (error) {
    stopTracks()
    await context?.close()
    throw error
  }
  stream.getAudioTracks()[0]?.addEventListener('ended', onLost)
  const opened = context
  return {
    rateHz: opened.sampleRate,
    stop: async () => {
      stopTracks()
      await opened.close()
    },
  }
}

/** Some browsers join a microphone only to a context of its own rate. */
function join(stream: MediaStream, sampleRate?: number) {
  const context = new AudioContext(sampleRate ? { sampleRate } : {})
  try {
    return { context, source: context.createMediaStreamSource(stream) }
  } catch {
    void context.close()
    return null
  }
}

export async function microphones(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices()
  return devices.filter((device) => device.kind === 'audioinput')
}
