/** The recording of this tab. It goes on while people look at other pages. */

import { useSyncExternalStore } from 'react'
import { socketAddress } from '../api/http'
import { inBrowser, Line, type CaptionMessage, type Format, type Notice, type State } from './line'
import { openMicrophone, type Microphone } from './microphone'

export type Trouble = 'refused' | 'missing' | 'insecure' | 'lost' | 'failed'

export interface Recording {
  meetingId: number
  /** paused: the microphone is off, and what was said before still becomes captions. */
  state: State | 'paused'
  /** When it began, less the time it was paused; ms of `Date.now()`. */
  since: number
  pausedAt: number | null
  /** What was heard last and may still change. */
  partial: CaptionMessage | null
  /** The loudest of the last block, 0 to 1. */
  level: number
  /** Nothing but silence, or no sound at all, for so long: the microphone is muted or broken. */
  isSilent: boolean
  waitingMs: number
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
const LOOK_EVERY_MS = 1_000

let now: Recording | null = null
/** The line that takes sound; those before it (paused) may still be sending the rest of theirs. */
let line: Line | null = null
const unsettled = new Set<Line>()
let microphone: Microphone | null = null
let asked: { wanted: Wanted; deviceId: string | null } | null = null
let heardAt = 0
let looking = 0
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

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useRecording = (): Recording | null => useSyncExternalStore(subscribe, () => now)

/**
 * Something of the recording in this meeting, null when there is none; who only asks for it is not
 * drawn again with every change of the level.
 */
export function useOfRecording<T extends string | boolean | null>(
  meetingId: number,
  pick: (recording: Recording) => T,
): T | null {
  return useSyncExternalStore(subscribe, () => (now?.meetingId === meetingId ? pick(now) : null))
}

/** For whoever looks elsewhere. */
export const useRecordingSign = (): 'none' | 'recording' | 'silent' =>
  useSyncExternalStore(subscribe, () => {
    if (!isRunning(now)) return 'none'
    return now.isSilent ? 'silent' : 'recording'
  })

export const isRunning = (recording: Recording | null): recording is Recording =>
  recording !== null && recording.state !== 'finished' && recording.state !== 'failed'

function begin(wanted: Wanted): void {
  now = {
    meetingId: wanted.meetingId,
    state: 'connecting',
    since: Date.now(),
    pausedAt: null,
    partial: null,
    level: 0,
    isSilent: false,
    waitingMs: 0,
    notice: null,
    trouble: null,
  }
  announce()
}

function openLine(wanted: Wanted, format: Format): Line {
  const opened: Line = new Line(
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
        const isOver = state === 'finished' || state === 'failed'
        if (isOver) unsettled.delete(opened)
        if (opened !== line) return
        if (now?.state === 'paused' && state !== 'failed') return
        change({ state, ...(state === 'open' ? { notice: null } : {}) })
        if (isOver) void release()
      },
      onCaption: (caption) => {
        change({ partial: caption.final ? null : caption })
      },
      onNotice: (notice) => {
        change({ notice })
      },
    },
  )
  line = opened
  unsettled.add(opened)
  opened.start()
  return opened
}

/** Record from a microphone until `stop`. */
export async function record(wanted: Wanted, deviceId: string | null): Promise<void> {
  if (isRunning(now)) return
  begin(wanted)
  asked = { wanted, deviceId }
  await listen(wanted, deviceId)
}

async function listen(wanted: Wanted, deviceId: string | null): Promise<void> {
  heardAt = Date.now()
  line = null
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
          isSilent: isQuiet(),
          waitingMs: line && microphone ? line.waitingBytes / (microphone.rateHz / 500) : 0,
        })
      },
      () => {
        change({ trouble: { kind: 'lost', why: '' } })
        stop()
      },
    )
    if (asked === null) {
      await opened.stop() // stopped before the microphone was open
      return
    }
    microphone = opened
    const sending = openLine(wanted, { encoding: 's16le', rateHz: opened.rateHz, channels: 1 })
    early.forEach((sound) => {
      sending.send(sound)
    })
    // A microphone that gives nothing at all calls nobody.
    window.clearInterval(looking)
    looking = window.setInterval(() => {
      if (microphone && isQuiet() && !now?.isSilent) change({ isSilent: true, level: 0 })
    }, LOOK_EVERY_MS)
  } catch (error) {
    change({ state: 'failed', trouble: troubleOf(error) })
    await release()
  }
}

const isQuiet = () => Date.now() - heardAt > SILENT_AFTER_MS

/**
 * Let go of the microphone, and send no more until `resume`.
 *
 * What follows is a recording of its own, so that its times are those of the meeting.
 */
export function pause(): void {
  if (!isRunning(now) || now.state === 'finishing' || now.state === 'paused') return
  change({ state: 'paused', pausedAt: Date.now(), level: 0, isSilent: false, partial: null })
  hushMicrophone()
  line?.end()
}

export async function resume(): Promise<void> {
  if (now?.state !== 'paused' || !asked) return
  const pausedMs = Date.now() - (now.pausedAt ?? Date.now())
  change({ state: 'connecting', since: now.since + pausedMs, pausedAt: null, trouble: null })
  await listen(asked.wanted, asked.deviceId)
}

/** End the recording: what was said still becomes captions. */
export function stop(): void {
  hushMicrophone()
  const isSettled = line === null || !unsettled.has(line)
  if (now?.state === 'paused' || isSettled) {
    change({ state: isSettled ? 'finished' : 'finishing' })
  }
  line?.end()
  change({ level: 0, isSilent: false })
  if (isSettled) void release()
}

function hushMicrophone(): void {
  window.clearInterval(looking)
  void microphone?.stop()
  microphone = null
}

async function release(): Promise<void> {
  const opened = microphone
  window.clearInterval(looking)
  microphone = null
  line = null
  asked = null
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

window.addEventListener('online', () => {
  unsettled.forEach((one) => {
    one.retryNow()
  })
})
window.addEventListener('beforeunload', (event) => {
  if (isRunning(now) || unsettled.size > 0) event.preventDefault()
})
