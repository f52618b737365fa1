import { gzipSync } from 'node:zlib'
import type { Plugin, Rollup } from 'vite'

const MOST_KB = 300

/**
 * Prints how much JavaScript a browser loads for each page that is opened first, gzip as VORI sends
 * it, and breaks the build when one is above the limit.
 */
export function firstLoad(): Plugin {
  return {
    name: 'first-load',
    apply: 'build',
    writeBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((one) => one.type === 'chunk')
      const entry = chunks.find((one) => one.isEntry)
      if (!entry) return
      // Of the languages one is loaded; counted is the larger.
      const [language] = chunks
        .filter((one) => one.facadeModuleId?.includes('/src/i18n/'))
        .sort((a, b) => b.code.length - a.code.length)
      const always = language ? [entry, language] : [entry]
      const pages = chunks.filter((one) => one.facadeModuleId?.includes('/src/pages/'))
      const loads = [...pages, entry].map((one) => ({
        name: one === entry ? 'at least' : one.name,
        kb: Math.round(bytesOf([...always, one], bundle) / 100) / 10,
      }))
      loads.sort((a, b) => b.kb - a.kb)
      console.log('First load, kB of JavaScript (gzip):')
      for (const { name, kb } of loads) console.log(`  ${kb.toFixed(1).padStart(6)}  ${name}`)
      const heavy = loads.filter((one) => one.kb > MOST_KB)
      if (heavy.length > 0) {
        this.error(`More than ${MOST_KB} kB: ${heavy.map((one) => one.name).join(', ')}`)
      }
    },
  }
}

/** What chunks and all that they import at once weigh together. */
function bytesOf(chunks: Rollup.OutputChunk[], bundle: Rollup.OutputBundle): number {
  const files = new Set<string>()
  const add = (chunk: Rollup.OutputChunk) => {
    if (files.has(chunk.fileName)) return
    files.add(chunk.fileName)
    for (const name of chunk.imports) {
      const imported = bundle[name]
      if (imported?.type === 'chunk') add(imported)
    }
  }
  chunks.forEach(add)
  return [...files].reduce((sum, name) => {
    const chunk = bundle[name]
    return sum + (chunk?.type === 'chunk' ? gzipSync(chunk.code).byteLength : 0)
  }, 0)
}
