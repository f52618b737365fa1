import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { recordingsQuery, transcriptQuery } from '../api/queries'
import { Play, Stop } from '../ui/icons'
import { clock } from '../ui/times'
import { useSay } from '../ui/toasts'
import { player, usePassage } from './player'

const BEFORE_MS = 250
const AFTER_MS = 350

interface Props {
  meetingId: number
  /** Whose recording to play; else that of the caption, else that of the nearest caption. */
  audioId?: string | undefined
  captionId?: string | undefined
  startMs: number
  /** Without an end it plays on. */
  endMs?: number | undefined
  quiet?: boolean
}

/** Plays a meeting from somewhere. Times count from the meeting's start. */
export function PlayButton({ meetingId, audioId, captionId, startMs, endMs, quiet }: Props) {
  const { t } = useTranslation()
  const say = useSay()
  const client = useQueryClient()
  const [isAsking, setAsking] = useState(false)
  const id = `${meetingId}:${captionId ?? ''}:${startMs}`
  const isPlaying = usePassage()?.id === id
  useEffect(
    () => () => {
      if (player.passage()?.id === id && player.passage()?.untilMs !== null) player.stop()
    },
    [id],
  )

  const fail = () => {
    say(t('live.noSound'))
  }
  const play = async () => {
    const recordings = await client.fetchQuery({ ...recordingsQuery(meetingId), staleTime: 30_000 })
    const whose = audioId ?? (captionId ? await audioOf(captionId) : undefined)
    const recording =
      recordings.find((one) => one.audioId === whose) ??
      recordings.findLast((one) => one.offsetMs <= startMs)
    if (!recording) {
      fail()
      return
    }
    player.play(
      {
        id,
        meetingId,
        audioId: recording.audioId,
        offsetMs: recording.offsetMs,
        fromMs: startMs - BEFORE_MS,
        untilMs: endMs === undefined ? null : endMs + AFTER_MS,
      },
      fail,
    )
  }
  const audioOf = async (wanted: string) => {
    const lines = await client.fetchQuery({ ...transcriptQuery(meetingId), staleTime: 30_000 })
    return lines.find((one) => one.captionId === wanted)?.audioId
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
