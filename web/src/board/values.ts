import type { TFunction } from 'i18next'
import type { Status } from '../api/types'
import { day } from '../ui/times'

/** A field of a ticket as people read it: names for ids, words for states. */
export function shownValue(
  field: string,
  value: unknown,
  names: ReadonlyMap<number, string>,
  t: TFunction,
  language: string,
): string {
  if (value === null || value === undefined || value === '') return t('common.none')
  if (field === 'status') return t(`ticket.status.${value as Status}`)
  if (field === 'assigneeId') return names.get(Number(value)) ?? String(value)
  if (field === 'due') return day(String(value), language)
  return String(value)
}
