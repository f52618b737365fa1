import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useParams, type ErrorComponentProps } from '@tanstack/react-router'
import { DropdownMenu } from 'radix-ui'
import { useEffect, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useEvents } from '../api/events'
import { meQuery } from '../api/queries'
import { session } from '../api/session'
import { choose, LANGUAGES, type Language } from '../i18n'
import { chooseGroup, useGroup } from '../ui/group'
import { Alert, Board, Calendar, Check, Wave } from '../ui/icons'
import { Avatar, Button, Empty, Select } from '../ui/parts'
import { chooseTheme, useTheme, type Theme } from '../ui/theme'

export function Shell() {
  const { t } = useTranslation()
  const { meetingId } = useParams({ strict: false })
  const isThere = useEvents(meetingId ? Number(meetingId) : undefined)
  return (
    <div className="flex h-full flex-col sm:flex-row">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        {t('app.skip')}
      </a>
      <header className="flex shrink-0 items-center gap-1 border-b border-line bg-sunken px-3 py-2 sm:w-52 sm:flex-col sm:items-stretch sm:border-r sm:border-b-0 sm:p-3">
        <div className="flex min-w-0 items-center gap-2 sm:mb-3 sm:px-1">
          <span className="grid size-6 shrink-0 place-items-center rounded-md bg-accent text-on-accent">
            <Wave className="size-3.5" />
          </span>
          <span className="hidden font-semibold tracking-tight sm:inline">VORI</span>
        </div>
        <GroupChoice />
        <nav className="ml-auto flex gap-1 sm:mt-3 sm:ml-0 sm:flex-col">
          <NavLink to="/meetings" icon={<Calendar />}>
            {t('app.meetings')}
          </NavLink>
          <NavLink to="/board" icon={<Board />}>
            {t('app.board')}
          </NavLink>
        </nav>
        <div className="sm:mt-auto">
          <Account />
        </div>
      </header>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        {isThere === false && (
          <p
            role="status"
            className="flex items-center justify-center gap-2 bg-warn-soft px-3 py-1.5 text-sm text-warn"
          >
            <Alert /> {t('error.awayShort')}
          </p>
        )}
        <main id="content" tabIndex={-1} className="min-h-0 flex-1 overflow-y-auto outline-none">
          <Outlet />
        </main>
      </div>
    </div>
  )
}

function NavLink({ to, icon, children }: { to: '/meetings' | '/board'; icon: ReactNode; children: ReactNode }) {
  return (
    <Link
      to={to}
      className="flex items-center gap-2 rounded-md px-2 py-1.5 font-medium text-muted transition-colors hover:bg-hover hover:text-text data-[status=active]:bg-hover data-[status=active]:text-text"
    >
      {icon}
      <span>{children}</span>
    </Link>
  )
}

function GroupChoice() {
  const { t } = useTranslation()
  const { group, groups } = useGroup()
  if (!group) return null
  if (groups.length === 1) {
    return <p className="truncate px-1 text-sm text-muted sm:px-2">{group.name}</p>
  }
  return (
    <Select
      aria-label={t('app.group')}
      value={group.groupId}
      onChange={(event) => {
        chooseGroup(Number(event.target.value))
      }}
      className="w-full min-w-0"
    >
      {groups.map((one) => (
        <option key={one.groupId} value={one.groupId}>
          {one.name}
        </option>
      ))}
    </Select>
  )
}

const THEMES: Theme[] = ['system', 'light', 'dark']
const ITEM =
  'flex items-center gap-2 rounded px-2 py-1.5 outline-none data-[highlighted]:bg-hover cursor-pointer'

function Account() {
  const { t, i18n } = useTranslation()
  const { data: me } = useQuery(meQuery)
  const theme = useTheme()
  if (!me) return null
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger
        aria-label={t('app.account')}
        className="flex w-full min-w-0 items-center gap-2 rounded-md p-1.5 text-left hover:bg-hover"
      >
        <Avatar name={me.name} className="size-6 text-[0.625rem]" />
        <span className="hidden min-w-0 truncate text-muted sm:inline">{me.name}</span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="start"
          sideOffset={6}
          collisionPadding={8}
          className="z-50 min-w-52 animate-open rounded-lg border border-line bg-raised p-1 shadow-high"
        >
          <MenuTitle>{t('app.language')}</MenuTitle>
          <DropdownMenu.RadioGroup
            value={i18n.language}
            onValueChange={(language) => {
              choose(language as Language)
            }}
          >
            {Object.entries(LANGUAGES).map(([language, name]) => (
              <Choice key={language} value={language}>
                <span lang={language}>{name}</span>
              </Choice>
            ))}
          </DropdownMenu.RadioGroup>
          <DropdownMenu.Separator className="my-1 h-px bg-line" />
          <MenuTitle>{t('app.theme')}</MenuTitle>
          <DropdownMenu.RadioGroup
            value={theme}
            onValueChange={(chosen) => {
              chooseTheme(chosen as Theme)
            }}
          >
            {THEMES.map((one) => (
              <Choice key={one} value={one}>
                {t(`app.${one}`)}
              </Choice>
            ))}
          </DropdownMenu.RadioGroup>
          <DropdownMenu.Separator className="my-1 h-px bg-line" />
          <DropdownMenu.Item asChild>
            <a href="/schema" className={ITEM}>
              {t('app.apiDocs')}
            </a>
          </DropdownMenu.Item>
          <DropdownMenu.Item
            className={ITEM}
            onSelect={() => {
              session.signOut()
            }}
          >
            {t('app.signOut')}
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

function MenuTitle({ children }: { children: ReactNode }) {
  return (
    <DropdownMenu.Label className="px-2 py-1 text-xs font-medium text-faint">
      {children}
    </DropdownMenu.Label>
  )
}

function Choice({ value, children }: { value: string; children: ReactNode }) {
  return (
    <DropdownMenu.RadioItem value={value} className={`${ITEM} justify-between`}>
      {children}
      <DropdownMenu.ItemIndicator>
        <Check className="size-4 text-accent-text" />
      </DropdownMenu.ItemIndicator>
    </DropdownMenu.RadioItem>
  )
}

export function NotFound() {
  const { t } = useTranslation()
  return <Empty icon={<Alert className="size-6" />} title={t('error.notFound')} />
}

export function Broken({ error }: ErrorComponentProps) {
  const { t } = useTranslation()
  useEffect(() => {
    console.error(error)
  }, [error])
  return (
    <div role="alert">
      <Empty icon={<Alert className="size-6 text-danger" />} title={t('error.broken')}>
        <p className="mb-4 text-sm">{error instanceof Error ? error.message : String(error)}</p>
        <Button
          onClick={() => {
            location.reload()
          }}
        >
          {t('error.reload')}
        </Button>
      </Empty>
    </div>
  )
}

/** The top of a page: its name, and what can be done. */
export function PageHead({ children }: { children: ReactNode }) {
  return (
    <div className="sticky top-0 z-20 flex min-h-12 flex-wrap items-center gap-2 border-b border-line bg-ground px-4 py-2">
      {children}
    </div>
  )
}

export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = window.setInterval(() => {
      setNow(Date.now())
    }, everyMs)
    return () => {
      window.clearInterval(timer)
    }
  }, [everyMs])
  return now
}
