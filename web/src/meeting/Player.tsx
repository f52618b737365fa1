import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { withToken } from '../api/http'
import { recordingsQuery, transcriptQuery } from '../api/queries'
import { Play, Stop } from '../ui/icons'
import { clock } from '../ui/times'
import { useSay } from '../ui/toasts'

/** One sound at a time, on the whole page. */
const player = {
  audio: null as HTMLAudioElement | null,
  playing: null as string | null,
  listeners: new Set<() => void>(),

  play(id: string, url: string, fromS: number, toS: number, onError: () => void): void {
    this.stop()
    const audio = new Audio(url)
    this.audio = audio
    audio.currentTime = fromS
    audio.ontimeupdate = () => {
      if (audio === this.audio && audio.currentTime >= toS) this.stop()
    }
    audio.onended = () => {
      if (audio === this.audio) this.stop()
    }
    const fail = () => {
      if (audio !== this.audio) return
      this.stop()
      onError()
    }
    audio.onerror = fail
    this.playing = id
    this.announce()
    audio.play().catch(fail)
  },

  stop(): void {
    const audio = this.audio
    this.audio = null
    this.playing = null
    if (audio) {
      audio.pause()
      audio.removeAttribute('src')
      audio.load()
    }
    this.announce()
  },

  announce(): void {
    this.listeners.forEach((listener) => {
      listener()
    })
  },

  subscribe: (listener: () => void) => {
    player.listeners.add(listener)
    return () => player.listeners.delete(listener)
  },
}

const BEFORE_S = 0.25
const AFTER_S = 0.35

interface Props {
  meetingId: number
  /** Whose recording to play; else that of the nearest caption. */
  captionId?: string | undefined
  startMs: number
  endMs: number
  quiet?: boolean
}

/** Plays one passage of a meeting. Times count from the meeting's start. */
export function PlayButton({ meetingId, captionId, startMs, endMs, quiet }: Props) {
  const { t } = useTranslation()
  const say = useSay()
  const client = useQueryClient()
  const [isAsking, setAsking] = useState(false)
  const id = `${meetingId}:${captionId ?? ''}:${startMs}`
  const isPlaying = useSyncExternalStore(player.subscribe, () => player.playing === id)
  useEffect(
    () => () => {
      if (player.playing === id) player.stop()
    },
    [id],
  )

  const fail = () => {
    say(t('live.noSound'))
  }
  const play = async () => {
    const [recordings, lines] = await Promise.all([
      client.fetchQuery({ ...recordingsQuery(meetingId), staleTime: 30_000 }),
      client.fetchQuery({ ...transcriptQuery(meetingId), staleTime: 30_000 }),
    ])
    const line = lines.find((one) => one.captionId === captionId)
    const recording =
      recordings.find((one) => one.audioId === line?.audioId) ??
      recordings.findLast((one) => one.offsetMs <= startMs)
    if (!recording) {
      fail()
      return
    }
    const { audioId, offsetMs } = recording
    const fromS = Math.max(0, (startMs - offsetMs) / 1000 - BEFORE_S)
    const toS = (endMs - offsetMs) / 1000 + AFTER_S
    player.play(id, withToken(`/api/meetings/${meetingId}/audio`, { audioId }), fromS, toS, fail)
  }

  return (
    <button
      type="button"
      disabled={isAsking}
      aria-label={isPlaying ? t('live.stop') : t('live.playLine', { time: clock(startMs) })}
      title={isPlaying ? t('live.stop') : t('live.play')}
      onClick={() => {
        if (isPlaying) {
          player.stop()
          return
        }
        setAsking(true)
        void play()
          .catch(fail)
          .finally(() => {
            setAsking(false)
          })
      }}
      className={`inline-flex size-6 shrink-0 items-center justify-center rounded-full transition-colors ${isPlaying ? 'bg-accent text-on-accent' : 'text-muted hover:bg-hover hover:text-text'} ${quiet && !isPlaying ? 'sm:opacity-0 sm:group-hover:opacity-100 sm:focus-visible:opacity-100' : ''}`}
    >
      {isPlaying ? <Stop className="size-3" /> : <Play className="size-3" />}
    </button>
  )
}
