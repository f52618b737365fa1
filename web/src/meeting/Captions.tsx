import { useQuery } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { wordsQuery } from '../api/queries'
import type { Line, Word } from '../api/types'
import { Down, Wave } from '../ui/icons'
import { Avatar, Button, Empty } from '../ui/parts'
import { clock } from '../ui/times'
import { lineAt, piecesOf, wordAt } from './follow'
import { PlayButton } from './PlayButton'
import { usePassage, useTime } from './player'

interface Props {
  meetingId: number
  lines: Line[]
  /** What is being said now and may still change. */
  partial: string | null
  /** Names by user. */
  names: Map<number, string>
  isEnded: boolean
  isRecording: boolean
  /** A line to show: somebody came here for it. */
  goTo?: string | undefined
}

const NEAR_PX = 60
const LINE_PX = 34

/** What was said, newest below. Follows what comes, or what is played, until somebody scrolls up. */
export function Captions({ meetingId, lines, partial, names, isEnded, isRecording, goTo }: Props) {
  const { t } = useTranslation()
  const box = useRef<HTMLDivElement>(null)
  const [isFollowing, setFollowing] = useState(!isEnded && !goTo)
  const [marked, setMarked] = useState(goTo ?? null)
  const count = lines.length + (partial ? 1 : 0)
  const passage = usePassage()
  const played = passage?.meetingId === meetingId ? passage.audioId : null
  const activeAt = useTime((ms) => (played && ms !== null ? lineAt(lines, ms, played) : -1))
  const { data: words } = useQuery({ ...wordsQuery(meetingId), enabled: played !== null })
  const isEmpty = count === 0

  // eslint-disable-next-line react-hooks/incompatible-library -- the rows it gives are not memoised
  const rows = useVirtualizer({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: 12,
    getItemKey: (i) => lines[i]?.captionId ?? 'partial',
    paddingStart: 12,
    paddingEnd: 12,
  })
  const { scrollToIndex } = rows
  const total = rows.getTotalSize()

  useEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [isFollowing, total, partial])

  useEffect(() => {
    if (!goTo) return
    const at = lines.findIndex((one) => one.captionId === goTo)
    if (at >= 0) scrollToIndex(at, { align: 'center' })
    setMarked(goTo)
    // Only when somebody comes for a line, or it is there for the first time.
  }, [goTo, isEmpty, scrollToIndex]) // eslint-disable-line react-hooks/exhaustive-deps

  useEffect(() => {
    if (activeAt >= 0) scrollToIndex(activeAt, { align: 'auto' })
  }, [activeAt, scrollToIndex])

  const atScroll = useCallback(() => {
    const at = box.current
    if (at) setFollowing(at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_PX)
  }, [])

  if (isEmpty) {
    const title = isEnded ? 'live.quietEnded' : isRecording ? 'live.listening' : 'live.quiet'
    return (
      <Empty icon={<Wave className="size-6" />} title={t(title)}>
        {!isEnded && !isRecording && t('live.quietHint')}
      </Empty>
    )
  }
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={box}
        tabIndex={0}
        role="region"
        aria-label={t('live.captions')}
        className="h-full overflow-y-auto outline-offset-[-2px] [overflow-anchor:none]"
        onScroll={atScroll}
      >
        <ol className="relative mx-auto max-w-3xl" style={{ height: total }}>
          {rows.getVirtualItems().map(({ index, key, start }) => {
            const line = lines[index]
            return (
              <li
                key={key}
                ref={rows.measureElement}
                data-index={index}
                aria-setsize={count}
                aria-posinset={index + 1}
                aria-hidden={line ? undefined : true}
                className="absolute inset-x-0 top-0 px-2 sm:px-4"
                style={{ transform: `translateY(${String(start)}px)` }}
              >
                {line ? (
                  <Row
                    meetingId={meetingId}
                    line={line}
                    speaker={nameOf(line, names)}
                    isSame={isSameSpeaker(lines[index - 1], line)}
                    isMarked={line.captionId === marked}
                    words={index === activeAt ? (words?.get(line.captionId) ?? NO_WORDS) : null}
                  />
                ) : (
                  <p dir="auto" className="py-1.5 pr-2 pl-[5.75rem] text-faint italic">
                    {partial}
                  </p>
                )}
              </li>
            )
          })}
        </ol>
      </div>
      <p aria-live="polite" className="sr-only">
        {!isEnded && isFollowing && lines.at(-1)?.text}
      </p>
      {!isFollowing && !isEnded && (
        <Button
          small
          look="primary"
          className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full shadow-high"
          onClick={() => {
            setFollowing(true)
          }}
        >
          <Down className="size-3.5" /> {t('live.follow')}
        </Button>
      )}
    </div>
  )
}

const NO_WORDS: Word[] = []

interface RowProps {
  meetingId: number
  line: Line
  speaker: string | null
  isSame: boolean
  isMarked: boolean
  /** Where its words are, while it is played; null: it is not. */
  words: Word[] | null
}

const Row = memo(function Row({ meetingId, line, speaker, isSame, isMarked, words }: RowProps) {
  const isPlayed = words !== null
  return (
    <div
      data-caption={line.captionId}
      data-played={isPlayed || undefined}
      className={`group flex items-start gap-2 rounded-md px-2 py-1 hover:bg-sunken ${isSame ? '' : 'pt-3'} ${isPlayed ? 'bg-accent-soft' : isMarked ? 'bg-warn-soft' : ''}`}
    >
      <span className="flex w-[4.75rem] shrink-0 items-center gap-1 text-xs leading-6 text-muted tabular-nums">
        <PlayButton
          quiet
          meetingId={meetingId}
          audioId={line.audioId}
          captionId={line.captionId}
          startMs={line.startMs}
        />
        {clock(line.startMs)}
      </span>
      <span className="min-w-0 flex-1 leading-6">
        {speaker && !isSame && (
          <span className="mr-2 inline-flex max-w-full items-center gap-1.5 align-middle text-sm font-semibold">
            <Avatar name={speaker} />
            <span className="truncate" dir="auto">
              {speaker}
            </span>
          </span>
        )}
        <span dir="auto" lang={line.language}>
          {isPlayed ? <Followed line={line} words={words} /> : line.text}
        </span>
      </span>
    </div>
  )
})

/** A line as it is heard: what has been said, and the word that is being said. */
function Followed({ line, words }: { line: Line; words: Word[] }) {
  const pieces = useMemo(() => piecesOf(line.text, words), [line.text, words])
  const at = useTime((ms) => (ms === null ? -1 : wordAt(words, ms)))
  return pieces.map((piece, i) =>
    piece.word !== null && piece.word === at ? (
      <mark key={i} className="rounded bg-accent px-0.5 text-on-accent">
        {piece.text}
      </mark>
    ) : (
      <span key={i}>{piece.text}</span>
    ),
  )
}

function nameOf(line: Line, names: Map<number, string>): string | null {
  return line.speaker ?? (line.speakerId ? (names.get(line.speakerId) ?? null) : null)
}

/** The same voice goes on: its name need not be said again. */
function isSameSpeaker(before: Line | undefined, line: Line): boolean {
  if (!before) return false
  return before.speakerId === line.speakerId && line.startMs - before.endMs < 15_000
}
