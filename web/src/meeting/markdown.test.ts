import { expect, it } from 'vitest'
import { blocks, spans } from './markdown'

it('reads minutes as they are written', () => {
  const found = blocks(
    '# Minutes · 2026-03-16\n\n## Summary\n\n- We ship on Friday. [03:25]\n- Mina sends it [1:03:25]\n\nText that\ngoes on\n\n1. one\n',
  )
  expect(found.map((block) => block.kind)).toEqual(['heading', 'heading', 'list', 'text', 'list'])
  expect(found[2]).toMatchObject({
    isNumbered: false,
    items: [
      [{ text: 'We ship on Friday. ' }, { kind: 'time', text: '03:25', ms: 205_000 }],
      [{ text: 'Mina sends it ' }, { kind: 'time', ms: 3_805_000 }],
    ],
  })
  expect(found[3]).toEqual({
    kind: 'text',
    spans: [{ kind: 'text', text: 'Text that' }, { kind: 'text', text: ' ' }, { kind: 'text', text: 'goes on' }],
  })
})

it('knows strong, emphasis and code, and takes escapes and stray marks as text', () => {
  expect(spans('**T-3** is *late* in `main` a_b_c 2 * 3')).toEqual([
    { kind: 'strong', text: 'T-3' },
    { kind: 'text', text: ' is ' },
    { kind: 'emphasis', text: 'late' },
    { kind: 'text', text: ' in ' },
    { kind: 'code', text: 'main' },
    { kind: 'text', text: ' a_b_c 2 * 3' },
  ])
  expect(spans('\\*not\\* \\[x\\]')).toEqual([{ kind: 'text', text: '*not* [x]' }])
})

it('keeps HTML as the text it is', () => {
  expect(blocks('<script>alert(1)</script>')).toEqual([
    { kind: 'text', spans: [{ kind: 'text', text: '<script>alert(1)</script>' }] },
  ])
})
