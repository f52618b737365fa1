/** The recording of this tab. It goes on while people look at other pages. */

import { useSyncExternalStore } from 'react'
import { socketAddress } from '../api/http'
import { inBrowser, Line, type CaptionMessage, type Format, type Notice, type State } from './line'
import { openMicrophone, type Microphone } from './microphone'

export type Trouble = 'refused' | 'missing' | 'insecure' | 'lost' | 'failed'

export interface Recording {
  meetingId: number
  kind: 'microphone' | 'file'
  state: State
  /** What was heard last and may still change. */
  partial: CaptionMessage | null
  /** The loudest of the last block, 0 to 1. */
  level: number
  /** Nothing but silence for so long: the microphone is muted or broken. */
  isSilent: boolean
  waitingMs: number
  fileName: string | null
  /** Part of the file that is safe, 0 to 1. */
  progress: number
  notice: Notice | null
  trouble: { kind: Trouble; why: string } | null
}

export interface Wanted {
  meetingId: number
  groupId: number
  language: string | null
  speakerId?: number | undefined
}

const SILENT_BELOW = 0.002
const SILENT_AFTER_MS = 5_000
/** A file is read no further ahead of what is safe. */
const AHEAD_BYTES = 512 * 1024
const READ_BYTES = 64 * 1024

let now: Recording | null = null
let line: Line | null = null
let microphone: Microphone | null = null
let heardAt = 0
const listeners = new Set<() => void>()

function change(changes: Partial<Recording>): void {
  if (!now) return
  now = { ...now, ...changes }
  announce()
}

function announce(): void {
  listeners.forEach((listener) => {
    listener()
  })
}

export function useRecording(): Recording | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => now,
  )
}

export const isRunning = (recording: Recording | null): recording is Recording =>
  recording !== null && recording.state !== 'finished' && recording.state !== 'failed'

function begin(wanted: Wanted, kind: Recording['kind'], fileName: string | null): void {
  now = {
    meetingId: wanted.meetingId,
    kind,
    state: 'connecting',
    partial: null,
    level: 0,
    isSilent: false,
    waitingMs: 0,
    fileName,
    progress: 0,
    notice: null,
    trouble: null,
  }
  announce()
}

function openLine(wanted: Wanted, format: Format, onAcknowledged?: () => void): Line {
  const opened = new Line(
    {
      audioId: crypto.randomUUID(),
      groupId: wanted.groupId,
      format,
      ...(wanted.language === 'ko' || wanted.language === 'en' ? { language: wanted.language } : {}),
      ...(wanted.speakerId ? { speakerId: wanted.speakerId } : {}),
    },
    inBrowser(socketAddress(`/ws/meeting/${wanted.meetingId}`)),
    {
      onState: (state) => {
        change({ state, ...(state === 'open' ? { notice: null } : {}) })
        if (state === 'finished' || state === 'failed') void release()
      },
      onCaption: (caption) => {
        change({ partial: caption.final ? null : caption })
      },
      onNotice: (notice) => {
        change({ notice })
      },
      ...(onAcknowledged ? { onAcknowledged } : {}),
    },
  )
  line = opened
  opened.start()
  return opened
}

/** Record from a microphone until `stop`. */
export async function record(wanted: Wanted, deviceId: string | null): Promise<void> {
  if (isRunning(now)) return
  begin(wanted, 'microphone', null)
  heardAt = Date.now()
  const early: Uint8Array<ArrayBuffer>[] = []
  try {
    if (!('mediaDevices' in navigator)) throw new DOMException('', 'SecurityError')
    const opened = await openMicrophone(
      deviceId,
      ({ sound, loudest }) => {
        if (loudest > SILENT_BELOW) heardAt = Date.now()
        if (line) line.send(sound)
        else early.push(sound)
        change({
          level: loudest,
          isSilent: Date.now() - heardAt > SILENT_AFTER_MS,
          waitingMs: line && microphone ? line.waitingBytes / (microphone.rateHz / 500) : 0,
        })
      },
      () => {
        change({ trouble: { kind: 'lost', why: '' } })
        stop()
      },
    )
    microphone = opened
    const sending = openLine(wanted, { encoding: 's16le', rateHz: opened.rateHz, channels: 1 })
    early.forEach((sound) => {
      sending.send(sound)
    })
  } catch (error) {
    change({ state: 'failed', trouble: troubleOf(error) })
    await release()
  }
}

/** Send a sound file as a recording of the meeting. */
export async function upload(wanted: Wanted, sound: File): Promise<void> {
  if (isRunning(now)) return
  begin(wanted, 'file', sound.name)
  let wake: () => void = () => undefined
  const sending = openLine(wanted, 'auto', () => {
    change({ progress: sending.acknowledgedBytes / sound.size })
    wake()
  })
  for (let at = 0; at < sound.size; at += READ_BYTES) {
    sending.send(new Uint8Array(await sound.slice(at, at + READ_BYTES).arrayBuffer()))
    while (sending.waitingBytes > AHEAD_BYTES && sending.state !== 'failed') {
      await new Promise<void>((resolve) => {
        wake = resolve
        window.setTimeout(resolve, 1000) // a failed line acknowledges nothing more
      })
    }
    if (sending.state === 'failed') return
  }
  sending.end()
}

/** End the recording: what was said still becomes captions. */
export function stop(): void {
  void microphone?.stop()
  microphone = null
  line?.end()
  change({ level: 0, isSilent: false })
}

async function release(): Promise<void> {
  const opened = microphone
  microphone = null
  line = null
  change({ level: 0, isSilent: false, partial: null })
  await opened?.stop()
}

function troubleOf(error: unknown): { kind: Trouble; why: string } {
  const name = error instanceof DOMException ? error.name : ''
  const kinds: Record<string, Trouble> = {
    NotAllowedError: 'refused',
    NotFoundError: 'missing',
    OverconstrainedError: 'missing',
    SecurityError: 'insecure',
  }
  return { kind: kinds[name] ?? 'failed', why: error instanceof Error ? error.message : '' }
}

window.addEventListener('online', () => line?.retryNow())
window.addEventListener('beforeunload', (event) => {
  if (isRunning(now)) event.preventDefault()
})
