import { useTranslation } from 'react-i18next'
import { STATUSES, type Member, type Status } from '../api/types'
import { Field, INPUT, Select, TextField } from '../ui/parts'

export interface TicketFields {
  title: string
  content: string
  status: Status
  assigneeId: number | null
  due: string | null
}

interface Props {
  fields: TicketFields
  members: readonly Member[]
  onChange: (changes: Partial<TicketFields>) => void
}

/** What people may set of a ticket. */
export function Fields({ fields, members, onChange }: Props) {
  const { t } = useTranslation()
  return (
    <>
      <TextField
        label={t('ticket.title')}
        className="font-medium"
        required
        maxLength={200}
        value={fields.title}
        onText={(text) => {
          onChange({ title: text })
        }}
      />
      <Field label={t('ticket.content')}>
        <textarea
          className={`${INPUT} min-h-20 resize-y`}
          maxLength={4000}
          dir="auto"
          value={fields.content}
          onChange={(event) => {
            onChange({ content: event.target.value })
          }}
        />
      </Field>
      <div className="grid grid-cols-2 gap-3 sm:grid-cols-3">
        <Field label={t('ticket.statusLabel')}>
          <Select
            className="h-9 w-full"
            value={fields.status}
            onChange={(event) => {
              onChange({ status: event.target.value as Status })
            }}
          >
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {t(`ticket.status.${one}`)}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t('ticket.assignee')}>
          <Select
            className="h-9 w-full"
            value={fields.assigneeId ?? ''}
            onChange={(event) => {
              onChange({ assigneeId: event.target.value ? Number(event.target.value) : null })
            }}
          >
            <option value="">{t('ticket.nobody')}</option>
            {members.map((member) => (
              <option key={member.userId} value={member.userId}>
                {member.name}
              </option>
            ))}
          </Select>
        </Field>
        <TextField
          label={t('ticket.due')}
          type="date"
          value={fields.due ?? ''}
          onText={(text) => {
            onChange({ due: text || null })
          }}
        />
      </div>
    </>
  )
}
