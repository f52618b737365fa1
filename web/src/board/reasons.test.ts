import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { reasonFor } from './reasons'

const engine = ['../vori/tickets/extract/local.py', '../vori/tickets/decide.py']
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n')

it('tells a reader of Korean every reason of the local engine in Korean', () => {
  const said = [
    ...engine.matchAll(
      /"(?:; )?((?:somebody|the group agreed|reported as|said to|what moved|taken back|nobody assigned)[^"{]*?)(?:\{names\})?"/g,
    ),
  ].map((found) => found[1] ?? '')
  expect(said.length).toBeGreaterThan(11)
  for (const reason of said) {
    const whole = reason.endsWith(' fits ') ? `${reason}Minji Kim, Minji Park` : reason
    expect(reasonFor(whole, 'ko'), whole).not.toMatch(/[a-z]{3,} (was|is|since|to|as|later)/)
    expect(reasonFor(whole, 'en')).toBe(whole)
  }
})

it('keeps names, joins parts, and leaves what it does not know', () => {
  expect(
    reasonFor('somebody was asked; nobody assigned, since the name fits Mina, Minho', 'ko-KR'),
  ).toBe('부탁받은 일; 이름이 여러 사람에게 맞아 담당자를 정하지 않음: Mina, Minho')
  expect(reasonFor('nobody assigned, since the name fits Mina, Minho and 2 more', 'ko')).toBe(
    '이름이 여러 사람에게 맞아 담당자를 정하지 않음: Mina, Minho 외 2명',
  )
  expect(reasonFor('The speaker says so.', 'ko')).toBe('The speaker says so.')
})
