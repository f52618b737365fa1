import { expect, it } from 'vitest'
import { en } from './en'
import { ko } from './ko'

type Tree = { [key: string]: string | Tree }

function leaves(tree: Tree, path = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[path + key, value]] : leaves(value, `${path}${key}.`),
  )
}

const holes = (text: string) => (text.match(/{{\w+}}/g) ?? []).sort()

it('has the same labels in both languages, with the same holes', () => {
  const korean = new Map(leaves(ko))
  expect([...korean.keys()].sort()).toEqual(leaves(en).map(([key]) => key).sort())
  for (const [key, text] of leaves(en)) {
    expect(korean.get(key), key).toBeTruthy()
    expect(holes(korean.get(key) ?? ''), key).toEqual(holes(text))
  }
})

it('leaves no English label in Korean', () => {
  const untranslated = leaves(ko).filter(
    ([key, text]) => !/[가-힣]/.test(text) && !['error.problem', 'ticket.byMachine'].includes(key),
  )
  expect(untranslated).toEqual([])
})
