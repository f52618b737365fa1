import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import type { Letter, Page } from '../api/types'
import { Button, Failure, Loading, Notice, useWords } from '../ui/parts'
import { moment } from '../ui/times'
import { Section } from './Settings'

/** Messages that could not be handled, and a way to send them again. */
export function DeadLetters() {
  const { t, i18n } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const key = ['admin', 'letters']
  const { data, error, refetch, fetchNextPage, hasNextPage } = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) =>
      json<Page<Letter>>('GET', '/api/admin/dead-letters', { query: { cursor: pageParam } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  })
  const replay = useMutation({
    mutationFn: (id: number) => json('POST', `/api/admin/dead-letters/${id}/replay`),
    onSuccess: () => client.invalidateQueries({ queryKey: key }),
  })
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data) return <Loading />
  const letters = data.pages.flatMap((page) => page.items)
  return (
    <Section title={t('admin.letters')}>
      {letters.length === 0 && <p className="text-muted">{t('admin.noLetters')}</p>}
      {replay.error && <Notice kind="danger">{words(replay.error)}</Notice>}
      <ul className="divide-y divide-line">
        {letters.map((one) => (
          <li key={one.letterId} className="flex items-start gap-2 py-2">
            <div className="min-w-0 flex-1">
              <p className="font-medium">{one.topic}</p>
              <p className="text-sm break-words">{one.reason}</p>
              <p className="text-sm text-muted">
                {one.consumer} · {moment(one.createdAt, i18n.language)}
                {one.replayedAt && ` · ${t('admin.replayed')}`}
              </p>
            </div>
            {!one.replayedAt && (
              <Button
                small
                disabled={replay.isPending}
                onClick={() => {
                  replay.mutate(one.letterId)
                }}
              >
                {t('admin.replay')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <Button className="mt-2 w-full" onClick={() => void fetchNextPage()}>
          {t('search.more')}
        </Button>
      )}
    </Section>
  )
}
