/** One sound at a time, on the whole page. Times count from the meeting's start. */

import { useSyncExternalStore } from 'react'
import { withToken } from '../api/http'

export interface Passage {
  /** Tells buttons apart: who pressed play. */
  id: string
  meetingId: number
  audioId: string
  /** Where the recording begins in the meeting. */
  offsetMs: number
  fromMs: number
  /** Where to stop; null plays on to the end. */
  untilMs: number | null
}

type Change = () => void

const RATES = [1, 1.25, 1.5, 2] as const

let audio: HTMLAudioElement | null = null
let passage: Passage | null = null
let rate = 1
let frame = 0
const stateListeners = new Set<Change>()
const timeListeners = new Set<Change>()

const tell = (listeners: Set<Change>) => {
  listeners.forEach((listener) => {
    listener()
  })
}

export const player = {
  play(wanted: Passage, onError: () => void): void {
    this.stop()
    const opened = new Audio(
      withToken(`/api/meetings/${wanted.meetingId}/audio`, { audioId: wanted.audioId }),
    )
    audio = opened
    passage = wanted
    opened.playbackRate = rate
    opened.currentTime = Math.max(0, (wanted.fromMs - wanted.offsetMs) / 1000)
    opened.onended = () => {
      if (opened === audio) this.stop()
    }
    opened.onplay = opened.onpause = () => {
      if (opened === audio) tell(stateListeners)
    }
    const fail = () => {
      if (opened !== audio) return
      this.stop()
      onError()
    }
    opened.onerror = fail
    tell(stateListeners)
    opened.play().catch(fail)
    cancelAnimationFrame(frame)
    frame = requestAnimationFrame(watch)
  },

  toggle(): void {
    if (audio?.paused) void audio.play().catch(() => undefined)
    else audio?.pause()
  },

  seek(ms: number): void {
    if (!audio || !passage) return
    audio.currentTime = Math.max(0, (ms - passage.offsetMs) / 1000)
    passage = { ...passage, untilMs: null }
    tell(timeListeners)
  },

  nextRate(): void {
    rate = RATES[(RATES.indexOf(rate as (typeof RATES)[number]) + 1) % RATES.length] ?? 1
    if (audio) audio.playbackRate = rate
    tell(stateListeners)
  },

  stop(): void {
    const closed = audio
    audio = null
    passage = null
    cancelAnimationFrame(frame)
    if (closed) {
      closed.pause()
      closed.removeAttribute('src')
      closed.load()
    }
    tell(stateListeners)
    tell(timeListeners)
  },

  passage: (): Passage | null => passage,
  isPaused: (): boolean => audio?.paused ?? true,
  rate: (): number => rate,
  positionMs: (): number | null =>
    audio && passage ? Math.round(audio.currentTime * 1000) + passage.offsetMs : null,
}

/** Looks at the clock of the sound as often as the screen is drawn. */
function watch(): void {
  const at = player.positionMs()
  if (at === null) return
  if (passage?.untilMs != null && at >= passage.untilMs) {
    player.stop()
    return
  }
  tell(timeListeners)
  frame = requestAnimationFrame(watch)
}

const onState = (listener: Change) => {
  stateListeners.add(listener)
  return () => stateListeners.delete(listener)
}
const onTime = (listener: Change) => {
  timeListeners.add(listener)
  return () => timeListeners.delete(listener)
}

export const usePassage = (): Passage | null => useSyncExternalStore(onState, player.passage)
export const useIsPaused = (): boolean => useSyncExternalStore(onState, player.isPaused)
export const useRate = (): number => useSyncExternalStore(onState, player.rate)

/** `pick` of the time that is heard, as soon as it changes; its result must compare by `===`. */
export function useTime<T>(pick: (positionMs: number | null) => T): T {
  return useSyncExternalStore(onTime, () => pick(player.positionMs()))
}
