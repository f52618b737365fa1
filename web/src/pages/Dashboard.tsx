import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import {
  Bar,
  BarChart,
  CartesianGrid,
  Cell,
  Line,
  LineChart,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts'
import {
  hourlyQuery,
  insightsQuery,
  keywordsQuery,
  standingsQuery,
  topicsQuery,
  trendsQuery,
} from '../api/queries'
import type { Insight, Trend } from '../api/types'
import { Figure } from '../ui/Figure'
import { useGroup } from '../ui/group'
import { Chart, Spark } from '../ui/icons'
import { Empty, Failure, Loading } from '../ui/parts'
import { day } from '../ui/times'
import { PageHead } from './Shell'

const CHART_PX = 220
const BAR_PX = 48
/** Fewer meetings than this say little; the page says so. */
const FEW_MEETINGS = 5
const AXIS = { stroke: 'var(--muted)', fontSize: 12, tickLine: false } as const
const TIP = {
  contentStyle: {
    background: 'var(--raised)',
    border: '1px solid var(--line-strong)',
    borderRadius: 8,
    color: 'var(--text)',
  },
  cursor: { fill: 'var(--hover)', stroke: 'var(--line-strong)' },
  isAnimationActive: false,
}

export function DashboardPage() {
  const { t } = useTranslation()
  const { group, isLoading, error } = useGroup()
  if (error) return <Failure error={error} />
  if (isLoading) return <Loading />
  if (!group) return <Empty icon={<Chart className="size-6" />} title={t('meetings.noGroup')} />
  return <Of key={group.groupId} groupId={group.groupId} />
}

const percent = (share: number | null | undefined) =>
  share === null || share === undefined ? '–' : `${Math.round(100 * share)} %`
const few = (number: number | null | undefined) =>
  number === null || number === undefined ? '–' : String(Math.round(10 * number) / 10)

function Of({ groupId }: { groupId: number }) {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery(trendsQuery(groupId))
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data) return <Loading />
  const weeks = data.trends
  const meetings = weeks.reduce((sum, week) => sum + week.meetingCount, 0)
  return (
    <>
      <PageHead>
        <h1 className="font-semibold">{t('app.dashboard')}</h1>
        <span className="text-sm text-muted">{t('dashboard.period', { count: meetings })}</span>
      </PageHead>
      <div className="mx-auto max-w-6xl space-y-4 p-4">
        {weeks.length === 0 ? (
          <Empty icon={<Chart className="size-6" />} title={t('dashboard.empty')}>
            {t('dashboard.emptyHint')}
          </Empty>
        ) : (
          <>
            {meetings < FEW_MEETINGS && (
              <p role="note" className="rounded-md bg-warn-soft px-3 py-2 text-sm text-warn">
                {t('dashboard.few', { count: meetings })}
              </p>
            )}
            <Numbers weeks={weeks} />
            <Insights groupId={groupId} />
            <div className="grid gap-4 lg:grid-cols-2">
              <Productivity weeks={weeks} />
              <Tickets weeks={weeks} />
              <Hours groupId={groupId} />
              <Statuses week={weeks[0]} />
              <Keywords groupId={groupId} />
              <Topics groupId={groupId} />
            </div>
            <Groups />
          </>
        )}
      </div>
    </>
  )
}

function Numbers({ weeks }: { weeks: readonly Trend[] }) {
  const { t } = useTranslation()
  const [now, before] = weeks
  if (!now) return null
  const change =
    before && before.meetingCount > 0 ? Math.round(100 * (now.avgProductivity - before.avgProductivity)) : null
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Number name={t('dashboard.meetings')} value={String(now.meetingCount)} />
      <Number name={t('dashboard.made')} value={String(now.ticketsMade)} />
      <Number name={t('dashboard.completed')} value={percent(now.completionRate)}>
        {now.hoursToDone != null && t('dashboard.hoursToDone', { hours: few(now.hoursToDone) })}
      </Number>
      <Number name={t('dashboard.productivity')} value={percent(now.avgProductivity)}>
        {change !== null && (
          <span className={change < 0 ? 'text-danger' : 'text-good'}>
            {t('dashboard.change', { points: `${change > 0 ? '+' : ''}${change}` })}
          </span>
        )}
      </Number>
    </dl>
  )
}

function Number({ name, value, children }: { name: string; value: string; children?: ReactNode }) {
  return (
    <div className="rounded-xl border border-line bg-raised px-4 py-3 shadow-card">
      <dt className="text-sm text-muted">{name}</dt>
      <dd className="text-2xl font-semibold tabular-nums">{value}</dd>
      <dd className="min-h-5 text-sm text-muted">{children}</dd>
    </div>
  )
}

function Insights({ groupId }: { groupId: number }) {
  const { t, i18n } = useTranslation()
  const { data } = useQuery(insightsQuery(groupId, i18n.language))
  const insights = data?.items ?? []
  return (
    <section
      aria-label={t('dashboard.insights')}
      className="rounded-xl border border-line bg-raised p-4 shadow-card"
    >
      <h2 className="mb-2 font-semibold">{t('dashboard.insights')}</h2>
      {insights.length === 0 ? (
        <p className="text-muted">{t('dashboard.noInsights')}</p>
      ) : (
        <ul className="space-y-2">
          {insights.map((one) => (
            <li key={one.insightId} className="flex items-start gap-2">
              <Spark className="mt-1 size-3.5 text-accent-text" />
              <div className="min-w-0">
                <p dir="auto">{one.text}</p>
                <p className="flex flex-wrap gap-x-2 text-sm text-muted">
                  <span>{t('dashboard.sample', { count: one.sample })}</span>
                  <Sources insight={one} />
                </p>
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

const LINK = 'text-accent-text hover:underline'

function Sources({ insight }: { insight: Insight }) {
  const { t } = useTranslation()
  return (
    <>
      {insight.meetingIds.slice(0, 5).map((id) => (
        <Link key={id} to="/meetings/$meetingId" params={{ meetingId: String(id) }} className={LINK}>
          {t('dashboard.meeting', { id })}
        </Link>
      ))}
      {insight.ticketIds.slice(0, 5).map((id) => (
        <Link key={id} to="/board" search={{ ticket: id }} className={LINK}>
          {id}
        </Link>
      ))}
    </>
  )
}

function Productivity({ weeks }: { weeks: readonly Trend[] }) {
  const { t, i18n } = useTranslation()
  const data = [...weeks].reverse().map((week) => ({
    name: day(week.period.start, i18n.language),
    value: Math.round(100 * week.avgProductivity),
    meetings: week.meetingCount,
  }))
  return (
    <Figure
      title={t('dashboard.trend')}
      note={weeks.length < 2 ? t('dashboard.oneWeek') : t('dashboard.formula')}
      columns={[t('dashboard.week'), t('dashboard.productivity'), t('dashboard.meetings')]}
      rows={data.map((one) => [one.name, `${one.value} %`, one.meetings])}
    >
      <ResponsiveContainer width="100%" height={CHART_PX}>
        <LineChart data={data} margin={{ top: 8, right: 12, bottom: 0, left: -20 }}>
          <CartesianGrid stroke="var(--line)" vertical={false} />
          <XAxis dataKey="name" {...AXIS} />
          <YAxis domain={[0, 100]} unit="%" {...AXIS} width={64} />
          <Tooltip {...TIP} />
          <Line
            name={t('dashboard.productivity')}
            dataKey="value"
            unit=" %"
            stroke="var(--accent-text)"
            strokeWidth={2}
            dot={{ r: 3 }}
            isAnimationActive={false}
          />
        </LineChart>
      </ResponsiveContainer>
    </Figure>
  )
}

function Tickets({ weeks }: { weeks: readonly Trend[] }) {
  const { t, i18n } = useTranslation()
  const data = [...weeks].reverse().map((week) => {
    const done = Math.round((week.completionRate ?? 0) * week.ticketsMade)
    return { name: day(week.period.start, i18n.language), done, open: week.ticketsMade - done }
  })
  return (
    <Figure
      title={t('dashboard.tickets')}
      columns={[
        t('dashboard.week'),
        t('dashboard.made'),
        t('dashboard.done'),
        t('dashboard.open'),
      ]}
      rows={data.map((one) => [one.name, one.done + one.open, one.done, one.open])}
    >
      <ResponsiveContainer width="100%" height={CHART_PX}>
        <BarChart data={data} maxBarSize={BAR_PX} margin={{ top: 8, right: 12, bottom: 0, left: -20 }}>
          <CartesianGrid stroke="var(--line)" vertical={false} />
          <XAxis dataKey="name" {...AXIS} />
          <YAxis allowDecimals={false} {...AXIS} width={64} />
          <Tooltip {...TIP} />
          <Bar
            name={t('dashboard.done')}
            dataKey="done"
            stackId="all"
            fill="var(--good)"
            isAnimationActive={false}
          />
          <Bar
            name={t('dashboard.open')}
            dataKey="open"
            stackId="all"
            fill="var(--line-strong)"
            isAnimationActive={false}
          />
        </BarChart>
      </ResponsiveContainer>
    </Figure>
  )
}

function Hours({ groupId }: { groupId: number }) {
  const { t } = useTranslation()
  const { data: hourly } = useQuery(hourlyQuery(groupId))
  const best = hourly?.best
  const hours = hourly?.hours ?? []
  const data = hours.map((one) => ({
    hour: one.hour,
    name: `${String(one.hour).padStart(2, '0')}:00`,
    value: Math.round(100 * one.avgProductivity),
    meetings: one.meetings,
  }))
  const note = best
    ? t(best.sure ? 'dashboard.bestHour' : 'dashboard.bestHourUnsure', {
        hour: `${String(best.hour).padStart(2, '0')}:00`,
        lowest: Math.round(100 * best.lowest),
        highest: Math.round(100 * best.highest),
        count: best.meetings,
      })
    : hourly && t('dashboard.noBestHour', { count: hourly.needed })
  return (
    <Figure
      title={t('dashboard.hours')}
      note={note}
      columns={[t('dashboard.hour'), t('dashboard.productivity'), t('dashboard.meetings')]}
      rows={data.map((one) => [one.name, `${one.value} %`, one.meetings])}
    >
      <ResponsiveContainer width="100%" height={CHART_PX}>
        <BarChart data={data} maxBarSize={BAR_PX} margin={{ top: 8, right: 12, bottom: 0, left: -20 }}>
          <CartesianGrid stroke="var(--line)" vertical={false} />
          <XAxis dataKey="name" {...AXIS} />
          <YAxis domain={[0, 100]} unit="%" {...AXIS} width={64} />
          <Tooltip {...TIP} />
          <Bar name={t('dashboard.productivity')} dataKey="value" unit=" %" isAnimationActive={false}>
            {data.map((one) => (
              <Cell
                key={one.hour}
                fill={one.hour === best?.hour ? 'var(--good)' : 'var(--accent-text)'}
              />
            ))}
          </Bar>
        </BarChart>
      </ResponsiveContainer>
    </Figure>
  )
}

function Statuses({ week }: { week: Trend | undefined }) {
  const { t } = useTranslation()
  const data = (week?.timeInStatus ?? []).map((one) => ({
    status: one.status,
    name: t(`ticket.status.${one.status}`),
    hours: Math.round(10 * one.hours) / 10,
    stays: one.stays,
  }))
  return (
    <Figure
      title={t('dashboard.statuses')}
      note={
        week?.bottleneck
          ? t('dashboard.bottleneck', { status: t(`ticket.status.${week.bottleneck}`) })
          : undefined
      }
      columns={[t('ticket.statusLabel'), t('dashboard.hoursIn'), t('dashboard.stays')]}
      rows={data.map((one) => [one.name, one.hours, one.stays])}
    >
      <ResponsiveContainer width="100%" height={CHART_PX}>
        <BarChart data={data} maxBarSize={BAR_PX} layout="vertical" margin={{ top: 8, right: 12, bottom: 0, left: 12 }}>
          <CartesianGrid stroke="var(--line)" horizontal={false} />
          <XAxis type="number" {...AXIS} />
          <YAxis type="category" dataKey="name" {...AXIS} width={88} />
          <Tooltip {...TIP} />
          <Bar name={t('dashboard.hoursIn')} dataKey="hours" isAnimationActive={false}>
            {data.map((one) => (
              <Cell
                key={one.status}
                fill={one.status === week?.bottleneck ? 'var(--danger)' : 'var(--accent-text)'}
              />
            ))}
          </Bar>
        </BarChart>
      </ResponsiveContainer>
    </Figure>
  )
}

function Keywords({ groupId }: { groupId: number }) {
  const { t } = useTranslation()
  const { data: keywords = [] } = useQuery(keywordsQuery(groupId))
  const most = Math.max(1, ...keywords.map((one) => one.score))
  return (
    <Figure
      title={t('dashboard.keywords')}
      columns={[t('dashboard.word'), t('dashboard.count'), t('dashboard.before')]}
      rows={keywords.map((one) => [one.term, one.count, one.countBefore ?? '–'])}
    >
      <ul className="space-y-1.5">
        {keywords.slice(0, 12).map((one) => (
          <li key={one.term} className="flex items-center gap-2 text-sm">
            <span dir="auto" className="w-28 shrink-0 truncate">
              {one.term}
            </span>
            <span className="h-2 flex-1 rounded-full bg-sunken">
              <span
                className="block h-full rounded-full bg-accent"
                style={{ width: `${(100 * one.score) / most}%` }}
              />
            </span>
            <span className="w-8 shrink-0 text-right text-muted tabular-nums">{one.count}</span>
          </li>
        ))}
      </ul>
    </Figure>
  )
}

function Topics({ groupId }: { groupId: number }) {
  const { t } = useTranslation()
  const { data: topics = [] } = useQuery(topicsQuery(groupId))
  return (
    <section
      aria-label={t('dashboard.topics')}
      className="min-w-0 rounded-xl border border-line bg-raised p-4 shadow-card"
    >
      <h2 className="mb-2 font-semibold">{t('dashboard.topics')}</h2>
      {topics.length === 0 ? (
        <p className="py-6 text-center text-muted">{t('dashboard.nothing')}</p>
      ) : (
        <ul className="space-y-2.5">
          {topics.map((topic) => (
            <li key={topic.name}>
              <p className="flex gap-2">
                <span dir="auto" className="min-w-0 flex-1 font-medium">
                  {topic.name}
                </span>
                <span className="text-sm text-muted tabular-nums">{percent(topic.share)}</span>
              </p>
              <p className="flex flex-wrap gap-x-2 text-sm">
                {topic.meetingIds.slice(0, 6).map((id) => (
                  <Link
                    key={id}
                    to="/meetings/$meetingId"
                    params={{ meetingId: String(id) }}
                    className={LINK}
                  >
                    {t('dashboard.meeting', { id })}
                  </Link>
                ))}
              </p>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Groups() {
  const { t } = useTranslation()
  const { data: standings = [] } = useQuery(standingsQuery)
  if (standings.length < 2) return null
  return (
    <Figure
      title={t('dashboard.groups')}
      columns={[
        t('app.group'),
        t('dashboard.meetings'),
        t('dashboard.productivity'),
        t('dashboard.items'),
        t('dashboard.completed'),
      ]}
      rows={standings.map((one) => [
        one.name,
        one.meetingCount,
        percent(one.avgProductivity),
        few(one.avgActionableItems),
        percent(one.completionRate),
      ])}
    />
  )
}
