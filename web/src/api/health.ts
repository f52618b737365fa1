import { Problem, problemFrom } from './http'
import type { HealthReport } from './types'

/** How VORI's parts do. One that is down is told with 503, and the report all the same. */
export async function health(signal: AbortSignal): Promise<HealthReport> {
  let response: Response
  try {
    response = await fetch('/health', { signal })
  } catch (error) {
    if (signal.aborted) throw error
    throw new Problem('away', '', 0)
  }
  const text = await response.text()
  if (response.ok || response.status === 503) {
    try {
      const report = JSON.parse(text) as Partial<HealthReport>
      if (report.workers) return report as HealthReport
    } catch {
      // Not ours: a proxy whose server is away.
    }
  }
  throw problemFrom(response.status, text)
}

/** Whether VORI answers at all. */
export async function isThere(): Promise<boolean> {
  try {
    return (await fetch('/health/live')).ok
  } catch {
    return false
  }
}
