import { useQuery } from '@tanstack/react-query'
import {
  Link,
  Outlet,
  useParams,
  useRouter,
  type ErrorComponentProps,
} from '@tanstack/react-router'
import { DropdownMenu } from 'radix-ui'
import { useEffect, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useEvents } from '../api/events'
import { Problem } from '../api/http'
import { meQuery, noticesQuery } from '../api/queries'
import { session } from '../api/session'
import { choose, LANGUAGES, type Language } from '../i18n'
import { chooseGroup, useGroup } from '../ui/group'
import {
  Alert,
  Bell as BellIcon,
  Board,
  Calendar,
  Chart,
  Check,
  Search,
  Shield,
  Wave,
} from '../ui/icons'
import { placeOf, useNotices, useSeen, useSentence } from '../ui/notices'
import { Avatar, Button, Empty, Failure, MENU, MENU_ITEM, Select } from '../ui/parts'
import { chooseTheme, useTheme, type Theme } from '../ui/theme'
import { moment } from '../ui/times'
import { KeysDialog, useKeys } from './keys'
import { useTitle } from './title'

export function Shell() {
  const { t } = useTranslation()
  const { meetingId } = useParams({ strict: false })
  const isThere = useEvents(meetingId ? Number(meetingId) : undefined)
  const { data: me } = useQuery(meQuery)
  const [isKeys, showKeys] = useState(false)
  useKeys(showKeys)
  useNotices()
  useTitle()
  return (
    <div className="flex h-full flex-col sm:flex-row">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        {t('app.skip')}
      </a>
      <header className="flex shrink-0 items-center gap-2 border-b border-line bg-sunken px-3 py-2 sm:w-52 sm:flex-col sm:items-stretch sm:gap-1 sm:border-r sm:border-b-0 sm:p-3">
        <div className="flex min-w-0 items-center gap-2 sm:mb-2 sm:px-1">
          <span className="grid size-6 shrink-0 place-items-center rounded-md bg-accent text-on-accent">
            <Wave className="size-3.5" />
          </span>
          <span className="hidden font-semibold tracking-tight sm:inline">VORI</span>
          <span className="hidden sm:ml-auto sm:block">
            <Bell />
          </span>
        </div>
        <GroupChoice />
        <nav aria-label={t('app.pages')} className="mt-3 hidden flex-col gap-1 sm:flex">
          <Links isAdmin={me?.isAdmin ?? false} />
        </nav>
        <div className="ml-auto flex items-center gap-1 sm:mt-auto sm:ml-0 sm:block">
          <span className="sm:hidden">
            <Bell />
          </span>
          <Account
            onKeys={() => {
              showKeys(true)
            }}
          />
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
      {isKeys && (
        <KeysDialog
          onClose={() => {
            showKeys(false)
          }}
        />
      )}
      <nav
        aria-label={t('app.pages')}
        className="flex shrink-0 justify-around border-t border-line bg-sunken py-1 sm:hidden"
      >
        <Links isAdmin={false} />
      </nav>
    </div>
  )
}

function Links({ isAdmin }: { isAdmin: boolean }) {
  const { t } = useTranslation()
  return (
    <>
      <NavLink to="/meetings" icon={<Calendar />}>
        {t('app.meetings')}
      </NavLink>
      <NavLink to="/board" icon={<Board />}>
        {t('app.board')}
      </NavLink>
      <NavLink to="/dashboard" icon={<Chart />}>
        {t('app.dashboard')}
      </NavLink>
      <NavLink to="/search" icon={<Search />}>
        {t('app.search')}
      </NavLink>
      {isAdmin && (
        <NavLink to="/admin" icon={<Shield />}>
          {t('app.admin')}
        </NavLink>
      )}
    </>
  )
}

type Place = '/meetings' | '/board' | '/dashboard' | '/search' | '/admin'

function NavLink({ to, icon, children }: { to: Place; icon: ReactNode; children: ReactNode }) {
  return (
    <Link
      to={to}
      className="flex flex-col items-center gap-0.5 rounded-md px-2 py-1 text-[0.6875rem] font-medium text-muted transition-colors hover:bg-hover hover:text-text data-[status=active]:bg-hover data-[status=active]:text-text sm:flex-row sm:gap-2 sm:py-1.5 sm:text-base"
    >
      {icon}
      <span>{children}</span>
    </Link>
  )
}

/** What concerns me. */
function Bell() {
  const { t, i18n } = useTranslation()
  const { data: notices } = useQuery(noticesQuery)
  const sentence = useSentence()
  const seen = useSeen()
  const unread = notices?.unread ?? 0
  const items = notices?.items.slice(0, 20) ?? []
  return (
    <DropdownMenu.Root
      modal={false}
      onOpenChange={(isOpen) => {
        const newest = items[0]
        if (!isOpen && newest && unread > 0) seen.mutate(newest.at)
      }}
    >
      <DropdownMenu.Trigger
        title={t('notice.title', { count: unread })}
        className="relative inline-flex size-8 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text"
      >
        <BellIcon />
        <span className="sr-only">{t('notice.title', { count: unread })}</span>
        {unread > 0 && (
          <span
            aria-hidden="true"
            className="absolute -top-0.5 -right-0.5 min-w-4 rounded-full bg-accent px-1 text-center text-[0.625rem] leading-4 font-semibold text-on-accent"
          >
            {unread > 99 ? '99+' : unread}
          </span>
        )}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="start"
          sideOffset={6}
          collisionPadding={8}
          className={`${MENU} w-80`}
        >
          {items.length === 0 && <p className="px-2 py-3 text-muted">{t('notice.none')}</p>}
          {items.map((one) => (
            <DropdownMenu.Item key={one.noticeId} asChild>
              <Link
                {...placeOf(one)}
                className={`${MENU_ITEM} items-start`}
              >
                <span
                  aria-hidden="true"
                  className={`mt-1.5 size-2 shrink-0 rounded-full ${one.isRead ? '' : 'bg-accent'}`}
                />
                <span className="min-w-0">
                  <span dir="auto" className="line-clamp-2">
                    {sentence(one)}
                  </span>
                  <span className="text-xs text-muted">{moment(one.at, i18n.language)}</span>
                </span>
              </Link>
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
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

function Account({ onKeys }: { onKeys: () => void }) {
  const { t, i18n } = useTranslation()
  const { data: me } = useQuery(meQuery)
  const theme = useTheme()
  if (!me) return null
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger
        title={t('app.account')}
        className="flex w-full min-w-0 items-center gap-2 rounded-md p-1.5 text-left hover:bg-hover"
      >
        <Avatar name={me.name} className="size-6 text-[0.625rem]" />
        <span className="sr-only">{t('app.account')}</span>
        <span className="hidden min-w-0 truncate text-muted sm:inline">{me.name}</span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="start"
          sideOffset={6}
          collisionPadding={8}
          className={`${MENU} min-w-52`}
        >
          <MenuTitle>{t('app.language')}</MenuTitle>
          <DropdownMenu.RadioGroup
            value={i18n.language}
            onValueChange={(language) => {
              void choose(language as Language)
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
            <Link to="/settings" className={MENU_ITEM}>
              {t('app.settings')}
            </Link>
          </DropdownMenu.Item>
          {me.isAdmin && (
            <DropdownMenu.Item asChild>
              <Link to="/admin" className={MENU_ITEM}>
                {t('app.admin')}
              </Link>
            </DropdownMenu.Item>
          )}
          <DropdownMenu.Item className={MENU_ITEM} onSelect={onKeys}>
            {t('app.keys')}
          </DropdownMenu.Item>
          <DropdownMenu.Item asChild>
            <a href="/schema" className={MENU_ITEM}>
              {t('app.apiDocs')}
            </a>
          </DropdownMenu.Item>
          <DropdownMenu.Item
            className={MENU_ITEM}
            onSelect={() => void session.signOut()}
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
    <DropdownMenu.RadioItem value={value} className={`${MENU_ITEM} justify-between`}>
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

const AGAIN_AFTER_MS = 3_000

/** A piece of the page that could not be loaded: it is asked for until it comes. */
function Missing({ problem }: { problem: Problem }) {
  const router = useRouter()
  useEffect(() => {
    const timer = window.setInterval(() => {
      void router.invalidate()
    }, AGAIN_AFTER_MS)
    return () => {
      window.clearInterval(timer)
    }
  }, [router])
  return <Failure error={problem} onRetry={() => void router.invalidate()} />
}

export function Broken({ error }: ErrorComponentProps) {
  const { t } = useTranslation()
  useEffect(() => {
    if (!(error instanceof Problem)) console.error(error)
  }, [error])
  if (error instanceof Problem) return <Missing problem={error} />
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
