import { describe, expect, it } from 'vitest'
import { withLine } from '../api/events'
import { placed } from '../api/queries'
import type { Line, Ticket } from '../api/types'
import { asQuery, dueOf, matches as matchesOn, NO_FILTER, type Filter } from './filter'

const TODAY = '2026-03-16'
const matches = (one: Ticket, filter: Filter) => matchesOn(one, filter, TODAY)

const ticket = (changes: Partial<Ticket> = {}): Ticket => ({
  ticketId: 'T-1',
  groupId: 1,
  title: '발표 자료 보내기',
  content: 'Slides for the review',
  status: 'TODO',
  createdAt: '2026-03-16T03:00:00Z',
  updatedAt: '2026-03-16T03:00:00Z',
  meetingId: null,
  assigneeId: 7,
  assignee: 'Mina Park',
  due: null,
  version: 2,
  humanEdited: [],
  dismissed: false,
  ...changes,
})

describe('the filter', () => {
  it('finds words anywhere, in any order and case', () => {
    expect(matches(ticket(), { ...NO_FILTER, text: 'REVIEW 자료' })).toBe(true)
    expect(matches(ticket(), { ...NO_FILTER, text: 't-1 mina' })).toBe(true)
    expect(matches(ticket(), { ...NO_FILTER, text: 'budget' })).toBe(false)
  })

  it('finds Korean typed in parts', () => {
    expect(matches(ticket(), { ...NO_FILTER, text: '발표'.normalize('NFD') })).toBe(true)
  })

  it('tells whose tickets', () => {
    expect(matches(ticket(), { ...NO_FILTER, assignee: 7 })).toBe(true)
    expect(matches(ticket(), { ...NO_FILTER, assignee: 8 })).toBe(false)
    expect(matches(ticket(), { ...NO_FILTER, assignee: 'nobody' })).toBe(false)
    expect(matches(ticket({ assigneeId: null }), { ...NO_FILTER, assignee: 'nobody' })).toBe(true)
  })
})

describe('when a ticket is due', () => {
  it('is told by the day', () => {
    const due = (day: string | null, status: Ticket['status'] = 'TODO') =>
      dueOf(ticket({ due: day, status }), TODAY)
    expect(due(null)).toBe('none')
    expect(due('2026-03-15')).toBe('overdue')
    expect(due('2026-03-15', 'DONE')).toBe('later')
    expect(due('2026-03-16')).toBe('week')
    expect(due('2026-03-22')).toBe('week')
    expect(due('2026-03-23')).toBe('later')
  })

  it('filters, and so does the meeting', () => {
    expect(matches(ticket({ due: '2026-03-15' }), { ...NO_FILTER, due: 'overdue' })).toBe(true)
    expect(matches(ticket(), { ...NO_FILTER, due: 'overdue' })).toBe(false)
    expect(matches(ticket({ meetingId: 3 }), { ...NO_FILTER, meeting: 3 })).toBe(true)
    expect(matches(ticket({ meetingId: 4 }), { ...NO_FILTER, meeting: 3 })).toBe(false)
    expect(matches(ticket(), { ...NO_FILTER, meeting: 'none' })).toBe(true)
  })
})

describe('what the API is asked for', () => {
  it('is at least what the filter lets through', () => {
    expect(asQuery(NO_FILTER, TODAY)).toBeNull()
    expect(asQuery({ ...NO_FILTER, assignee: 'nobody', due: 'none' }, TODAY)).toBeNull()
    expect(asQuery({ ...NO_FILTER, text: ' Send the INVOICE ', assignee: 7 }, TODAY)).toEqual({
      q: 'invoice',
      assigneeId: 7,
    })
    expect(asQuery({ ...NO_FILTER, due: 'overdue', meeting: 3 }, TODAY)).toEqual({
      meetingId: 3,
      dueBefore: '2026-03-15',
    })
  })

  it('knows the week by the days that the filter shows', () => {
    const week = asQuery({ ...NO_FILTER, due: 'week' }, '2026-12-28')
    expect(week).toEqual({ dueAfter: '2026-12-28', dueBefore: '2027-01-03' })
    expect(asQuery({ ...NO_FILTER, due: 'later' }, '2026-12-28')).toEqual({ dueAfter: '2027-01-04' })
  })
})

describe('a ticket that comes in', () => {
  const list = [ticket({ ticketId: 'T-2' }), ticket()]

  it('takes its own place, and a new one comes first', () => {
    const moved = placed(list, ticket({ version: 3, status: 'DONE' }))
    expect(moved.map((one) => [one.ticketId, one.status])).toEqual([
      ['T-2', 'TODO'],
      ['T-1', 'DONE'],
    ])
    expect(placed(list, ticket({ ticketId: 'T-3' })).map((one) => one.ticketId)).toEqual([
      'T-3',
      'T-2',
      'T-1',
    ])
  })

  it('is passed over when it is older than what is shown', () => {
    expect(placed(list, ticket({ version: 1, status: 'DONE' }))).toEqual(list)
  })

  it('goes when it was dismissed', () => {
    expect(placed(list, ticket({ version: 3, dismissed: true }))).toHaveLength(1)
  })
})

describe('a caption that comes in', () => {
  const line = (captionId: string, startMs: number): Line => ({
    captionId,
    audioId: 'mic',
    text: captionId,
    language: 'en',
    startMs,
    endMs: startMs + 500,
    speakerId: null,
    speaker: null,
    words: [],
  })

  it('takes its place by time, once', () => {
    const lines = [line('a', 0), line('c', 2000)]
    const more = withLine(lines, line('b', 1000))
    expect(more.map((one) => one.captionId)).toEqual(['a', 'b', 'c'])
    expect(withLine(more, line('b', 1000))).toBe(more)
    expect(withLine([], line('a', 5)).map((one) => one.captionId)).toEqual(['a'])
  })
})
