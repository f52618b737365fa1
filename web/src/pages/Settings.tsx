import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Tabs } from 'radix-ui'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import {
  groupsQuery,
  meQuery,
  membersQuery,
  sessionsQuery,
  tokensQuery,
  usageQuery,
} from '../api/queries'
import type { Group, GroupChange, Member, NewToken, User } from '../api/types'
import { choose, LANGUAGES, type Language } from '../i18n'
import { chooseGroup, useGroup } from '../ui/group'
import { Copy, Cross } from '../ui/icons'
import { allow, usePermission } from '../ui/notices'
import {
  Button,
  Dialog,
  Failure,
  Field,
  IconButton,
  INPUT,
  Loading,
  Notice,
  Section,
  Select,
  TextField,
  useWords,
} from '../ui/parts'
import { moment } from '../ui/times'
import { useSay } from '../ui/toasts'
import { AddPerson } from './AddPerson'
import { isPart, PARTS } from './parts'
import { PageHead } from './Shell'

const TAB =
  'rounded-md px-2.5 py-1.5 font-medium text-muted hover:bg-hover data-[state=active]:bg-hover data-[state=active]:text-text'

export function SettingsPage() {
  const { t } = useTranslation()
  const navigate = useNavigate({ from: '/settings' })
  const { part = 'profile' } = useSearch({ from: '/settings' })
  const { data: me } = useQuery(meQuery)
  const { group } = useGroup()
  if (!me) return <Loading />
  return (
    <Tabs.Root
      value={part}
      onValueChange={(chosen) => {
        if (isPart(chosen)) void navigate({ search: { part: chosen } })
      }}
    >
      <PageHead>
        <h1 className="mr-2 font-semibold">{t('app.settings')}</h1>
        <Tabs.List className="flex flex-wrap gap-1" aria-label={t('app.settings')}>
          {PARTS.map((one) => (
            <Tabs.Trigger key={one} value={one} className={TAB}>
              {t(`settings.${one}`)}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
      </PageHead>
      <div className="mx-auto max-w-3xl space-y-4 p-4">
        <Tabs.Content value="profile" className="space-y-4">
          <Profile key={me.userId} me={me} />
          <MyNicknames me={me} />
          <Notifications />
        </Tabs.Content>
        <Tabs.Content value="group" className="space-y-4">
          {group && <GroupSettings key={group.groupId} group={group} />}
          {group && <Members key={`m${group.groupId}`} group={group} me={me} />}
          <NewGroup />
        </Tabs.Content>
        <Tabs.Content value="tokens">
          <Tokens />
        </Tabs.Content>
        <Tabs.Content value="security" className="space-y-4">
          <Password />
          <Sessions />
        </Tabs.Content>
      </div>
    </Tabs.Root>
  )
}

function Profile({ me }: { me: User }) {
  const { t, i18n } = useTranslation()
  const words = useWords()
  const say = useSay()
  const client = useQueryClient()
  const [name, setName] = useState(me.name)
  const [zone, setZone] = useState(me.timeZone)
  const [language, setLanguage] = useState(me.language)
  const save = useMutation({
    mutationFn: () =>
      json<User>('PATCH', '/api/users/me', { body: { name, language, timeZone: zone } }),
    onSuccess: (saved) => {
      client.setQueryData(meQuery.queryKey, saved)
      if (saved.language in LANGUAGES && saved.language !== i18n.language) {
        void choose(saved.language as Language)
      }
      say(t('common.saved'))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <Section title={t('settings.profile')}>
      <form onSubmit={submit} className="space-y-3">
        <TextField
          label={t('profile.name')}
          required
          maxLength={200}
          value={name}
          onText={setName}
        />
        {me.email && (
          <p className="text-sm text-muted">
            {t('signIn.email')}: {me.email}
          </p>
        )}
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label={t('app.language')}>
            <Select
              className="h-9 w-full"
              value={language}
              onChange={(event) => {
                setLanguage(event.target.value)
              }}
            >
              {Object.entries(LANGUAGES).map(([code, shown]) => (
                <option key={code} value={code} lang={code}>
                  {shown}
                </option>
              ))}
            </Select>
          </Field>
          <Field label={t('profile.timeZone')}>
            <input
              className={INPUT}
              list="zones"
              required
              value={zone}
              onChange={(event) => {
                setZone(event.target.value)
              }}
            />
            <datalist id="zones">
              {Intl.supportedValuesOf('timeZone').map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          </Field>
        </div>
        {save.error && <Notice kind="danger">{words(save.error)}</Notice>}
        <Button type="submit" look="primary" disabled={save.isPending || !name.trim()}>
          {t('common.save')}
        </Button>
      </form>
    </Section>
  )
}

function Notifications() {
  const { t } = useTranslation()
  const permission = usePermission()
  return (
    <Section title={t('settings.notifications')}>
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          disabled={permission === 'impossible'}
          checked={permission === 'on' || permission === 'blocked'}
          onChange={(event) => void allow(event.target.checked)}
        />
        {t('settings.notify')}
      </label>
      <p className="mt-1 text-sm text-muted">{t('settings.notifyHint')}</p>
      {permission === 'blocked' && (
        <div className="mt-2">
          <Notice>{t('settings.notifyBlocked')}</Notice>
        </div>
      )}
    </Section>
  )
}

/** What stands in a field of numbers; nothing is no limit. */
const limitOf = (text: string): number | null => (text === '' ? null : Number(text))

const ENGINES = ['configured', 'local'] as const
const POLICIES = ['auto', 'threshold', 'propose'] as const

function GroupSettings({ group }: { group: Group }) {
  const { t } = useTranslation()
  const words = useWords()
  const say = useSay()
  const client = useQueryClient()
  const isAdmin = group.role === 'ADMIN'
  const [name, setName] = useState(group.name)
  const [policy, setPolicy] = useState<(typeof POLICIES)[number]>(group.policy ?? 'auto')
  const [above, setAbove] = useState(group.autoAbove ?? 0.7)
  const [tokens, setTokens] = useState(group.budgetTokens?.toString() ?? '')
  const [cost, setCost] = useState(group.budgetCost?.toString() ?? '')
  const [engine, setEngine] = useState<'configured' | 'local'>(
    group.budgetTokens === 0 ? 'local' : 'configured',
  )
  const [soundDays, setSoundDays] = useState(group.keepSoundDays?.toString() ?? '')
  const [wordsDays, setWordsDays] = useState(group.keepWordsDays?.toString() ?? '')
  const [silence, setSilence] = useState(group.endAfterSilenceMin?.toString() ?? '')
  const save = useMutation({
    mutationFn: () => {
      const body: GroupChange = {
        name,
        policy,
        autoAbove: policy === 'threshold' ? above : null,
        // A group that spends nothing is read by the local engine.
        budgetTokens: engine === 'local' ? 0 : limitOf(tokens),
        budgetCost: limitOf(cost),
        keepSoundDays: limitOf(soundDays),
        keepWordsDays: limitOf(wordsDays),
        endAfterSilenceMin: limitOf(silence),
      }
      return json<Group>('PATCH', `/api/groups/${group.groupId}`, { body })
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: groupsQuery.queryKey })
      say(t('common.saved'))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <Section title={t('settings.groupOf', { name: group.name })}>
      {!isAdmin && <p className="mb-3 text-sm text-muted">{t('settings.notAdmin')}</p>}
      <form onSubmit={submit}>
        <fieldset disabled={!isAdmin} className="space-y-3">
          <Field label={t('profile.groupName')}>
            <input
              className={INPUT}
              required
              maxLength={200}
              dir="auto"
              value={name}
              onChange={(event) => {
                setName(event.target.value)
              }}
            />
          </Field>
          <Choices
            name="policy"
            legend={t('settings.policy')}
            choices={POLICIES}
            chosen={policy}
            words={(one) => t(`settings.policies.${one}`)}
            onChoose={setPolicy}
          />
          {policy === 'threshold' && (
            <Field label={t('settings.above', { percent: Math.round(100 * above) })}>
              <input
                type="range"
                className="w-full accent-accent"
                min={0}
                max={1}
                step={0.05}
                value={above}
                onChange={(event) => {
                  setAbove(Number(event.target.value))
                }}
              />
            </Field>
          )}
          <Choices
            name="engine"
            legend={t('settings.engine')}
            choices={ENGINES}
            chosen={engine}
            words={(one) => t(`settings.engines.${one}`)}
            onChoose={setEngine}
          />
          {engine === 'configured' && (
            <div className="grid gap-3 sm:grid-cols-2">
              <TextField
                label={t('settings.budgetTokens')}
                type="number"
                min={0}
                step={1}
                placeholder={t('settings.noLimit')}
                value={tokens}
                onText={setTokens}
              />
              <TextField
                label={t('settings.budgetCost')}
                type="number"
                min={0}
                step="any"
                placeholder={t('settings.noLimit')}
                value={cost}
                onText={setCost}
              />
            </div>
          )}
          <Spent groupId={group.groupId} />
          <fieldset>
            <legend className="mb-1 text-sm font-medium text-muted">{t('settings.keep')}</legend>
            <div className="grid gap-3 sm:grid-cols-2">
              <TextField
                label={t('settings.keepSound')}
                type="number"
                min={0}
                max={36_500}
                step={1}
                placeholder={t('settings.forGood')}
                value={soundDays}
                onText={setSoundDays}
              />
              <TextField
                label={t('settings.keepWords')}
                type="number"
                min={1}
                max={36_500}
                step={1}
                placeholder={t('settings.forGood')}
                value={wordsDays}
                onText={setWordsDays}
              />
            </div>
            <p className="mt-1 text-sm text-muted">{t('settings.keepHint')}</p>
          </fieldset>
          <TextField
            label={t('settings.silence')}
            type="number"
            min={1}
            max={1440}
            step={1}
            placeholder={t('settings.silenceDefault')}
            value={silence}
            onText={setSilence}
          />
          {save.error && <Notice kind="danger">{words(save.error)}</Notice>}
          {isAdmin && (
            <Button type="submit" look="primary" disabled={save.isPending || !name.trim()}>
              {t('common.save')}
            </Button>
          )}
        </fieldset>
      </form>
    </Section>
  )
}

interface ChoicesProps<Choice extends string> {
  name: string
  legend: string
  choices: readonly Choice[]
  chosen: Choice
  words: (choice: Choice) => string
  onChoose: (choice: Choice) => void
}

function Choices<Choice extends string>(props: ChoicesProps<Choice>) {
  const { name, legend, choices, chosen, words, onChoose } = props
  return (
    <fieldset className="space-y-1">
      <legend className="mb-1 text-sm font-medium text-muted">{legend}</legend>
      {choices.map((one) => (
        <label key={one} className="flex items-start gap-2">
          <input
            type="radio"
            name={name}
            className="mt-1 accent-accent"
            value={one}
            checked={chosen === one}
            onChange={() => {
              onChoose(one)
            }}
          />
          {words(one)}
        </label>
      ))}
    </fieldset>
  )
}

/** What the group's meetings cost this month. */
function Spent({ groupId }: { groupId: number }) {
  const { t, i18n } = useTranslation()
  const { data } = useQuery(usageQuery(groupId))
  if (!data || data.tokens === 0) return null
  const number = (value: number) => value.toLocaleString(i18n.language, { maximumFractionDigits: 2 })
  return (
    <p className={`text-sm ${data.isSpent ? 'text-warn' : 'text-muted'}`}>
      {t('settings.spent', { tokens: number(data.tokens) })}
      {data.cost !== null && ` · ${number(data.cost)}`}
      {data.isSpent && ` · ${t('settings.isSpent')}`}
    </p>
  )
}

const nicknamesOf = (text: string) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)

function Members({ group, me }: { group: Group; me: User }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { data: members, error, refetch } = useQuery(membersQuery(group.groupId))
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!members) return <Loading />
  return (
    <Section title={t('settings.members')}>
      <ul className="divide-y divide-line">
        {members.map((member) => (
          <MemberRow
            key={member.userId}
            member={member}
            isAdmin={group.role === 'ADMIN'}
            isMe={member.userId === me.userId}
          />
        ))}
      </ul>
      {group.role === 'ADMIN' && (
        <AddPerson
          path={`/api/groups/${group.groupId}/members`}
          onMade={() =>
            void client.invalidateQueries({ queryKey: membersQuery(group.groupId).queryKey })
          }
        />
      )}
    </Section>
  )
}

interface MemberRowProps {
  member: Member
  isAdmin: boolean
  isMe: boolean
}

function useMemberChange(groupId: number) {
  const words = useWords()
  const say = useSay()
  const client = useQueryClient()
  return useMutation({
    mutationFn: (run: () => Promise<unknown>) => run(),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: ['members', groupId] })
      await client.invalidateQueries({ queryKey: groupsQuery.queryKey })
    },
    onError: (error) => {
      say(words(error))
    },
  })
}

/** How colleagues call me, group by group. */
function MyNicknames({ me }: { me: User }) {
  const { t } = useTranslation()
  const { data: groups = [] } = useQuery(groupsQuery)
  if (groups.length === 0) return null
  return (
    <Section title={t('settings.nicknames', { name: me.name })}>
      <p className="mb-3 text-sm text-muted">{t('profile.nicknamesHint')}</p>
      <ul className="space-y-3">
        {groups.map((group) => (
          <MyNicknamesIn key={group.groupId} group={group} userId={me.userId} />
        ))}
      </ul>
    </Section>
  )
}

function MyNicknamesIn({ group, userId }: { group: Group; userId: number }) {
  const { t } = useTranslation()
  const { data: members = [] } = useQuery(membersQuery(group.groupId))
  const member = members.find((one) => one.userId === userId)
  if (!member) return null
  const label = t('profile.nicknames', { name: group.name })
  return (
    <li>
      <Field label={label}>
        <Nicknames member={member} label={label} />
      </Field>
    </li>
  )
}

/** Kept as soon as one leaves the field. */
function Nicknames({ member, label, isDisabled }: { member: Member; label: string; isDisabled?: boolean }) {
  const { t } = useTranslation()
  const change = useMemberChange(member.groupId)
  const known = (member.nicknames ?? []).join(', ')
  return (
    <input
      key={known}
      aria-label={label}
      title={t('settings.nicknamesHint')}
      placeholder={t('settings.nicknamesHint')}
      className={`${INPUT} h-8 py-0 text-sm`}
      disabled={isDisabled}
      dir="auto"
      defaultValue={known}
      onBlur={(event) => {
        const nicknames = nicknamesOf(event.target.value)
        if (nicknames.join(', ') === known) return
        change.mutate(() =>
          json('PATCH', `/api/groups/${member.groupId}/members/${member.userId}`, {
            body: { nicknames },
          }),
        )
      }}
    />
  )
}

function MemberRow({ member, isAdmin, isMe }: MemberRowProps) {
  const { t } = useTranslation()
  const change = useMemberChange(member.groupId)
  const path = `/api/groups/${member.groupId}/members/${member.userId}`
  return (
    <li className="flex flex-wrap items-center gap-2 py-2">
      <span className="min-w-0 flex-1 basis-40">
        <span dir="auto" className="block truncate font-medium">
          {member.name}
        </span>
        <span className="block truncate text-sm text-muted">{member.email}</span>
      </span>
      <span className="w-full sm:w-52">
        <Nicknames
          member={member}
          label={t('settings.nicknames', { name: member.name })}
          isDisabled={!isAdmin && !isMe}
        />
      </span>
      <Select
        aria-label={t('settings.role', { name: member.name })}
        value={member.role}
        disabled={!isAdmin || change.isPending}
        onChange={(event) => {
          const role = event.target.value
          change.mutate(() => json('PATCH', path, { body: { role } }))
        }}
      >
        <option value="MEMBER">{t('settings.roles.MEMBER')}</option>
        <option value="ADMIN">{t('settings.roles.ADMIN')}</option>
      </Select>
      {(isAdmin || isMe) && (
        <IconButton
          label={t(isMe ? 'settings.leave' : 'settings.remove', { name: member.name })}
          disabled={change.isPending}
          onClick={() => {
            change.mutate(() => json('DELETE', path))
          }}
        >
          <Cross />
        </IconButton>
      )}
    </li>
  )
}

function NewGroup() {
  const { t } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const [name, setName] = useState('')
  const make = useMutation({
    mutationFn: () => json<Group>('POST', '/api/groups', { body: { name: name.trim() } }),
    onSuccess: async (made) => {
      setName('')
      await client.invalidateQueries({ queryKey: groupsQuery.queryKey })
      chooseGroup(made.groupId)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <Section title={t('settings.newGroup')}>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-2">
        <div className="min-w-0 flex-1">
          <TextField
            label={t('profile.groupName')}
            required
            maxLength={200}
            value={name}
            onText={setName}
          />
        </div>
        <Button type="submit" className="h-9" disabled={make.isPending || !name.trim()}>
          {t('ticket.create')}
        </Button>
      </form>
      {make.error && (
        <div className="mt-2">
          <Notice kind="danger">{words(make.error)}</Notice>
        </div>
      )}
    </Section>
  )
}

const DAYS = [30, 90, 365] as const

function Tokens() {
  const { t, i18n } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const { data: tokens = [] } = useQuery(tokensQuery)
  const [name, setName] = useState('')
  const [days, setDays] = useState('90')
  const [made, setMade] = useState<NewToken | null>(null)
  const refresh = () => client.invalidateQueries({ queryKey: tokensQuery.queryKey })
  const make = useMutation({
    mutationFn: () =>
      json<NewToken>('POST', '/api/tokens', {
        body: { name: name.trim(), expiresInDays: days ? Number(days) : null },
      }),
    onSuccess: (one) => {
      setName('')
      setMade(one)
      void refresh()
    },
  })
  const revoke = useMutation({
    mutationFn: (tokenId: number) => json('DELETE', `/api/tokens/${tokenId}`),
    onSuccess: refresh,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const error = make.error ?? revoke.error
  return (
    <Section title={t('settings.tokens')}>
      <p className="mb-3 text-sm text-muted">{t('settings.tokensHint')}</p>
      <ul className="divide-y divide-line">
        {tokens.map((token) => (
          <li key={token.tokenId} className="flex items-center gap-2 py-2">
            <span className="min-w-0 flex-1">
              <span dir="auto" className="block truncate font-medium">
                {token.name || t('settings.noName')}
              </span>
              <span className="block text-sm text-muted">
                {token.expiresAt
                  ? t('settings.until', { time: moment(token.expiresAt, i18n.language) })
                  : t('settings.forever')}
                {token.lastUsedAt &&
                  ` · ${t('settings.used', { time: moment(token.lastUsedAt, i18n.language) })}`}
              </span>
            </span>
            <Button
              small
              look="danger"
              disabled={revoke.isPending}
              onClick={() => {
                revoke.mutate(token.tokenId)
              }}
            >
              {t('settings.revoke')}
            </Button>
          </li>
        ))}
      </ul>
      <form onSubmit={submit} className="mt-3 flex flex-wrap items-end gap-2 border-t border-line pt-3">
        <div className="min-w-0 flex-1 basis-40">
          <TextField
            label={t('settings.tokenName')}
            maxLength={200}
            value={name}
            onText={setName}
          />
        </div>
        <Select
          aria-label={t('settings.expiry')}
          className="h-9"
          value={days}
          onChange={(event) => {
            setDays(event.target.value)
          }}
        >
          {DAYS.map((one) => (
            <option key={one} value={one}>
              {t('settings.days', { count: one })}
            </option>
          ))}
          <option value="">{t('settings.forever')}</option>
        </Select>
        <Button type="submit" look="primary" className="h-9" disabled={make.isPending}>
          {t('settings.makeToken')}
        </Button>
      </form>
      {error && (
        <div className="mt-2">
          <Notice kind="danger">{words(error)}</Notice>
        </div>
      )}
      {made && (
        <Dialog
          title={t('settings.tokenMade')}
          onClose={() => {
            setMade(null)
          }}
        >
          <Secret text={made.secret} />
        </Dialog>
      )}
    </Section>
  )
}

/** Something that is shown this once. */
export function Secret({ text }: { text: string }) {
  const { t } = useTranslation()
  const say = useSay()
  return (
    <>
      <p className="mb-2 text-muted">{t('settings.once')}</p>
      <div className="flex items-center gap-2">
        <code className="min-w-0 flex-1 rounded-md bg-sunken px-2.5 py-2 text-sm break-all">
          {text}
        </code>
        <IconButton
          label={t('common.copy')}
          onClick={() => {
            navigator.clipboard.writeText(text).then(
              () => {
                say(t('common.copied'))
              },
              (error: unknown) => {
                say(String(error))
              },
            )
          }}
        >
          <Copy />
        </IconButton>
      </div>
    </>
  )
}

function Password() {
  const { t } = useTranslation()
  const words = useWords()
  const say = useSay()
  const [current, setCurrent] = useState('')
  const [wanted, setWanted] = useState('')
  const change = useMutation({
    mutationFn: () =>
      json('POST', '/api/users/me/password', { body: { current, new: wanted } }),
    onSuccess: () => {
      setCurrent('')
      setWanted('')
      say(t('common.saved'))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate()
  }
  return (
    <Section title={t('settings.password')}>
      <form onSubmit={submit} className="space-y-3">
        <TextField
          label={t('settings.currentPassword')}
          type="password"
          required
          autoComplete="current-password"
          value={current}
          onText={setCurrent}
        />
        <TextField
          label={t('welcome.newPassword')}
          type="password"
          required
          autoComplete="new-password"
          value={wanted}
          onText={setWanted}
        />
        {change.error && <Notice kind="danger">{words(change.error)}</Notice>}
        <Button type="submit" look="primary" disabled={change.isPending}>
          {t('settings.changePassword')}
        </Button>
      </form>
    </Section>
  )
}

function Sessions() {
  const { t, i18n } = useTranslation()
  const client = useQueryClient()
  const { data: sessions = [] } = useQuery(sessionsQuery)
  const end = useMutation({
    mutationFn: (id: number) => json('DELETE', `/api/users/me/sessions/${id}`),
    onSuccess: () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  })
  return (
    <Section title={t('settings.sessions')}>
      {sessions.length === 0 && <p className="text-muted">{t('settings.noSessions')}</p>}
      <ul className="divide-y divide-line">
        {sessions.map((one) => (
          <li key={one.sessionId} className="flex items-center gap-2 py-2">
            <span className="min-w-0 flex-1">
              <span className="block truncate font-medium">{one.agent || one.method}</span>
              <span className="block text-sm text-muted">
                {one.address} · {moment(one.lastUsedAt, i18n.language)}
                {one.isCurrent && ` · ${t('settings.here')}`}
              </span>
            </span>
            {!one.isCurrent && (
              <Button
                small
                disabled={end.isPending}
                onClick={() => {
                  end.mutate(one.sessionId)
                }}
              >
                {t('app.signOut')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  )
}
