import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { itemsOf, lettersQuery } from '../api/queries'
import { Button, Failure, Loading, More, Notice, Section, useWords } from '../ui/parts'
import { moment } from '../ui/times'

/** Messages that could not be handled, and a way to send them again. */
export function DeadLetters() {
  const { t, i18n } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const list = useInfiniteQuery(lettersQuery)
  const { data, error, refetch } = list
  const replay = useMutation({
    mutationFn: (id: number) => json('POST', `/api/admin/dead-letters/${id}/replay`),
    onSuccess: () => client.invalidateQueries({ queryKey: lettersQuery.queryKey }),
  })
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data) return <Loading />
  const letters = itemsOf(data)
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
      <More of={list} />
    </Section>
  )
}
