import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { itemsOf, searchQuery } from '../api/queries'
import type { CaptionHit, TicketHit } from '../api/types'
import { PlayButton } from '../meeting/PlayButton'
import { useGroup } from '../ui/group'
import { Calendar, Search as Glass, StatusIcon } from '../ui/icons'
import { Marks } from '../ui/Marks'
import { Avatar, Empty, Failure, Loading, More } from '../ui/parts'
import { clock, day } from '../ui/times'
import { PageHead } from './Shell'

const AFTER_TYPING_MS = 250
type Kind = 'captions' | 'tickets'

export function SearchPage() {
  const { t } = useTranslation()
  const navigate = useNavigate({ from: '/search' })
  const { q = '' } = useSearch({ from: '/search' })
  const [text, setText] = useState(q)
  const [isEverywhere, setEverywhere] = useState(false)
  const { group, groups } = useGroup()

  // Kept in the address, so that going back finds it again.
  useEffect(() => {
    const wanted = text.trim()
    if (wanted === q) return
    const timer = window.setTimeout(() => {
      void navigate({ search: wanted ? { q: wanted } : {}, replace: true })
    }, AFTER_TYPING_MS)
    return () => {
      window.clearTimeout(timer)
    }
  }, [text, q, navigate])

  const groupId = isEverywhere || !group ? undefined : group.groupId
  return (
    <>
      <PageHead>
        <h1 className="sr-only">{t('app.search')}</h1>
        <div className="relative min-w-0 flex-1">
          <Glass className="pointer-events-none absolute top-2.5 left-2.5 size-4 text-faint" />
          <input
            type="search"
            autoFocus
            aria-label={t('search.label')}
            placeholder={t('search.label')}
            className="h-9 w-full rounded-md border border-line-strong bg-raised pr-2 pl-9 placeholder:text-faint"
            maxLength={200}
            dir="auto"
            value={text}
            onChange={(event) => {
              setText(event.target.value)
            }}
          />
        </div>
        {groups.length > 1 && (
          <label className="flex items-center gap-1.5 text-sm text-muted">
            <input
              type="checkbox"
              className="accent-accent"
              checked={isEverywhere}
              onChange={(event) => {
                setEverywhere(event.target.checked)
              }}
            />
            {t('search.everywhere')}
          </label>
        )}
      </PageHead>
      {q ? (
        <div className="mx-auto grid max-w-5xl gap-6 p-4 lg:grid-cols-[3fr_2fr]">
          <Results kind="captions" q={q} groupId={groupId} />
          <Results kind="tickets" q={q} groupId={groupId} />
        </div>
      ) : (
        <Empty icon={<Glass className="size-6" />} title={t('search.empty')}>
          {t('search.hint')}
        </Empty>
      )}
    </>
  )
}

function Results({ kind, q, groupId }: { kind: Kind; q: string; groupId: number | undefined }) {
  const { t } = useTranslation()
  const list = useInfiniteQuery({
    ...searchQuery(kind, q, groupId),
    placeholderData: (before) => before,
  })
  const { data, error, refetch } = list
  const hits = data && itemsOf<CaptionHit | TicketHit>(data)
  return (
    <section aria-label={t(`search.${kind}`)} className="min-w-0">
      <h2 className="mb-2 px-1 font-semibold">{t(`search.${kind}`)}</h2>
      {error ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : !hits ? (
        <Loading />
      ) : hits.length === 0 ? (
        <p className="px-1 py-4 text-muted">{t('search.nothing')}</p>
      ) : (
        <ol className="space-y-2">
          {hits.map((hit) =>
            'captionId' in hit ? (
              <Sentence key={hit.captionId} hit={hit} />
            ) : (
              <TicketFound key={hit.ticketId} hit={hit} />
            ),
          )}
        </ol>
      )}
      <More of={list} />
    </section>
  )
}

const CARD = 'rounded-lg border border-line bg-raised px-3 py-2.5 shadow-card'

function Sentence({ hit }: { hit: CaptionHit }) {
  const { t, i18n } = useTranslation()
  return (
    <li className={CARD} data-hit={hit.captionId}>
      <p dir="auto" lang={hit.language}>
        <Marks marked={hit.said} />
      </p>
      <div className="mt-1 flex items-center gap-2 text-xs text-muted">
        <PlayButton
          meetingId={hit.meetingId}
          audioId={hit.audioId}
          captionId={hit.captionId}
          startMs={hit.startMs}
          endMs={hit.endMs}
        />
        <span className="tabular-nums">{clock(hit.startMs)}</span>
        {hit.speaker && (
          <span className="flex min-w-0 items-center gap-1">
            <Avatar name={hit.speaker} className="size-4 text-[0.5rem]" />
            <span dir="auto" className="truncate">
              {hit.speaker}
            </span>
          </span>
        )}
        <Link
          to="/meetings/$meetingId"
          params={{ meetingId: String(hit.meetingId) }}
          search={{ caption: hit.captionId }}
          className="ml-auto min-w-0 truncate text-accent-text hover:underline"
          dir="auto"
        >
          {hit.meetingTitle || t('common.untitled')}
        </Link>
        {hit.meetingStartedAt && (
          <span className="shrink-0">{day(hit.meetingStartedAt, i18n.language)}</span>
        )}
      </div>
    </li>
  )
}

function TicketFound({ hit }: { hit: TicketHit }) {
  const { t, i18n } = useTranslation()
  return (
    <li className={CARD} data-hit={hit.ticketId}>
      <p className="flex items-center gap-1.5 text-xs text-muted">
        <StatusIcon status={hit.status} /> {t(`ticket.status.${hit.status}`)} · {hit.ticketId}
        {hit.assignee && (
          <span dir="auto" className="ml-auto truncate">
            {hit.assignee}
          </span>
        )}
      </p>
      <Link
        to="/board"
        search={{ ticket: hit.ticketId }}
        className="mt-0.5 line-clamp-3 font-medium hover:underline"
        dir="auto"
      >
        <Marks marked={hit.title} />
      </Link>
      {hit.content.marks.length > 0 && (
        <p dir="auto" className="mt-0.5 line-clamp-3 text-sm text-muted">
          <Marks marked={hit.content} />
        </p>
      )}
      {hit.due && (
        <p className="mt-1 flex items-center gap-1 text-xs text-muted">
          <Calendar className="size-3" /> {day(hit.due, i18n.language)}
        </p>
      )}
    </li>
  )
}
