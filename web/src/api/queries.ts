import {
  infiniteQueryOptions,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query'
import type { QueryClient } from '@tanstack/react-query'
import { json, Problem, type Query } from './http'
import type { Asked as TicketFilter } from '../board/filter'
import type * as T from './types'
import { health } from './health'

const PAGE = 200
/** As many tickets as one board shows; the API gives them 200 at a time. */
export const MOST_TICKETS = 2000

export const keys = {
  meetings: (groupId: number) => ['meetings', groupId] as const,
  meeting: (id: number) => ['meeting', id] as const,
  transcript: (id: number) => ['meeting', id, 'transcript'] as const,
  recordings: (id: number) => ['meeting', id, 'recordings'] as const,
  minutes: (id: number) => ['meeting', id, 'minutes'] as const,
  tickets: (scope: Scope) => ['tickets', scope] as const,
  history: (id: string) => ['history', id] as const,
  proposals: (id: number) => ['meeting', id, 'proposals'] as const,
  jobs: (id: number) => ['meeting', id, 'jobs'] as const,
  blockers: (id: number) => ['meeting', id, 'blockers'] as const,
  notices: ['notices'] as const,
}

/** Which tickets: a group's, or those that a meeting made or changed. */
export type Scope = ({ groupId: number } & TicketFilter) | { touchedIn: number }

/** Whether anybody is signed in, and how one may sign in. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: () => json<T.SessionState>('GET', '/api/session'),
  staleTime: Infinity,
})

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => json<T.User>('GET', '/api/users/me'),
  staleTime: Infinity,
})

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: () => json<T.Token[]>('GET', '/api/tokens'),
})

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: () => json<T.SessionInfo[]>('GET', '/api/users/me/sessions'),
})

export const systemQuery = queryOptions({
  queryKey: ['admin', 'system'],
  queryFn: () => json<T.SystemView>('GET', '/api/admin/system'),
})

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: ({ signal }) => health(signal),
  staleTime: 10_000,
})

export const groupsQuery = queryOptions({
  queryKey: ['groups'],
  queryFn: () => json<T.Group[]>('GET', '/api/groups'),
  staleTime: 60_000,
})

export const membersQuery = (groupId: number) =>
  queryOptions({
    queryKey: ['members', groupId],
    queryFn: () => json<T.Member[]>('GET', `/api/groups/${groupId}/members`),
    staleTime: 60_000,
  })

/** A list that the API gives page by page. `pageOf` finds it in an answer that is more than it. */
function pagesOf<Item>(
  queryKey: readonly unknown[],
  path: string,
  query: Query = {},
  pageOf = (answer: unknown) => answer as T.Page<Item>,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: async ({ pageParam, signal }) =>
      pageOf(await json('GET', path, { query: { ...query, cursor: pageParam }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  })
}

/** All items of the pages that have come. */
export const itemsOf = <Item>(data: { pages: T.Page<Item>[] } | undefined): Item[] =>
  data?.pages.flatMap((page) => page.items) ?? []

export const meetingsQuery = (groupId: number) =>
  pagesOf<T.Meeting>(keys.meetings(groupId), '/api/meetings', { groupId, limit: 100 })

export const accountsQuery = pagesOf<T.Account>(['admin', 'users'], '/api/admin/users')

export const lettersQuery = pagesOf<T.Letter>(['admin', 'letters'], '/api/admin/dead-letters')

export const searchQuery = <Kind extends 'captions' | 'tickets'>(
  kind: Kind,
  q: string,
  groupId: number | undefined,
) =>
  pagesOf<T.Found[Kind]['items'][number]>(
    ['search', kind, q, groupId],
    '/api/search',
    { q, groupId, kind },
    (answer) => (answer as T.Found)[kind],
  )

export const meetingQuery = (id: number) =>
  queryOptions({
    queryKey: keys.meeting(id),
    queryFn: () => json<T.Meeting>('GET', `/api/meetings/${id}`),
  })

export const transcriptQuery = (id: number) =>
  queryOptions({
    queryKey: keys.transcript(id),
    queryFn: async () => (await json<T.Transcript>('GET', `/api/meetings/${id}/transcript`)).lines,
  })

/** Where each word is, by line; only asked for when the meeting is played. */
export const wordsQuery = (id: number) =>
  queryOptions({
    queryKey: [...keys.meeting(id), 'words'] as const,
    queryFn: async () => {
      const { lines } = await json<T.Transcript>('GET', `/api/meetings/${id}/transcript`, {
        query: { words: true },
      })
      return new Map(lines.map((line) => [line.captionId, line.words ?? []]))
    },
    staleTime: 60_000,
  })

export const proposalsQuery = (id: number) =>
  queryOptions({
    queryKey: keys.proposals(id),
    queryFn: async () =>
      (
        await json<T.Page<T.Proposal>>('GET', '/api/proposals', {
          query: { meetingId: id, state: 'OPEN', limit: PAGE },
        })
      ).items,
  })

/** What is put into words in the background. */
export const jobsQuery = (id: number) =>
  queryOptions({
    queryKey: keys.jobs(id),
    queryFn: () => json<T.Job[]>('GET', `/api/meetings/${id}/jobs`),
  })

export const versionsQuery = (id: number) =>
  queryOptions({
    queryKey: [...keys.meeting(id), 'versions'] as const,
    queryFn: () => json<T.Version[]>('GET', `/api/meetings/${id}/versions`),
  })

export const differenceQuery = (id: number, recordingId: string, number: number) =>
  queryOptions({
    queryKey: [...keys.meeting(id), 'diff', recordingId, number] as const,
    queryFn: () =>
      json<T.VersionDifference>(
        'GET',
        `/api/meetings/${id}/recordings/${recordingId}/versions/${number}/diff`,
      ),
  })

/** What a version would change on the board. */
export const versionTicketsQuery = (id: number, recordingId: string, number: number) =>
  queryOptions({
    queryKey: [...keys.meeting(id), 'versionTickets', recordingId, number] as const,
    queryFn: () =>
      json<T.TicketsDifference>(
        'GET',
        `/api/meetings/${id}/recordings/${recordingId}/versions/${number}/tickets`,
      ),
  })

/** What this month cost so far. */
export const usageQuery = (groupId: number) =>
  queryOptions({
    queryKey: ['usage', groupId] as const,
    queryFn: () => json<T.Spending>('GET', `/api/groups/${groupId}/usage`),
  })

export const blockersQuery = (id: number) =>
  queryOptions({
    queryKey: keys.blockers(id),
    queryFn: () => json<T.Blocker[]>('GET', `/api/meetings/${id}/blockers`),
  })

export const noticesQuery = queryOptions({
  queryKey: keys.notices,
  queryFn: () => json<T.Notices>('GET', '/api/notices'),
})

export const recordingsQuery = (id: number) =>
  queryOptions({
    queryKey: keys.recordings(id),
    queryFn: () => json<T.Recording[]>('GET', `/api/meetings/${id}/recordings`),
  })

/** null: there are none yet. */
export const minutesQuery = (id: number) =>
  queryOptions({
    queryKey: keys.minutes(id),
    queryFn: async () => {
      try {
        return await json<T.Minutes>('GET', `/api/meetings/${id}/minutes`)
      } catch (error) {
        if (error instanceof Problem && error.code === 'no_minutes') return null
        throw error
      }
    },
  })

export const ticketsQuery = (scope: Scope) =>
  queryOptions({
    queryKey: keys.tickets(scope),
    queryFn: async () => {
      const found: T.Ticket[] = []
      let cursor: string | undefined
      do {
        const page: T.Page<T.Ticket> = await json('GET', '/api/tickets', {
          query: { ...scope, limit: PAGE, cursor },
        })
        found.push(...page.items)
        cursor = page.nextCursor ?? undefined
      } while (cursor && found.length < MOST_TICKETS)
      return found
    },
  })

export const ticketQuery = (id: string) =>
  queryOptions({
    queryKey: ['ticket', id] as const,
    queryFn: () => json<T.Ticket>('GET', `/api/tickets/${id}`),
  })

export const historyQuery = (id: string) =>
  queryOptions({
    queryKey: keys.history(id),
    queryFn: () => json<T.Change[]>('GET', `/api/tickets/${id}/history`),
  })

const analytics = <R>(name: string, path: string, query: Record<string, string | number>) =>
  queryOptions({
    queryKey: ['analytics', name, query] as const,
    queryFn: () => json<R>('GET', `/api/analytics/${path}`, { query }),
    staleTime: 30_000,
  })

export const trendsQuery = (groupId: number) =>
  analytics<T.GroupTrends>('trends', `groups/${groupId}/trends`, { weeks: 12 })
export const hourlyQuery = (groupId: number) =>
  analytics<T.HourlyProductivity>('hourly', 'productivity/hourly', { groupId })
export const insightsQuery = (groupId: number, language: string) =>
  analytics<T.Page<T.Insight>>('insights', 'insights', { groupId, language, limit: 20 })
export const keywordsQuery = (groupId: number) =>
  analytics<T.Keyword[]>('keywords', 'keywords', { groupId, limit: 20 })
export const topicsQuery = (groupId: number) =>
  analytics<T.MeetingTopic[]>('topics', 'topics', { groupId })
export const standingsQuery = analytics<T.GroupStanding[]>('standings', 'groups', {})
export const realtimeQuery = (meetingId: number) =>
  analytics<T.Realtime>('realtime', `meetings/${meetingId}/realtime`, {})

/**
 * Put a ticket as the server has it into every list that shows it; an older one is passed over.
 *
 * touchedIn: the meeting whose words changed it.
 */
export function keepTicket(client: QueryClient, ticket: T.Ticket, touchedIn?: number): void {
  for (const [key, list] of client.getQueriesData<T.Ticket[]>({ queryKey: ['tickets'] })) {
    const scope = key[1] as Scope
    const isHere =
      'groupId' in scope
        ? scope.groupId === ticket.groupId
        : scope.touchedIn === ticket.meetingId ||
          scope.touchedIn === touchedIn ||
          list?.some((one) => one.ticketId === ticket.ticketId)
    if (list && isHere) client.setQueryData(key, placed(list, ticket))
  }
  void client.invalidateQueries({ queryKey: keys.history(ticket.ticketId) })
}

export function placed(list: readonly T.Ticket[], ticket: T.Ticket): T.Ticket[] {
  const known = list.find((one) => one.ticketId === ticket.ticketId)
  if (known && known.version > ticket.version) return [...list]
  if (ticket.dismissed) return list.filter((one) => one.ticketId !== ticket.ticketId)
  if (!known) return [ticket, ...list]
  return list.map((one) => (one.ticketId === ticket.ticketId ? ticket : one))
}

export function dropTicket(client: QueryClient, ticketId: string): void {
  client.setQueriesData<T.Ticket[]>({ queryKey: ['tickets'] }, (list) =>
    list?.filter((one) => one.ticketId !== ticketId),
  )
  void client.invalidateQueries({ queryKey: keys.history(ticketId) })
}

/** Ask for the ticket as it is now, and show it. */
export async function refreshTicket(
  client: QueryClient,
  ticketId: string,
  touchedIn?: number,
): Promise<void> {
  try {
    keepTicket(client, await json<T.Ticket>('GET', `/api/tickets/${ticketId}`), touchedIn)
  } catch (error) {
    if (error instanceof Problem && error.status === 404) dropTicket(client, ticketId)
    else throw error
  }
}

/** Change a ticket; the board shows it at once, and the server's state when it was refused. */
export function useChangeTicket() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ ticket, change }: { ticket: T.Ticket; change: T.TicketChange }) =>
      json<T.Ticket>('PATCH', `/api/tickets/${ticket.ticketId}`, {
        body: { ...change, version: ticket.version },
      }),
    onMutate: ({ ticket, change }) => {
      keepTicket(client, { ...ticket, ...change, version: ticket.version } as T.Ticket)
    },
    onSuccess: (ticket) => {
      keepTicket(client, ticket)
    },
    onError: (_, { ticket }) => {
      keepTicket(client, ticket)
      void refreshTicket(client, ticket.ticketId).catch(() => undefined)
    },
  })
}
