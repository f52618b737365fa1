/** The local engine writes its reasons in English; these are the same for readers of Korean. */
const KOREAN: [RegExp, string][] = [
  [/^somebody was asked$/, '부탁받은 일'],
  [/^somebody promised it$/, '하겠다고 한 일'],
  [/^the group agreed that it is needed$/, '필요하다고 함께 정한 일'],
  [/^somebody intends it and it was confirmed$/, '하겠다는 말을 다른 사람이 확인한 일'],
  [/^reported as done$/, '끝났다고 보고된 일'],
  [/^reported as under way$/, '진행 중이라고 보고된 일'],
  [/^said to be open again$/, '다시 해야 한다고 함'],
  [/^said to be finished$/, '끝났다고 함'],
  [/^said to have begun$/, '시작했다고 함'],
  [/^judged by how it was told$/, '어떻게 말했는지로 판단함'],
  [/^what moved it was corrected later in the meeting$/, '옮기게 한 말이 나중에 고쳐짐'],
  [/^taken back or corrected later in the meeting$/, '나중에 취소되거나 고쳐짐'],
  [
    /^nobody assigned, since the name fits (.+) and (\d+) more$/,
    '이름이 여러 사람에게 맞아 담당자를 정하지 않음: $1 외 $2명',
  ],
  [/^nobody assigned, since the name fits (.+)$/, '이름이 여러 사람에게 맞아 담당자를 정하지 않음: $1'],
  [
    /^nobody assigned, since nobody is named and the speaker is not known$/,
    '이름이 나오지 않고 말한 사람을 알 수 없어 담당자를 정하지 않음',
  ],
  [/^nobody assigned, since the name is no member$/, '이름이 구성원이 아니라 담당자를 정하지 않음'],
]

/** A receipt's reason for a reader of `language`; what is not known (Claude's words) as it is. */
export function reasonFor(reason: string, language: string): string {
  if (!language.startsWith('ko')) return reason
  const parts = reason.split('; ').map((part) => {
    const known = KOREAN.find(([english]) => english.test(part))
    return known ? part.replace(known[0], known[1]) : part
  })
  return parts.join('; ')
}
