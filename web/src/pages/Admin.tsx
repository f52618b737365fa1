import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Tabs } from 'radix-ui'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { accountsQuery, healthQuery, itemsOf, meQuery, systemQuery } from '../api/queries'
import type { NewAccount, NewLink } from '../api/types'
import { Shield } from '../ui/icons'
import { Button, Dialog, Empty, Failure, Loading, More, Notice, Section, useWords } from '../ui/parts'
import { clock, moment } from '../ui/times'
import { AddPerson } from './AddPerson'
import { DeadLetters } from './DeadLetters'
import { Secret } from './Settings'
import { PageHead } from './Shell'

const LOOK_EVERY_MS = 5_000
const TAB =
  'rounded-md px-2.5 py-1.5 font-medium text-muted hover:bg-hover data-[state=active]:bg-hover data-[state=active]:text-text'
const PARTS = ['health', 'recordings', 'people', 'letters', 'settings'] as const

/** For whoever runs this VORI. */
export function AdminPage() {
  const { t } = useTranslation()
  const { data: me } = useQuery(meQuery)
  if (!me) return <Loading />
  if (!me.isAdmin) return <Empty icon={<Shield className="size-6" />} title={t('admin.notYours')} />
  return (
    <Tabs.Root defaultValue="health">
      <PageHead>
        <h1 className="mr-2 font-semibold">{t('app.admin')}</h1>
        <Tabs.List className="flex flex-wrap gap-1" aria-label={t('app.admin')}>
          {PARTS.map((one) => (
            <Tabs.Trigger key={one} value={one} className={TAB}>
              {t(`admin.${one}`)}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
      </PageHead>
      <div className="mx-auto max-w-4xl p-4">
        <Tabs.Content value="health">
          <Workers />
        </Tabs.Content>
        <Tabs.Content value="recordings">
          <Recordings />
        </Tabs.Content>
        <Tabs.Content value="people">
          <People />
        </Tabs.Content>
        <Tabs.Content value="letters">
          <DeadLetters />
        </Tabs.Content>
        <Tabs.Content value="settings">
          <SystemSettings />
        </Tabs.Content>
      </div>
    </Tabs.Root>
  )
}

const STATE_LOOK: Record<string, string> = {
  ok: 'bg-good-soft text-good',
  degraded: 'bg-warn-soft text-warn',
  down: 'bg-danger-soft text-danger',
}

export function StateBadge({ state }: { state: string }) {
  const { t } = useTranslation()
  const look = STATE_LOOK[state] ?? 'bg-sunken text-muted'
  return (
    <span className={`shrink-0 rounded-full px-2 py-0.5 text-xs font-medium ${look}`}>
      {t(`admin.state.${state as 'ok'}`)}
    </span>
  )
}

function Workers() {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery({ ...healthQuery, refetchInterval: LOOK_EVERY_MS })
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data) return <Loading />
  const speech = data.workers.transcribe
  const isDemo = speech?.message?.startsWith('demo model') ?? false
  return (
    <div className="space-y-3">
      <p className="flex items-center gap-2 text-muted">
        VORI {data.version} <StateBadge state={data.status} />
        {data.draining && <span>{t('admin.draining')}</span>}
      </p>
      {speech && (
        <Section title={t('admin.model')}>
          <p className="font-medium">{String(speech.detail?.model ?? '–')}</p>
          <p className="text-sm text-muted">
            {[speech.detail?.device, speech.detail?.computeType].filter(Boolean).join(' · ')}
          </p>
          {isDemo && (
            <div className="mt-2">
              <Notice>{t('admin.demoModel')}</Notice>
            </div>
          )}
        </Section>
      )}
      {Object.entries(data.workers).map(([name, health]) => (
        <section
          key={name}
          aria-label={t(`admin.worker.${name as 'web'}`, { defaultValue: name })}
          className="rounded-xl border border-line bg-raised p-4 shadow-card"
        >
          <h2 className="flex items-center gap-2 font-semibold">
            {t(`admin.worker.${name as 'web'}`, { defaultValue: name })}{' '}
            <StateBadge state={health.state ?? 'ok'} />
          </h2>
          {health.message && <p className="mt-1">{health.message}</p>}
          <Detail of={health.detail ?? {}} />
        </section>
      ))}
    </div>
  )
}

type Values = Record<string, unknown>
const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a worker tells of itself, by its own names; parts that are alike as a table. */
function Detail({ of: detail }: { of: Values }) {
  const parts = Object.entries(detail).filter((one): one is [string, Values] => isValues(one[1]))
  const plain = Object.entries(detail).filter(([, value]) => !isValues(value))
  const columns = [...new Set(parts.flatMap(([, values]) => Object.keys(values)))]
  return (
    <>
      {plain.length > 0 && (
        <dl className="mt-2 grid gap-x-4 gap-y-1 text-sm sm:grid-cols-2">
          {plain.map(([key, value]) => (
            <div key={key} className="flex min-w-0 gap-2">
              <dt className="shrink-0 text-muted">{key}</dt>
              <dd className="min-w-0 truncate tabular-nums" title={shown(value)}>
                {shown(value)}
              </dd>
            </div>
          ))}
        </dl>
      )}
      {parts.length > 0 && (
        <div className="mt-2 overflow-x-auto" tabIndex={0} role="group" aria-label={columns.join(', ')}>
          <table className="w-full text-sm">
            <thead>
              <tr className="border-b border-line text-left text-muted">
                <td />
                {columns.map((column) => (
                  <th key={column} scope="col" className="px-2 py-1 font-normal">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {parts.map(([name, values]) => (
                <tr key={name} className="border-b border-line last:border-0">
                  <th scope="row" className="py-1 pr-2 text-left font-normal text-muted">
                    {name}
                  </th>
                  {columns.map((column) => (
                    <td key={column} className="px-2 py-1 whitespace-nowrap tabular-nums">
                      {shown(values[column])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  )
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([key, inner]) => `${key}: ${shown(inner)}`)
    .join(', ')
}

function Recordings() {
  const { t, i18n } = useTranslation()
  const { data, error, refetch } = useQuery({ ...systemQuery, refetchInterval: LOOK_EVERY_MS })
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data) return <Loading />
  const { counts, recordings } = data
  return (
    <Section title={t('admin.recordings')}>
      <p className="mb-3 text-muted">
        {t('admin.counts', {
          open: counts.open,
          complete: counts.complete,
          failed: counts.failed,
          hours: Math.round(10 * counts.hours) / 10,
        })}
      </p>
      <div className="overflow-x-auto" tabIndex={0} role="group" aria-label={t('admin.recordings')}>
        <table className="w-full text-sm">
          <thead>
            <tr className="border-b border-line text-left text-muted">
              {(['meeting', 'started', 'length', 'status'] as const).map((name) => (
                <th key={name} scope="col" className="px-2 py-1.5 font-medium">
                  {t(`admin.column.${name}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {recordings.map((one) => (
              <tr key={one.recordingId} className="border-b border-line last:border-0">
                <td className="px-2 py-1.5 tabular-nums">{one.meetingId}</td>
                <td className="px-2 py-1.5 whitespace-nowrap">
                  {moment(one.startedAt, i18n.language)}
                </td>
                <td className="px-2 py-1.5 tabular-nums">{clock(one.durationMs)}</td>
                <td className="px-2 py-1.5">
                  {t(`admin.recording.${one.status as 'OPEN'}`)}
                  {one.failure && <span className="text-danger"> · {one.failure}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  )
}

function People() {
  const { t, i18n } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const key = accountsQuery.queryKey
  const list = useInfiniteQuery(accountsQuery)
  const { data, error, refetch } = list
  const [link, setLink] = useState<NewLink | null>(null)
  const change = useMutation({
    mutationFn: ({ userId, body }: { userId: number; body: object }) =>
      json('PATCH', `/api/admin/users/${userId}`, { body }),
    onSuccess: () => client.invalidateQueries({ queryKey: key }),
  })
  const make = useMutation({
    mutationFn: (userId: number) => json<NewLink>('POST', `/api/admin/users/${userId}/link`),
    onSuccess: setLink,
  })
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data) return <Loading />
  const problem = change.error ?? make.error
  return (
    <Section title={t('admin.people')}>
      <ul className="divide-y divide-line">
        {itemsOf(data).map((one) => (
          <li key={one.userId} className="flex flex-wrap items-center gap-2 py-2">
            <span className={`min-w-0 flex-1 basis-48 ${one.isDisabled ? 'text-muted' : ''}`}>
              <span dir="auto" className="block truncate font-medium">
                {one.name}
              </span>
              <span className="block truncate text-sm text-muted">
                {one.email} · {one.groups.join(', ')}
                {one.lastSeenAt && ` · ${moment(one.lastSeenAt, i18n.language)}`}
              </span>
            </span>
            {one.isAdmin && <span className="text-sm text-muted">{t('admin.operator')}</span>}
            {one.isDisabled && <span className="text-sm text-danger">{t('admin.disabled')}</span>}
            <Button
              small
              disabled={one.isDisabled || make.isPending}
              onClick={() => {
                make.mutate(one.userId)
              }}
            >
              {t('admin.makeLink')}
            </Button>
            <Button
              small
              look={one.isDisabled ? 'plain' : 'danger'}
              disabled={change.isPending}
              onClick={() => {
                change.mutate({ userId: one.userId, body: { isDisabled: !one.isDisabled } })
              }}
            >
              {t(one.isDisabled ? 'admin.enable' : 'admin.disable')}
            </Button>
          </li>
        ))}
      </ul>
      <More of={list} />
      {problem && (
        <div className="mt-2">
          <Notice kind="danger">{words(problem)}</Notice>
        </div>
      )}
      <AddPerson<NewAccount>
        path="/api/admin/users"
        isNameNeeded
        onMade={(made) => {
          setLink(made.link)
          void client.invalidateQueries({ queryKey: key })
        }}
      />
      {link && (
        <Dialog
          title={t('admin.link')}
          onClose={() => {
            setLink(null)
          }}
        >
          <Secret text={location.origin + link.path} />
        </Dialog>
      )}
    </Section>
  )
}

function SystemSettings() {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery(systemQuery)
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data) return <Loading />
  return (
    <Section title={t('admin.settings')}>
      <p className="mb-3 text-sm text-muted">{t('admin.settingsHint')}</p>
      <dl className="divide-y divide-line">
        {data.settings.map(({ name, value, isDefault }) => (
          <div key={name} className="flex flex-wrap gap-x-4 py-1.5 text-sm">
            <dt className="min-w-0 flex-1 basis-56 font-mono text-xs leading-5">{name}</dt>
            <dd className={`min-w-0 flex-1 break-words ${isDefault ? 'text-muted' : 'font-medium'}`}>
              {value === '' ? '–' : value}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}
