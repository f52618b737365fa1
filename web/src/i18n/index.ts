import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import type { Texts } from './en'

export const LANGUAGES = { ko: '한국어', en: 'English' } as const
export type Language = keyof typeof LANGUAGES

const KEY = 'vori.language'

function preferred(): Language {
  const kept = localStorage.getItem(KEY)
  if (kept === 'ko' || kept === 'en') return kept
  return navigator.language.startsWith('ko') ? 'ko' : 'en'
}

/** Only the language that is read is loaded. */
const load: Record<Language, () => Promise<Texts>> = {
  ko: async () => (await import('./ko')).ko,
  en: async () => (await import('./en')).en,
}

const first = preferred()
await i18next.use(initReactI18next).init({
  resources: { [first]: { translation: await load[first]() } },
  lng: first,
  interpolation: { escapeValue: false }, // React does
})
document.documentElement.lang = first

export async function choose(language: Language): Promise<void> {
  localStorage.setItem(KEY, language)
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await load[language]())
  }
  document.documentElement.lang = language
  await i18next.changeLanguage(language)
}

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: Texts }
  }
}
