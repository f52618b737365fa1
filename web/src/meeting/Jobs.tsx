import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { jobsQuery, keys } from '../api/queries'
import type { Job } from '../api/types'
import { Again } from '../ui/icons'
import { Button, Notice } from '../ui/parts'

const isOpen = (job: Job) => job.state === 'QUEUED' || job.state === 'RUNNING'
/** While one runs; what comes of it is told by events too. */
const LOOK_EVERY_MS = 2_000

/** Sound that is put into words in the background, and what failed last. */
export function Jobs({ meetingId }: { meetingId: number }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { data: jobs = [] } = useQuery({
    ...jobsQuery(meetingId),
    refetchInterval: ({ state }) => (state.data?.some(isOpen) ? LOOK_EVERY_MS : false),
  })
  const cancel = useMutation({
    mutationFn: (jobId: string) => json('DELETE', `/api/meetings/${meetingId}/jobs/${jobId}`),
    onSettled: () => client.invalidateQueries({ queryKey: keys.jobs(meetingId) }),
  })
  const open = jobs.filter(isOpen)
  const newest = jobs[0]
  return (
    <>
      {open.map((job) => (
        <div
          key={job.jobId}
          className="flex items-center gap-3 border-b border-line px-4 py-2 text-sm text-muted"
        >
          <Again className="size-3.5" />
          <span>{t(job.state === 'QUEUED' ? 'versions.queued' : 'versions.running')}</span>
          <progress
            className="h-1.5 w-32 overflow-hidden rounded-full accent-accent"
            aria-label={t('versions.running')}
            {...(job.totalMs ? { value: job.doneMs / job.totalMs } : {})}
          />
          <Button
            small
            look="quiet"
            className="ml-auto"
            disabled={cancel.isPending}
            onClick={() => {
              cancel.mutate(job.jobId)
            }}
          >
            {t('common.cancel')}
          </Button>
        </div>
      ))}
      {newest?.state === 'FAILED' && (
        <div className="px-4 pt-2">
          <Notice kind="danger">{newest.message || newest.failure}</Notice>
        </div>
      )}
    </>
  )
}
