import type { components } from './schema'

type Schemas = components['schemas']

export type Change = Schemas['Change']
export type Group = Schemas['Group']
export type Line = Schemas['Line']
export type Meeting = Schemas['Meeting']
export type MeetingChange = Schemas['MeetingChange']
export type Member = Schemas['GroupMember']
export type Minutes = Schemas['MinutesText']
export type NewTicket = Schemas['NewTicket']
export type Receipt = Schemas['Receipt']
export type Recording = Schemas['RecordingInfo']
export type Status = Schemas['TicketStatus']
export type Ticket = Schemas['TicketDetail']
export type TicketChange = Schemas['TicketChange']
export type Transcript = Schemas['TranscriptText']
export type User = Schemas['User']

export interface Page<T> {
  items: T[]
  nextCursor?: string | null
}

export const STATUSES: readonly Status[] = ['TODO', 'IN_PROGRESS', 'DONE']
